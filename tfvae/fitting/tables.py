"""A model for the user's own table."""

import numpy as np
import pandas as pd

from tfvae import plots
from tfvae.data.tables import split_rows
from tfvae.evaluation import latent_report
from tfvae.fitting.training import comparison, draw_latent, fit_until_worse, model_maker
from tfvae.models import tables
from tfvae.runs import METRICS

_SCORE_SAMPLES = 200


def fit_tables(run, codec, frame, labels, options):
    """Fits the model that `options` describe to a checked table, evaluates it on held-out rows and draws it.

    Args:
        run: `RunDirectory`.
        codec: `TableCodec` of the table.
        frame: `pandas.DataFrame`, the columns to model.
        labels: `pandas.Series` that colours figures, or None.
        options: dict with `model`, `latent_dim`, `hidden`, `num_components`, `learning_rate`, `epochs`, `batch_size`,
            `patience`, `holdout`, `seed`, `verbose`, `checkpoint_seconds`.
    """
    seed = options["seed"]
    train, validation, held_out = split_rows(len(frame), options["holdout"], seed)
    vectors = codec.transform(frame, seed)
    make_model = model_maker(tables, options, vectors[train], codec.num_continuous, codec.num_categories)
    model, history = fit_until_worse(run, make_model, vectors[train], vectors[validation], options)
    metrics = evaluate_table(model, codec, vectors, train, held_out, seed)
    run.write_json(METRICS, metrics | {"notes": _notes(codec, model)})
    _draw(run, model, codec, frame, vectors, labels, history, held_out, seed)
    return metrics


def evaluate_table(model, codec, vectors, train, held_out, seed):
    """Held-out −log p per row in the data's units, beside a Gaussian and a Gaussian mixture of scikit-learn."""
    scores = {"tfvae": score_vectors(model, codec, vectors[held_out], seed).log_likelihood}
    if codec.num_continuous:
        scores |= _baselines(codec, vectors[train], vectors[held_out], seed)
    latent = latent_report(model, vectors[held_out][:2000], seed)
    compared = comparison(scores)
    return {
        "rows_trained": len(train),
        "rows_held_out": len(held_out),
        "nll": compared[0]["nll"],
        "kl": latent.kl,
        "active_units": latent.active_units,
        "mutual_information": latent.mutual_information,
        "comparison": compared,
    }


def score_vectors(model, codec, vectors, seed=0, num_samples=_SCORE_SAMPLES):
    """log p of each row in the data's units, as a `LikelihoodEstimate`."""
    estimate = model.log_likelihood(vectors, num_samples=num_samples, seed=seed)
    return estimate._replace(log_likelihood=estimate.log_likelihood + codec.log_jacobian)


def _baselines(codec, train, held_out, seed):
    """The same densities by scikit-learn: of the numbers, times the categories' own frequencies."""
    from sklearn.mixture import GaussianMixture

    c = codec.num_continuous
    counts = np.split(train[:, c:].sum(axis=0), np.cumsum(codec.num_categories)[:-1]) if codec.categoricals else []
    frequencies = [np.log((k + 1) / (len(train) + len(k))) for k in counts]
    categories = held_out[:, c:] @ np.concatenate([*frequencies, []]) + codec.log_jacobian
    scores = {}
    for components in (1, 10):
        mixture = GaussianMixture(components, reg_covar=1e-4, random_state=seed).fit(train[:, :c].astype("float64"))
        name = "Gaussian, full covariance" if components == 1 else f"Gaussian mixture, {components} full covariances"
        scores[f"{name} (scikit-learn)"] = mixture.score_samples(held_out[:, :c].astype("float64")) + categories
    return scores


def _notes(codec, model):
    notes = [codec.describe()]
    if codec.constants:
        names = ", ".join(c.name for c in codec.constants)
        notes.append(f"Constant columns, left out of the model and written back in samples: {names}.")
    if any(scale.at_floor() for scale in model.scales):
        notes.append("A learned scale has reached its floor: compare this likelihood only with one of the same floor.")
    return notes


def _draw(run, model, codec, frame, vectors, labels, history, held_out, seed):
    run.save_figure("loss", plots.loss_curves({"model": history}, title="Training; validation dashed"))
    n = len(held_out)
    draws = codec.inverse(model.sample(n, seed=seed))
    shown = {"held-out rows": frame.iloc[held_out].reset_index(drop=True), "draws from the model": draws}
    varying = [c.name for c in codec.columns if c not in codec.constants]
    run.save_figure(
        "columns", plots.column_histograms({k: t[varying] for k, t in shown.items()}, title="First columns")
    )
    z = model.encode(vectors[held_out]).mean().numpy()
    codes = np.zeros(n, int)
    if labels is not None:
        codes = pd.factorize(labels.iloc[held_out].astype("string").fillna("missing"), sort=True)[0]
    of = f"coloured by {labels.name}" if labels is not None else "held-out rows"
    draw_latent(run, "latent", z, codes, of)
    side = round(len(frame.columns) ** 0.5)
    if side * side == len(frame.columns) and side >= 5 and not codec.categoricals:  # columns that can be seen as pixels
        means = codec.inverse(model.sample(n, seed=seed, mean=True))
        limits = (frame.to_numpy("float64").min(), frame.to_numpy("float64").max())
        titles = ("Held-out rows", "Draws from p(x|z), z ~ p(z)", "Decoder means, z ~ p(z)")
        for name, title, table in zip(("data", "draws", "means"), titles, (*shown.values(), means), strict=True):
            images = table.to_numpy("float64")[:50].reshape(-1, side, side)
            run.save_figure(f"images-{name}", plots.image_grid(images, title, limits=limits))
