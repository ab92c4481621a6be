"""Tables, turned into what a model takes, and back into the data's units, names, order and types."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfvae.codecs.codec import Codec
from tfvae.data.tables import EXACT, check_values, read_table, write_table
from tfvae.host.errors import UserError

_MOST_CATEGORIES = 100
NUMERIC, INTEGER, CATEGORICAL, CONSTANT = "numeric", "integer", "categorical", "constant"


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a table and what the model sees of it."""

    name: str
    kind: str
    dtype: str
    mean: float = 0.0
    sd: float = 1.0
    categories: tuple = ()
    value: object = None  # of a constant column
    low: int = 0  # the least and the largest integer seen
    high: int = 0


@dataclasses.dataclass(frozen=True)
class TableCodec(Codec):
    """Rows of a table <-> vectors for a model: first the standardized numbers, then a one-hot block for each category.

    Integers are dequantized: uniform noise in [0, 1) is added before, and the floor is taken after, within the range that
    was seen (counts stay counts). Constant columns are left out and written back.
    """

    kind = "table"

    columns: tuple

    @classmethod
    def fit(cls, frame: pd.DataFrame) -> Any:
        """The codec of a checked table; raises UserError for columns that no model can take."""
        columns = tuple(_column(frame[name]) for name in frame.columns)
        if all(c.kind == CONSTANT for c in columns):
            raise UserError("All columns are constant: there is nothing to learn.")
        return cls(columns)

    @property
    def numbers(self) -> list:
        return [c for c in self.columns if c.kind in (NUMERIC, INTEGER)]

    @property
    def categoricals(self) -> list:
        return [c for c in self.columns if c.kind == CATEGORICAL]

    @property
    def constants(self) -> list:
        return [c for c in self.columns if c.kind == CONSTANT]

    @property
    def num_continuous(self) -> int:
        return len(self.numbers)

    @property
    def side(self) -> int | None:
        """The height and width of the square whose pixels the columns may be; None where they are no such number."""
        side = round(len(self.columns) ** 0.5)
        return None if side * side != len(self.columns) or side < 5 or self.categoricals else side

    @property
    def num_categories(self) -> list[int]:
        return [len(c.categories) for c in self.categoricals]

    @property
    def width(self) -> int:
        return self.num_continuous + sum(self.num_categories)

    @property
    def log_jacobian(self) -> float:
        """log |d standardized / d data|, by which a log density of vectors becomes one in the data's units."""
        return -float(sum(np.log(c.sd) for c in self.numbers))

    def read(self, data: Any) -> Any:
        return self.check(read_table(data))

    def check(self, rows: Any) -> Any:
        return check_values(rows[[c.name for c in self.columns if c.name in rows]])

    def fits(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether each row of a checked table, `(n,)`, holds only categories and constants that the codec has seen."""
        seen = [frame[c.name].isin(c.categories) for c in self.categoricals]
        seen += [frame[c.name] == c.value for c in self.constants]
        return np.logical_and.reduce([np.ones(len(frame), bool), *(s.to_numpy(bool) for s in seen)])

    def write(self, frame: pd.DataFrame, path: str | Path) -> None:
        write_table(frame, path)

    def transform(self, frame: pd.DataFrame, seed: int = 0) -> np.ndarray:
        """Rows as float32 `(n, width)`; `seed` is of the integers' noise. Raises UserError for rows that do not fit."""
        missing = [c.name for c in self.columns if c.name not in frame and c.kind != CONSTANT]
        if missing:
            raise UserError(
                f"The table has no column {missing[0]!r} ({len(missing)} of {len(self.columns)} columns are missing): give "
                "the columns that the model was trained on."
            )
        for c in self.constants:
            if c.name in frame and (frame[c.name] != c.value).any():
                other = frame.loc[frame[c.name] != c.value, c.name].iloc[0]
                raise UserError(f"Column {c.name!r} was always {c.value} in the training data, but holds {other}.")
        rng = np.random.default_rng(seed)
        parts = [_standardized(frame[c.name], c, rng)[:, None] for c in self.numbers]
        parts += [_one_hot(frame[c.name], c) for c in self.categoricals]
        return np.concatenate(parts, axis=1).astype("float32")

    def inverse(self, vectors: np.ndarray) -> Any:
        """Vectors `(n, width)` as a table with the data's columns, order and types."""
        vectors = np.asarray(vectors, "float64")
        values, at = {}, self.num_continuous
        for k, c in enumerate(self.numbers):
            number = vectors[:, k] * c.sd + c.mean
            if c.kind == INTEGER:
                number = np.clip(np.floor(number), c.low, c.high)
            values[c.name] = pd.Series(number).astype(c.dtype)
        for c in self.categoricals:
            chosen = vectors[:, at : at + len(c.categories)].argmax(axis=1)
            values[c.name] = pd.Series(np.array(c.categories, dtype=object)[chosen]).astype(c.dtype)
            at += len(c.categories)
        for c in self.constants:
            values[c.name] = pd.Series([c.value] * len(vectors)).astype(c.dtype)
        return pd.DataFrame({c.name: values[c.name] for c in self.columns})

    def describe(self) -> str:
        """One sentence on how the columns are modelled."""
        kinds = {kind: [c.name for c in self.columns if c.kind == kind] for kind in (NUMERIC, INTEGER, CATEGORICAL)}
        parts = [
            f"{len(kinds[NUMERIC])} numeric (standardized)",
            f"{len(kinds[INTEGER])} integer (dequantized: a density of value + uniform noise; draws keep to the range seen)",
            f"{len(kinds[CATEGORICAL])} categorical (one-hot, categorical likelihood)",
        ]
        return "Columns: " + ", ".join(parts) + "."

    def to_config(self) -> dict:
        return {"columns": [dataclasses.asdict(c) for c in self.columns]}

    @classmethod
    def from_config(cls, config: dict, folder: Any = None, model: str | None = None) -> Any:
        columns = [{**c, "categories": tuple(c["categories"])} for c in config["columns"]]
        return cls(tuple(Column(**c) for c in columns))


def _column(series):
    name, dtype = series.name, str(series.dtype)
    first = series.iloc[0]
    if not isinstance(first, (str, bool, int, float, np.generic)) or isinstance(first, (np.datetime64, np.timedelta64)):
        raise UserError(
            f"Column {name!r} holds values of type {type(first).__name__}: make them numbers or text, or leave it out "
            f"by `exclude={name!r}`."
        )
    if series.nunique() == 1:
        return Column(name, CONSTANT, dtype, value=first.item() if hasattr(first, "item") else first)
    if pd.api.types.is_bool_dtype(series) or not pd.api.types.is_numeric_dtype(series):
        return _categorical(series, name, dtype)
    if pd.api.types.is_integer_dtype(series):
        if max(abs(int(series.min())), abs(int(series.max()))) >= EXACT:
            raise UserError(
                f"Column {name!r} holds integers beyond ±2^53, which floating point cannot tell apart: divide or exclude it."
            )
        numbers = series.to_numpy("float64")
        # Uniform noise in [0, 1) moves the mean by 1/2 and adds 1/12 to the variance.
        mean, sd = float(numbers.mean() + 0.5), float(np.sqrt(numbers.var() + 1 / 12))
        return Column(name, INTEGER, dtype, mean, sd, low=int(series.min()), high=int(series.max()))
    numbers = series.to_numpy("float64")
    scale = np.abs(numbers).max()  # of numbers near 1e300 the square overflows
    sd = float((numbers / scale).std() * scale)
    if not np.isfinite(sd) or sd == 0:
        raise UserError(
            f"Column {name!r} cannot be standardized (its standard deviation is {sd}): rescale or exclude it."
        )
    return Column(name, NUMERIC, dtype, float((numbers / scale).mean() * scale), sd)


def _categorical(series, name, dtype):
    values = series.unique().tolist()
    overflowing = not isinstance(series.dtype, pd.CategoricalDtype)
    if overflowing and any(isinstance(v, int) and not isinstance(v, bool) for v in values):
        raise UserError(f"Column {name!r} holds integers that overflow 64 bits: divide or exclude it.")
    if len(values) > _MOST_CATEGORIES or len(values) > max(2, len(series) // 2):
        raise UserError(
            f"Column {name!r} is text with {len(values)} different values in {len(series)} rows: where numbers were meant "
            f"correct it, else leave it out by `exclude={name!r}`."
        )
    return Column(name, CATEGORICAL, dtype, categories=tuple(sorted(values, key=str)))


def _standardized(series, column, rng):
    if not pd.api.types.is_numeric_dtype(series):
        raise UserError(f"Column {column.name!r} must hold numbers, but holds text such as {series.iloc[0]!r}.")
    numbers = series.to_numpy("float64")
    if column.kind == INTEGER:
        if (numbers != np.floor(numbers)).any():
            raise UserError(f"Column {column.name!r} must hold integers, as the training data did.")
        numbers = numbers + rng.random(len(numbers))
    return (numbers - column.mean) / column.sd


def _one_hot(series, column):
    codes = pd.Index(list(column.categories), dtype=object).get_indexer(series.astype(object))
    if (codes < 0).any():
        unknown = series[codes < 0].iloc[0]
        raise UserError(f"Column {column.name!r} has the value {unknown!r}, which was not in the training data.")
    return np.eye(len(column.categories))[codes]
