"""A model for the user's own table."""

import dataclasses
import difflib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfvae import evaluation, plots
from tfvae.codecs.table_codec import TableCodec
from tfvae.data.images import KNOWN
from tfvae.data.tables import check_values, file_hash, frame_hash, read_table, split_rows
from tfvae.host.errors import UserError
from tfvae.models.table_models import check_model, default_model
from tfvae.priors.by_name import PriorChoice
from tfvae.runs.directory import METRICS, RunDirectory
from tfvae.runs.load import Run
from tfvae.runs.report import write_report
from tfvae.workflows.fitting import comparison, draw_latent, fit_until_worse, folder_of, model_maker, start_run
from tfvae.workflows.options import TableOptions, options_of

_SCORE_SAMPLES = 200


def fit_table(
    data: pd.DataFrame | str | Path,
    out: str | Path | None = None,
    options: TableOptions | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    verbose: Any = "line",
    checkpoint_seconds: float = 10.0,
    say: Callable[[str], None] = lambda sentence: None,
    **changes: Any,
) -> Run:
    """Fits a model to a table, measures it on held-out rows and writes a run directory with a report.

    Args:
        data: a `pandas.DataFrame`, a .csv, .parquet, .npy or .npz file, or "digits".
        out: the run directory; None for a new temporary one.
        options: `TableOptions`; None for its defaults.
        overwrite, resume: replace an earlier run in `out`, or continue an interrupted one.
        verbose: of `model.fit`, or "line" for one line with the time left.
        checkpoint_seconds: the least time between two checkpoints.
        say: function of a sentence that the user should see at once.
        **changes: of the options, such as `label="species"`, `prior="mixture:100"`.

    Returns:
        `Run`, which samples, scores, encodes and decodes in the table's own columns and units.

    Raises:
        UserError: where the table, the options or `out` cannot be used, before any training.
    """
    options = options_of(TableOptions, options, changes)
    out = folder_of(out)
    RunDirectory.check_free(out, overwrite=overwrite, resume=resume)
    table = _Table(data, options)
    if not options.model:
        options = dataclasses.replace(options, model=_default_model(table.codec, options))
    check_model(options.model, table.codec.num_categories, options.prior, options.latent_dim)
    for column in table.codec.constants:
        say(f"Column {column.name!r} is constant: it is left out of the model and written back in samples.")
    arguments = {"data": data if isinstance(data, str | Path) else "a DataFrame", **vars(options)}
    config = {"command": "fit", "arguments": arguments, "data": table.about, table.codec.kind: table.codec.to_config()}
    run = start_run(out, config, overwrite=overwrite, resume=resume)
    vectors, codec = table.vectors, table.codec
    make_model = model_maker(options, vectors[table.train], codec.num_continuous, codec.num_categories)
    model, history = fit_until_worse(
        run, make_model, vectors[table.train], vectors[table.validation], options, verbose, checkpoint_seconds
    )
    metrics = _evaluate(model, table, options.seed)
    run.write_json(METRICS, metrics | {"notes": _notes(table, model)})
    _draw(run, model, table, history, options.seed)
    write_report(run)
    return Run.open(run.path)


class _Table:
    """A table read and checked, split by row, with a codec that has seen its training rows alone.

    Attributes:
        frame: the columns to model; labels: a `pandas.Series`, or None.
        train, validation, held_out: row numbers; a row with a value that no training row has is in none of them.
        unseen: the number of such rows.
        vectors: `(n, D)` float32, NaN in those rows.
        about: what the config says of the data.
    """

    def __init__(self, data, options):
        frame = read_table(data, _others(data)) if isinstance(data, str | Path) else _named(data)
        label = options.label or ("digit" if isinstance(data, str | Path) and str(data) == "digits" else "")
        frame, labels = _select(frame, options.columns, options.exclude, label)
        rows = len(frame)
        frame = check_values(frame, options.missing)
        self.labels = None if labels is None else labels.loc[frame.index].reset_index(drop=True)
        self.frame = frame.reset_index(drop=True)
        parts = split_rows(len(frame), options.holdout, options.seed)
        if options.prior:
            PriorChoice.parse(options.prior).check(len(parts[0]))
        self.codec = TableCodec.fit(self.frame.iloc[parts[0]])
        fits = self.codec.fits(self.frame)
        self.train, self.validation, self.held_out = (rows[fits[rows]] for rows in parts)
        self.unseen = int((~fits).sum())
        if not len(self.validation) or len(self.held_out) < 2:
            raise UserError(
                "The held-out rows have categories that no training row has, so that none is left to score: group the rare "
                "ones, or leave their column out by `exclude`."
            )
        self.vectors = np.full((len(frame), self.codec.width), math.nan, "float32")
        self.vectors[fits] = self.codec.transform(self.frame[fits], options.seed)
        digest = file_hash(data) if isinstance(data, str | Path) else frame_hash(self.frame)
        self.about = {"sha256": digest, "rows": rows, "rows_used": len(frame)}


