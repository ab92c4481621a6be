"""A model for the user's own table."""

import dataclasses
import difflib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfvae.codecs.table_codec import TableCodec
from tfvae.data.images import KNOWN
from tfvae.data.known_tables import KNOWN_TABLES
from tfvae.data.tables import check_values, file_hash, frame_hash, read_table, split_rows
from tfvae.host.errors import UserError
from tfvae.models.table_models import check_model, takes_modes
from tfvae.priors.by_name import PriorChoice
from tfvae.priors.mixture_search import best_mixture
from tfvae.runs.directory import RunDirectory
from tfvae.runs.load import Run
from tfvae.workflows import table_report
from tfvae.workflows.fitting import folder_of, start_run
from tfvae.workflows.options import TableOptions, options_of
from tfvae.workflows.tuning import fit_best

_COMPARED, _LARGEST, _NARROWEST = 6_000, 32, 1e-2  # rows, components, standard deviations: by which a start is chosen


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
        data: a `pandas.DataFrame`, a .csv, .tsv, .xlsx, .parquet, .npy or .npz file, or "customers" or "digits".
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
    check_model(options.model, options.prior, options.latent_dim)
    for sentence in table.remarks:
        say(sentence)
    arguments = {"data": data if isinstance(data, str | Path) else "a DataFrame", **vars(options)}
    config = {"command": "fit", "arguments": arguments, "data": table.about, table.codec.kind: table.codec.to_config()}
    run = start_run(out, config, overwrite=overwrite, resume=resume)
    model, history = fit_best(run, table, options, verbose, checkpoint_seconds)
    table_report.write(run, model, table, history, options.seed)
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
        known = KNOWN_TABLES.get(str(data)) if isinstance(data, str | Path) else None
        label = options.label or (known.label if known else "")
        frame, labels = _select(frame, options.columns, options.exclude, label)
        rows = len(frame)
        frame = check_values(frame, options.missing)
        self.labels = None if labels is None else labels.loc[frame.index].reset_index(drop=True)
        self.frame = frame.reset_index(drop=True)
        parts = split_rows(len(frame), options.holdout, options.seed)
        if options.prior:
            PriorChoice.parse(options.prior).check(len(parts[0]))
        side = known.side if known and not (options.columns or options.exclude) else None
        self.codec = dataclasses.replace(_codec(self.frame.iloc[parts[0]], options), side=side)
        fits = (self.codec.faults(self.frame) == "").to_numpy()
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

    @property
    def remarks(self) -> list[str]:
        """What the user should know before the fit, a sentence each."""
        codec, remarks = self.codec, []
        if codec.left_out:
            remarks.append("Left out: " + "; ".join(f"{name} ({reason})" for name, reason in codec.left_out) + ".")
        if codec.constants:
            names = ", ".join(c.name for c in codec.constants)
            remarks.append(f"Constant, left out of the model and written back in samples: {names}.")
        if dropped := self.about["rows"] - self.about["rows_used"]:
            remarks.append(f"Rows with missing values, dropped: {dropped:,} of {self.about['rows']:,}.")
        missing = [c.name for c in codec.blocks if c.missing]
        if missing:
            remarks.append(f"Missing values are modelled, with a probability of their own: {', '.join(missing)}.")
        return remarks


def _codec(train, options):
    """The codec of the training rows."""
    codec = TableCodec.fit(train, wanted=options.columns)
    if codec.num_categories or not takes_modes(codec.width):
        return codec
    # Clusters of numbers that are Gaussian as they come should stay so: the better start decides.
    choices = (TableCodec.fit(train, plain=True, wanted=options.columns), codec)
    return max(choices, key=lambda c: _mixture_density(c, train, options.seed))


def _mixture_density(codec, train, seed):
    """Mean log density of a third of the rows, in the data's units, by a mixture of Gaussians fitted to the others."""
    vectors = codec.transform(train, seed).astype("float64")
    vectors = np.random.default_rng(seed).permutation(vectors)[:_COMPARED]
    held, rest = np.split(vectors, [len(vectors) // 3])
    mean, deviation = rest.mean(axis=0), rest.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    mixture = best_mixture((rest - mean) / deviation, _LARGEST, _NARROWEST, seed)
    score = mixture.score_samples((held - mean) / deviation) + codec.log_jacobian(held)
    return score.mean() - np.log(deviation).sum()


def _others(data):
    """What else `tfvae fit` takes, and the set whose name is near to what was given."""
    near = difflib.get_close_matches(str(data), [*KNOWN, *KNOWN_TABLES], n=1)
    return f"; did you mean {near[0]}" if near else ", a folder of images, or a set that `tfvae list` shows"


def _named(frame):
    if not isinstance(frame, pd.DataFrame):
        raise UserError(f"`data` must be a DataFrame or the path of a table, but is a {type(frame).__name__}.")
    frame = frame.rename(columns=str)
    if frame.columns.has_duplicates:
        raise UserError(f"The table has two columns named {frame.columns[frame.columns.duplicated()][0]!r}.")
    return frame


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
