"""A model for images."""

import numpy as np

from tfvae import plots
from tfvae.data.tables import split_rows
from tfvae.evaluation import latent_report
from tfvae.fitting.training import comparison, draw_latent, fit_until_worse, model_maker
from tfvae.models import images as models
from tfvae.runs import METRICS

_SCORED = 2_000  # held-out images whose likelihood is estimated
_SCORE_SAMPLES = 200
_SHOWN = 100


def fit_images(run, codec, images, options):
    """Fits the model that `options` describe, evaluates it on held-out images and draws it.

    Args:
        run: `RunDirectory`.
        codec: `ImageCodec`.
        images: `Images`; where it has no test or validation images, some are held out from the others.
        options: as for `fit_tables`.
    """
    seed = options["seed"]
    x, labels, x_test, test_labels = images.x_train, images.y_train, images.x_test, images.y_test
    train, validation, held_out = split_rows(len(x), options["holdout"], seed)
    if x_test is None:
        x_test, test_labels = x[held_out], None if labels is None else labels[held_out]
    else:
        train = np.setdiff1d(np.arange(len(x)), validation)
    order = np.random.default_rng(seed).permutation(len(x_test))  # a set may be sorted by its labels
    x_test, test_labels = x_test[order], None if test_labels is None else test_labels[order]
    vectors, test = codec.transform(x), codec.transform(x_test)
    if images.x_valid is None:
        train_vectors, validation_vectors = vectors[train], vectors[validation]
    else:
        train_vectors, validation_vectors = vectors, codec.transform(images.x_valid)
    make_model = model_maker(models, options, train_vectors, codec.num_pixels, codec.binary)
    model, history = fit_until_worse(run, make_model, train_vectors, validation_vectors, options)
    estimate = model.log_likelihood(test[:_SCORED], _SCORE_SAMPLES, seed)
    baseline = _pixelwise(train_vectors, test[:_SCORED], codec.binary)
    latent = latent_report(model, test[:_SCORED], seed)
    metrics = {
        "images_trained": len(train_vectors),
        "images_held_out": len(test),
        "images_scored": len(estimate.log_likelihood),
        "nll": -estimate.mean,
        "kl": latent.kl,
        "active_units": latent.active_units,
        "mutual_information": latent.mutual_information,
        "comparison": comparison({"tfvae": estimate.log_likelihood, **baseline}),
        "notes": _notes(codec, images.lossy),
    }
    run.write_json(METRICS, metrics)
    _draw(run, model, codec, history, test, test_labels, seed)
    return metrics


def _notes(codec, lossy):
    notes = [] if codec.binary else ["Densities are those of pixels scaled to [0, 1]."]
    if lossy:
        notes.append("The images are lossy JPEG copies: compare these likelihoods with no published ones.")
    return notes


def _pixelwise(train, test, binary):
    """{name: log p of each image} of the model without a latent space: independent pixels, fitted in closed form."""
    if binary:
        p = (train.sum(axis=0) + 0.5) / (len(train) + 1)
        return {"independent pixels (Bernoulli)": test @ np.log(p) + (1 - test) @ np.log1p(-p)}
    mean, sd = train.mean(axis=0), np.maximum(train.std(axis=0), 1e-2)
    z = (test - mean) / sd
    log_density = -(0.5 * z**2 + np.log(sd * np.sqrt(2 * np.pi)))
    return {"independent pixels (Gaussian, sd at least 0.01)": log_density.sum(axis=1)}


def _draw(run, model, codec, history, test, labels, seed):
    run.save_figure("1-loss", plots.loss_curves({"model": history}, title="Training; validation dashed"))
    shown = test[:_SHOWN]
    pictures = {
        "2-data": ("Held-out images", shown),
        "3-reconstructions": (
            "Their reconstructions: decoder means, z ~ q(z|x)",
            model.reconstruct(shown, seed, mean=True),
        ),
        "4-means": ("Decoder means, z ~ p(z)", model.sample(_SHOWN, seed, mean=True)),
        "5-draws": ("Draws from p(x|z), z ~ p(z)", model.sample(_SHOWN, seed)),
    }
    for name, (title, vectors) in pictures.items():
        run.save_figure(name, plots.image_grid(codec.inverse(vectors), title, ink=False))
    z = model.encode(test[:_SCORED]).mean().numpy()
    codes = np.zeros(len(z), int) if labels is None else np.unique(labels[: len(z)], return_inverse=True)[1]
    of = "held-out images" if labels is None else "coloured by label"
    draw_latent(run, "6-latent", z, codes, of)