def _others(data):
    """What else `tfvae fit` takes, and the set whose name is near to what was given."""
    near = difflib.get_close_matches(str(data), KNOWN, n=1)
    return f"; did you mean {near[0]}" if near else ", a folder of images, or a set that `tfvae list` shows"


def _default_model(codec, options):
    if options.prior or options.latent_dim is not None:
        return "mixture-prior"
    return default_model(codec.num_continuous, codec.num_categories)


def _named(frame):
    if not isinstance(frame, pd.DataFrame):
        raise UserError(f"`data` must be a DataFrame or the path of a table, but is a {type(frame).__name__}.")
    return frame.rename(columns=str)


def _select(frame, columns, exclude, label):
    """The modelled columns, and the label column or None."""
    unknown = [c for c in [*columns, *exclude, *([label] if label else [])] if c not in frame]
    if unknown:
        raise UserError(
            f"There is no column {unknown[0]!r}; the columns are {', '.join(map(str, frame.columns[:20]))}."
        )
    kept = [c for c in (columns or frame.columns) if c not in exclude and c != label]
    if not kept:
        raise UserError("No column is left to model.")
    return frame[kept], frame[label] if label else None


def _evaluate(model, table, seed):
    """Held-out −log p per row in the data's units, beside a Gaussian and a Gaussian mixture of scikit-learn."""
    codec, held_out = table.codec, table.vectors[table.held_out]
    estimate = model.log_likelihood(held_out, num_samples=_SCORE_SAMPLES, seed=seed)
    scores = {"tfvae": estimate.log_likelihood + codec.log_jacobian}
    if codec.num_continuous:
        scores |= _baselines(codec, table.vectors[table.train], held_out, seed)
    latent = evaluation.latent_report(model, held_out[:2000], seed)
    compared = comparison(scores)
    return {
        "rows_trained": len(table.train),
        "rows_held_out": len(held_out),
        "nll": compared[0]["nll"],
        "kl": latent.kl,
        "active_units": latent.active_units,
        "mutual_information": latent.mutual_information,
        "comparison": compared,
    }


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


def _notes(table, model):
    codec = table.codec
    notes = [codec.describe()]
    if codec.constants:
        names = ", ".join(c.name for c in codec.constants)
        notes.append(f"Constant columns, left out of the model and written back in samples: {names}.")
    if table.unseen:
        notes.append(
            f"Rows with a value that no training row has, left out of validation and evaluation: {table.unseen}. The model "
            "gives them the probability 0."
        )
    if any(scale.at_floor() for scale in model.scales):
        notes.append("A learned scale has reached its floor: compare this likelihood only with one of the same floor.")
    return notes


def _draw(run, model, table, history, seed):
    codec, frame, labels, held_out = table.codec, table.frame, table.labels, table.held_out
    run.save_figure("loss", plots.loss_curves({"model": history}, title="Training; validation dashed"))
    n = len(held_out)
    draws = codec.inverse(model.sample(n, seed=seed))
    shown = {"held-out rows": frame.iloc[held_out].reset_index(drop=True), "draws from the model": draws}
    varying = [c.name for c in codec.columns if c not in codec.constants]
    run.save_figure(
        "columns", plots.column_histograms({k: t[varying] for k, t in shown.items()}, title="First columns")
    )
    z = model.encode(table.vectors[held_out]).mean().numpy()
    codes = np.zeros(n, int)
    if labels is not None:
        codes = pd.factorize(labels.iloc[held_out].astype("string").fillna("missing"), sort=True)[0]
    draw_latent(run, "latent", z, codes, f"coloured by {labels.name}" if labels is not None else "held-out rows")
    side = round(len(frame.columns) ** 0.5)
    if side * side == len(frame.columns) and side >= 5 and not codec.categoricals:  # columns that can be seen as pixels
        means = codec.inverse(model.sample(n, seed=seed, mean=True))
        limits = (frame.to_numpy("float64").min(), frame.to_numpy("float64").max())
        titles = ("Held-out rows", "Draws from p(x|z), z ~ p(z)", "Decoder means, z ~ p(z)")
        for name, title, rows in zip(("data", "draws", "means"), titles, (*shown.values(), means), strict=True):
            images = rows.to_numpy("float64")[:50].reshape(-1, side, side)
            run.save_figure(f"images-{name}", plots.image_grid(images, title, limits=limits))
