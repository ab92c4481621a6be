"""What the fit of a table has found: measures, a verdict, notes, figures."""

import numpy as np
import pandas as pd

from tfvae import evaluation, plots
from tfvae.runs.directory import METRICS
from tfvae.runs.report import write_report
from tfvae.workflows.fitting import comparison, draw_latent
from tfvae.workflows.tuning import choice_in_words
from tfvae.workflows.verdicts import density_verdict, draws_verdict, together

_SCORE_SAMPLES = 200
_ENCODED = 2_000  # held-out rows whose codes are measured and drawn
_COMPARED = 2_000  # held-out rows, and as many draws, that a classifier is to tell apart
_FEWEST = 20  # of either, below which no classifier is asked
_SCORED_TRAINING = 1_000  # training rows, among which others are ranked
_SHOWN = 12  # columns in a figure
_PICTURES = 14  # rows shown as images


def write(run, model, table, history, seed):
    """`metrics.json`, the figures and the report.

    Args:
        run: `RunDirectory`.
        model: a trained `VAE`.
        table: the data, as `fit_tables` reads and splits it.
        history: `pandas.DataFrame` of the training.
        seed: of all draws.
    """
    held_out = table.frame.iloc[table.held_out].reset_index(drop=True)
    draws = table.codec.inverse(model.sample(len(held_out), seed=seed))
    run.write_json(METRICS, _metrics(run, model, table, held_out, draws, seed))
    _draw(run, model, table, history, held_out, draws, seed)
    write_report(run)


def _metrics(run, model, table, rows, draws, seed):
    """Held-out −log p per row in the data's units, beside scikit-learn's; draws against rows, beside a copula's."""
    codec, held_out, train = table.codec, table.vectors[table.held_out], table.vectors[table.train]
    estimate = model.log_likelihood(held_out, num_samples=_SCORE_SAMPLES, seed=seed)
    scores = {"tfvae": estimate.log_likelihood + codec.log_jacobian(held_out)}
    scores |= evaluation.baseline_log_densities(codec, train, held_out, seed)
    latent = evaluation.latent_report(model, held_out[:_ENCODED], seed)
    compared = comparison(scores)
    verdicts, areas = [density_verdict(compared, "row")], {}
    if len(rows) >= _FEWEST:
        copula = evaluation.GaussianCopula(table.frame[codec.names].iloc[table.train], seed).sample(len(rows), seed)
        own, copulas = (
            evaluation.two_sample_auc(rows[codec.names][:_COMPARED], t[codec.names][:_COMPARED], seed)
            for t in (draws, copula)
        )
        areas = {f"auc_{name}": value for name, value in own._asdict().items()}
        areas |= {f"copula_auc_{name}": value for name, value in copulas._asdict().items() if name != "null_sd"}
        verdicts.append(draws_verdict(own, copulas))
    known = train[:_SCORED_TRAINING]
    of_training = model.log_likelihood(known, _SCORE_SAMPLES, seed).log_likelihood + codec.log_jacobian(known)
    return {
        "verdict": together(*verdicts),
        "rows_trained": len(table.train),
        "rows_held_out": len(held_out),
        "nll": compared[0]["nll"],
        **areas,
        "kl": latent.kl,
        "active_units": latent.active_units,
        "mutual_information": latent.mutual_information,
        "comparison": compared,
        "training_percentiles": np.percentile(of_training, np.arange(101)).round(6).tolist(),
        "notes": choice_in_words(run) + _notes(table, model),
    }


def _notes(table, model):
    codec = table.codec
    notes = codec.describe()
    if table.unseen:
        notes.append(
            f"Rows with a value that no training row has, left out of validation and evaluation: {table.unseen}. The model "
            "gives them the probability 0."
        )
    if any(scale.at_floor() for scale in model.scales):
        notes.append("A learned scale has reached its floor: compare this likelihood only with one of the same floor.")
    return notes


def _draw(run, model, table, history, rows, draws, seed):
    codec, frame, labels = table.codec, table.frame, table.labels
    shown = {"held-out rows": rows, "draws": draws}
    varying = codec.names
    _draw_pixels(run, model, table, rows, draws, seed)
    columns = f"The first {_SHOWN} of {len(varying)} columns" if len(varying) > _SHOWN else "Each column"
    run.save_figure(
        "1-columns",
        plots.column_histograms({k: t[varying] for k, t in shown.items()}, _SHOWN),
        f"{columns}, in held-out rows and in as many draws from the model. Where the colours part, the model is wrong.",
    )
    numbers = [name for name in varying if pd.api.types.is_numeric_dtype(frame[name])]
    if len(numbers) > 1:
        run.save_figure(
            "2-correlations",
            plots.correlation_panels({k: t[numbers] for k, t in shown.items()}, _SHOWN),
            "Rank correlations of columns. The two panels should look alike.",
        )
    z = model.encode(table.vectors[table.held_out][:_ENCODED]).mean().numpy()
    if labels is not None:
        labels = labels.iloc[table.held_out][:_ENCODED].astype("string").fillna("missing").to_numpy(str)
    draw_latent(run, "3-latent", z, labels, "held-out rows")
    run.save_figure(
        "4-loss",
        plots.loss_curves({"": _in_data_units(history, table)}),
        "The loss and its parts, in nats a row and in the data's units. Dashed: validation rows, by which the "
        "epoch is chosen.",
    )


def _in_data_units(history, table):
    """Losses of vectors as losses of rows."""
    units = {"": table.train, "val_": table.validation}
    units = {name: table.codec.log_jacobian(table.vectors[rows]).mean() for name, rows in units.items()}
    parts = {
        c: units["val_" * c.startswith("val_")] for c in history if c.removeprefix("val_") in ("loss", "reconstruction")
    }
    return history.assign(**{c: history[c] - unit for c, unit in parts.items()})


def _draw_pixels(run, model, table, rows, draws, seed):
    """Rows as images, where they have as many numbers as a square has pixels."""
    side = table.codec.side
    if side is None:
        return
    pixels = table.frame.columns
    count = min(_PICTURES, len(rows))
    means = table.codec.inverse(model.sample(count, seed=seed, mean=True))
    images = {"held-out rows": rows, "draws": draws, "decoder means": means}
    images = {name: frame[pixels].to_numpy("float64")[:count].reshape(-1, side, side) for name, frame in images.items()}
    limits = (table.frame.to_numpy("float64").min(), table.frame.to_numpy("float64").max())
    run.save_figure(
        "0-images",
        plots.image_rows(images, limits=limits),
        "Held-out rows, draws from p(x|z) with z from the prior, and the means of p(x|z) for such z.",
    )
