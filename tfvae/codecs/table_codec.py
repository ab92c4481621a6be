"""Tables, turned into what a model takes, and back into the data's units, names, order and types."""

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfvae.codecs.codec import Codec
from tfvae.codecs.columns import CategoryColumn, Column, ConstantColumn
from tfvae.codecs.number_column import NumberColumn
from tfvae.codecs.recognition import IDENTIFIER, column_of
from tfvae.data.tables import read_table, write_table
from tfvae.host.errors import UserError

_KINDS = {cls.kind: cls for cls in (ConstantColumn, CategoryColumn, NumberColumn)}


@dataclasses.dataclass(frozen=True)
class TableCodec(Codec):
    """Rows of a table <-> vectors for a model: first the numbers, as normal scores, then a one-hot block for each state.

    A column of numbers with atoms or missing values has both: its block says whether it is a number, and its number is NaN
    where it is none. NaN in a block or in a number without a block is a value that is not known. Constant columns are left
    out and written back.

    Attributes:
        columns: `Column`s, in the table's order.
        left_out: pairs (name, reason) of columns that no model is given.
        side: of the square images that rows are; None where they are none.
    """

    kind = "table"

    columns: tuple
    left_out: tuple = ()
    side: int | None = None

    @classmethod
    def fit(cls, frame: pd.DataFrame, plain: bool = False, wanted: Sequence[str] = ()) -> Any:
        """The codec of a table's training rows; raises UserError where nothing is left to model.

        Args:
            frame: with missing values or without.
            plain: bool, numbers are standardized and no more.
            wanted: names of columns that are modelled although they look like identifiers.
        """
        found = {str(name): column_of(frame[name], plain, str(name) in wanted) for name in frame.columns}
        columns = tuple(c for c in found.values() if isinstance(c, Column))
        left_out = tuple((name, c) for name, c in found.items() if isinstance(c, str))
        if all(isinstance(c, ConstantColumn) for c in columns):
            why = "; ".join(f"{name!r} is {reason}" for name, reason in left_out[:3])
            raise UserError(f"There is nothing to learn: {why or 'all columns are constant'}.")
        return cls(columns, left_out)

    @property
    def numbers(self) -> list:
        """The columns that have a number."""
        return [c for c in self.columns if c.has_number]

    @property
    def blocks(self) -> list:
        """The columns that have states, in the order of their one-hot blocks."""
        return [c for c in self.columns if c.states]

    @property
    def constants(self) -> list:
        return [c for c in self.columns if isinstance(c, ConstantColumn)]

    @property
    def names(self) -> list[str]:
        """Of the columns that the model sees."""
        return [c.name for c in self.columns if not isinstance(c, ConstantColumn)]

    @property
    def num_continuous(self) -> int:
        return len(self.numbers)

    @property
    def num_categories(self) -> list[int]:
        return [len(c.states) for c in self.blocks]

    @property
    def width(self) -> int:
        return self.num_continuous + sum(self.num_categories)

    def read(self, data: Any) -> Any:
        return self.check(read_table(data))

    def check(self, rows: Any) -> Any:
        missing = [c.name for c in self.columns if c.name not in rows and not isinstance(c, ConstantColumn)]
        if missing:
            raise UserError(
                f"The table has no column {missing[0]!r} ({len(missing)} of {len(self.columns)} columns are missing): give "
                "the columns that the model was trained on."
            )
        if not len(rows):
            raise UserError("The table has no rows.")
        return rows

    def faults(self, frame: pd.DataFrame) -> pd.Series:
        """For each row why the model gives it the probability 0, such as a category that was never seen; else empty."""
        faults = pd.Series("", index=frame.index, dtype=object)
        for c in self.columns:
            if c.name in frame:
                faults = faults.where(faults != "", c.faults(frame[c.name]))
        return faults

    def unknown(self, frame: pd.DataFrame) -> pd.Series:
        """For each row the columns, with commas between, whose missing values the model integrates over."""
        named = [np.where(c.unknown(frame[c.name]), f"{c.name}, ", "") for c in self.columns if c.name in self.names]
        return pd.Series(["".join(parts).removesuffix(", ") for parts in zip(*named, strict=True)], index=frame.index)

    def write(self, frame: pd.DataFrame, path: str | Path) -> None:
        write_table(frame, path)

    def transform(self, frame: pd.DataFrame, seed: int = 0, *, unknown: bool = False) -> np.ndarray:
        """Rows as float32 `(n, width)`; `seed` is of the noise on a grid. Raises UserError for rows that do not fit.

        Where a value is missing it is that state, if the training data had it; or, if `unknown`, not known.
        """
        frame = self.check(frame)
        faults = self.faults(frame)
        if (faults != "").any():
            count = int((faults != "").sum())
            raise UserError(f"{faults[faults != ''].iloc[0]} ({count} of {len(frame)} rows do not fit the model).")
        rng = np.random.default_rng(seed)
        parts = [c.mapped(frame[c.name], rng)[:, None] for c in self.numbers]
        hidden = {c.name: unknown & frame[c.name].isna().to_numpy() for c in self.blocks}
        parts += [_one_hot(np.where(hidden[c.name], -1, c.codes(frame[c.name])), len(c.states)) for c in self.blocks]
        return np.concatenate(parts, axis=1).astype("float32")

    def inverse(self, vectors: np.ndarray) -> Any:
        """Vectors `(n, width)` as a table with the data's columns, order and types."""
        vectors = np.asarray(vectors, "float64")
        y = dict(zip((c.name for c in self.numbers), vectors.T, strict=False))
        codes = {c.name: block.argmax(axis=1) for c, block in zip(self.blocks, self.split_blocks(vectors), strict=True)}
        return pd.DataFrame({c.name: c.restored(len(vectors), y.get(c.name), codes.get(c.name)) for c in self.columns})

    def satisfies(self, frame: pd.DataFrame, where: dict) -> np.ndarray:
        """Which rows, `(n,)`, are as `where` says: {column: a value, or (low, high) with None for no bound}."""
        fits = np.ones(len(frame), bool)
        for name, wanted in where.items():
            self.check_names([name])
            fits &= next(c for c in self.columns if c.name == name).satisfies(frame[name], wanted)
        return fits

    def check_names(self, names: Sequence[str]) -> None:
        """UserError for a name that no column of the model has."""
        for name in names:
            if name not in {c.name for c in self.columns}:
                raise UserError(f"There is no column {name!r} in this model; it has {', '.join(self.names[:20])}.")

    def hide(self, vectors: np.ndarray, names: Collection[str]) -> np.ndarray:
        """Vectors where nothing is known of these columns: NaN."""
        vectors = vectors.copy()
        vectors[:, [k for k, c in enumerate(self.numbers) if c.name in names]] = np.nan
        for c, block in zip(self.blocks, self.split_blocks(vectors), strict=True):
            if c.name in names:
                block[:] = np.nan
        return vectors

    def split_blocks(self, vectors: np.ndarray) -> list[np.ndarray]:
        """The one-hot blocks of vectors, each `(n, states)`."""
        ends = self.num_continuous + np.cumsum(self.num_categories, dtype=int)
        return [vectors[:, end - size : end] for end, size in zip(ends, self.num_categories, strict=True)]

    def log_jacobian(self, vectors: np.ndarray) -> np.ndarray:
        """log |d vector / d row| of each vector, `(n,)`: what a log density of vectors lacks to be one of rows."""
        total = np.zeros(len(vectors))
        for k, c in enumerate(self.numbers):
            total += c.log_jacobian(np.asarray(vectors[:, k], "float64"))
        return total

    def remarks(self, rows: pd.DataFrame, scores: pd.Series, metrics: dict) -> dict[str, Any]:
        """Identifiers, the percentile of each score among the training rows', and what is special of a row."""
        rows = rows.reset_index(drop=True)
        identifiers = {name: rows[name] for name, why in self.left_out if why == IDENTIFIER and name in rows}
        percentiles = metrics.get("training_percentiles")
        ranked = {} if percentiles is None else {"percentile": np.interp(scores, percentiles, np.arange(101))}
        faults, unknown = self.faults(rows), self.unknown(rows)
        marginal = ("integrated over " + unknown).where(unknown != "", "")
        return {**identifiers, **ranked, "reason": faults.where(faults != "", marginal)}

    def describe(self) -> list[str]:
        """How the columns are modelled, in a sentence each."""
        kinds = {
            "Numbers, mapped to normal scores": [c for c in self.numbers if not c.step],
            "Numbers on a grid (integers, decimals, dates), which draws keep to, and of which the density is that of "
            "value + uniform noise": [c for c in self.numbers if c.step],
            "Categories, with their probabilities": [c for c in self.columns if isinstance(c, CategoryColumn)],
            "Numbers with repeated values, which have probabilities of their own": [c for c in self.numbers if c.atoms],
            "Columns with missing values, which have a probability too": [c for c in self.blocks if c.missing],
            "Constant columns, left out of the model and written back": self.constants,
        }
        said = [f"{what}: {', '.join(c.name for c in columns)}." for what, columns in kinds.items() if columns]
        return [*said, *(f"Left out: {name}, {reason}." for name, reason in self.left_out)]

    def to_config(self) -> dict:
        return {"columns": [c.to_config() for c in self.columns], "left_out": self.left_out, "side": self.side}

    @classmethod
    def from_config(cls, config: dict, folder: Any = None, model: str | None = None) -> Any:
        kinds = [about["kind"] for about in config["columns"]]
        if not set(kinds) <= set(_KINDS):
            raise UserError("This run's table was written by an earlier version of tfvae: fit it anew.")
        settings = [{name: value for name, value in about.items() if name != "kind"} for about in config["columns"]]
        columns = tuple(_KINDS[kind].from_config(s) for kind, s in zip(kinds, settings, strict=True))
        return cls(columns, tuple(map(tuple, config.get("left_out", ()))), config.get("side"))


def _one_hot(codes, states):
    """Rows of the identity, NaN where the state is not known."""
    return np.where((codes < 0)[:, None], np.nan, np.eye(states)[np.maximum(codes, 0)])
