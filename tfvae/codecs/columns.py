"""The columns of a table, and what a model sees of each: a number, a state, or both."""

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tfvae.host.errors import UserError


@dataclasses.dataclass(frozen=True)
class Column(abc.ABC):
    """Abstract: one column.

    Attributes:
        name, dtype: as pandas has them.
        states: what it may be, one of a few: the sizes of the one-hot blocks that a model sees; none for numbers alone.
    """

    kind: ClassVar[str]

    name: str
    dtype: str

    has_number: ClassVar[bool] = False
    states: ClassVar[tuple] = ()

    @abc.abstractmethod
    def faults(self, series: pd.Series) -> pd.Series:
        """For each value the reason why the model gives it the probability 0; empty where it does not."""

    @abc.abstractmethod
    def restored(self, n: int, y: Any, codes: Any) -> pd.Series:
        """n values, of numbers y `(n,)` and states `(n,)`; None for what the column does not have."""

    def unknown(self, series: pd.Series) -> np.ndarray:
        """Which values, `(n,)`, are missing without a state for it: the model integrates over what they may be."""
        return series.isna().to_numpy()

    def satisfies(self, series: pd.Series, wanted: Any) -> np.ndarray:
        """Which values, `(n,)`, are the one that is wanted; UserError where none can be."""
        if isinstance(wanted, tuple):
            raise UserError(f"Column {self.name!r} holds no numbers: ask for one value of it, as {self.name}=VALUE.")
        return (series.astype("string") == str(wanted)).fillna(False).to_numpy(bool)

    def to_config(self) -> dict:
        return {"kind": self.kind, **dataclasses.asdict(self)}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The column of `to_config`, as JSON gives it back, without its kind."""
        settings: dict = {name: tuple(value) if isinstance(value, list) else value for name, value in config.items()}
        return cls(**settings)


@dataclasses.dataclass(frozen=True)
class ConstantColumn(Column):
    """A column of one value: left out of the model, and written back."""

    kind = "constant"

    value: object = None

    def faults(self, series):
        return because(
            series.notna() & (series != self.value), series, f"which was always {self.value} in the training data"
        )

    def restored(self, n, y, codes):
        return pd.Series([self.value] * n).astype(self.dtype)


@dataclasses.dataclass(frozen=True)
class CategoryColumn(Column):
    """A column of a few values: text, booleans, numbers; a missing value is one of them where the training data had some."""

    kind = "category"

    categories: tuple = ()
    missing: bool = False

    @property
    def states(self):
        return (*self.categories, None) if self.missing else self.categories

    def faults(self, series):
        return because((self.codes(series) < 0) & series.notna(), series, "which was not in the training data")

    def unknown(self, series):
        return super().unknown(series) & (not self.missing)

    def satisfies(self, series, wanted):
        if isinstance(wanted, tuple) and all(isinstance(c, (int, float)) for c in self.categories):
            return between(series.astype("float64").to_numpy(), wanted)
        known = [str(c) for c in self.categories]
        if not isinstance(wanted, tuple) and str(wanted) not in known:
            raise UserError(f"Column {self.name!r} is never {wanted!r}; it is one of {', '.join(known[:20])}.")
        return super().satisfies(series, wanted)

    def codes(self, series):
        """The number of each value's state, −1 where it has none."""
        codes = pd.Index(list(self.categories), dtype=object).get_indexer(series.astype(object))
        return np.where(series.isna(), len(self.categories) if self.missing else -1, codes)

    def restored(self, n, y, codes):
        chosen = np.array([*self.categories, None], dtype=object)[codes]
        return pd.Series(chosen, dtype=object).astype(self.dtype)

    @classmethod
    def of(cls, series):
        values = series.dropna().unique().tolist()
        return cls(str(series.name), str(series.dtype), tuple(sorted(values, key=_order)), bool(series.isna().any()))


def between(numbers, bounds):
    """Which numbers are within bounds, of which either may be None; NaN is in none."""
    low, high = bounds
    with np.errstate(invalid="ignore"):
        return (numbers >= (-np.inf if low is None else low)) & (numbers <= (np.inf if high is None else high))


def because(which, series, reason):
    """A reason for each value of which it is true."""
    which = np.asarray(which, bool)
    said = [f"{series.name} is {value!r}, {reason}" for value in series[which]]
    found = pd.Series("", index=series.index, dtype=object)
    found[which] = said
    return found


def _order(value):
    return (isinstance(value, str), value) if isinstance(value, (str, int, float)) else (True, str(value))
