"""The columns of a table, and what a model sees of each: a number, a state, or both."""

import dataclasses
import re
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tfvae.codecs.normal_scores import NormalScores
from tfvae.data.tables import EXACT
from tfvae.host.errors import UserError

_FEW_VALUES = 12  # different numbers, at most, that are taken for categories, where none of them is rare
_MOST_CATEGORIES = 500
_DECIMALS = 6
_MOST_ATOMS, _LEAST_REPEATS = 20, 10
_ATOM_SHARE = 0.01  # of a column without a grid, in which values do not repeat by chance
_REPEATING_ATOM_SHARE = 0.1  # of one whose values nearly all repeat
_GRID_ATOM_SHARE, _GRID_ATOM_EXCESS = 0.02, 2.5  # of one with a grid: and this many times either neighbour's
_NUMBER = "number"
IDENTIFIER = "an identifier: another value in every row"
_ERRORS = 4  # standard errors of the difference, at least
_ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|key|index)$", re.I)
_DAY = 86_400


@dataclasses.dataclass(frozen=True)
class Column:
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

    def faults(self, series: pd.Series) -> pd.Series:
        """For each value the reason why the model gives it the probability 0; empty where it does not."""
        raise NotImplementedError

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
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in config.items()})


@dataclasses.dataclass(frozen=True)
class ConstantColumn(Column):
    """A column of one value: left out of the model, and written back."""

    kind = "constant"

    value: object = None

    def faults(self, series):
        return _because(series.notna() & (series != self.value), series, f"which was always {self.value} in the training data")

    def restored(self, n):
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
        return _because((self.codes(series) < 0) & series.notna(), series, "which was not in the training data")

    def unknown(self, series):
        return super().unknown(series) & (not self.missing)

    def satisfies(self, series, wanted):
        if isinstance(wanted, tuple) and all(isinstance(c, (int, float)) for c in self.categories):
            return _between(series.astype("float64").to_numpy(), wanted)
        known = [str(c) for c in self.categories]
        if not isinstance(wanted, tuple) and str(wanted) not in known:
            raise UserError(f"Column {self.name!r} is never {wanted!r}; it is one of {', '.join(known[:20])}.")
        return super().satisfies(series, wanted)

    def codes(self, series):
        """The number of each value's state, −1 where it has none."""
        codes = pd.Index(list(self.categories), dtype=object).get_indexer(series.astype(object))
        return np.where(series.isna(), len(self.categories) if self.missing else -1, codes)

    def restored(self, codes):
        chosen = np.array([*self.categories, None], dtype=object)[codes]
        return pd.Series(chosen, dtype=object).astype(self.dtype)

    @classmethod
    def of(cls, series):
        values = series.dropna().unique().tolist()
        return cls(str(series.name), str(series.dtype), tuple(sorted(values, key=_order)), bool(series.isna().any()))


@dataclasses.dataclass(frozen=True)
class NumberColumn(Column):
    """A column of numbers, mapped to standard normal ones.

    Integers, decimals and dates lie on a grid: noise in [0, step) is added before, and the floor is taken after, so that the
    density is that of value + noise. Other numbers that repeat are taken for all there are: noise goes to the midpoints
    between them. Values that come far too often are atoms: states of their own, beside that of any other number.

    Attributes:
        scores: the map.
        step: of the grid; 0 for none.
        decimals: of the values on the grid.
        support: all values, in order, where they repeat on no grid; empty where they do not.
        low, high: the range seen, which draws keep to.
        atoms: repeated values.
        missing: bool, whether the training data had missing ones, which are a state then.
        date: how dates are written; empty for numbers.
    """

    kind = "number"
    has_number = True

    scores: NormalScores = None  # type: ignore[assignment]
    step: float = 0.0
    decimals: int = 0
    support: tuple = ()
    low: float = 0.0
    high: float = 0.0
    atoms: tuple = ()
    missing: bool = False
    date: str = ""

    @property
    def states(self):
        """What a value may be: any other number, an atom, or missing; none where it is always a number."""
        return (_NUMBER, *self.atoms, *([None] if self.missing else [])) if self.atoms or self.missing else ()

    def numbers(self, series):
        """The values as float64, NaN where there is none."""
        return _seconds(series, self.date) if self.date else pd.to_numeric(series, errors="coerce").to_numpy("float64", na_value=np.nan)

    def faults(self, series):
        numbers = self.numbers(series)
        absent = series.isna().to_numpy()
        faults = _because(np.isnan(numbers) & ~absent, series, "which is no date" if self.date else "which is no number")
        infinite = _because(np.isinf(numbers), series, "which is infinite")
        faults = faults.where(faults != "", infinite)
        if self.step and not self.decimals and not self.date:
            with np.errstate(invalid="ignore"):
                broken = _because(np.isfinite(numbers) & (numbers != np.floor(numbers)), series, "which is no integer")
            faults = faults.where(faults != "", broken)
        return faults

    def unknown(self, series):
        return super().unknown(series) & (not self.missing)

    def satisfies(self, series, wanted):
        bounds = wanted if isinstance(wanted, tuple) else (wanted, wanted)
        low, high = (self._bound(bound) for bound in bounds)
        if (low is not None and low > self._highest) or (high is not None and high < self._lowest):
            raise UserError(f"Column {self.name!r} is never there: the training data are from {self._lowest:g} to {self._highest:g}.")
        return _between(self.numbers(series), (low, high))

    def _bound(self, bound):
        if bound is None:
            return None
        number = self.numbers(pd.Series([bound], dtype=object if self.date else None))[0]
        if np.isnan(number):
            raise UserError(f"Column {self.name!r} holds {'dates' if self.date else 'numbers'}, and {bound!r} is none.")
        return number

    @property
    def _lowest(self):
        return min((self.low, *self.atoms))

    @property
    def _highest(self):
        return max((self.high, *self.atoms))

    def codes(self, series):
        """The number of each value's state, −1 where it has none."""
        numbers = self.numbers(series)
        codes = np.zeros(len(numbers), int)
        for k, atom in enumerate(self.atoms):
            codes[numbers == atom] = k + 1
        codes[np.isnan(numbers)] = len(self.atoms) + 1 if self.missing else -1
        return codes

    def mapped(self, series, rng):
        """y of each value, NaN where it is an atom or missing."""
        numbers = self.numbers(series)
        free = self.codes(series) == 0
        y = np.full(len(numbers), np.nan)
        y[free] = self.scores(self._on_the_line(numbers[free], rng))
        return y

    def _on_the_line(self, numbers, rng):
        if self.support:
            place = np.searchsorted(self.support, numbers).clip(0, len(self.support) - 1)
            edges = _edges(self.support)
            noisy = edges[place] + rng.random(len(numbers)) * np.diff(edges)[place]
            return np.where(np.asarray(self.support)[place] == numbers, noisy, numbers)
        if not self.step:
            return numbers
        index = np.round(numbers / self.step)
        noisy = (index + rng.random(len(numbers))) * self.step
        return np.where(np.isclose(index * self.step, numbers, rtol=1e-12, atol=1e-9 * self.step), noisy, numbers)

    def restored(self, y, codes):
        """The values of numbers y and states (None where the column has none), within the range seen."""
        values = self.scores.inverse(y)
        if self.support:
            edges = _edges(self.support)
            values = np.asarray(self.support)[(np.searchsorted(edges, values, side="right") - 1).clip(0, len(edges) - 2)]
        elif self.step:
            values = np.round(np.floor(values / self.step) * self.step, self.decimals)
        values = np.clip(values, self.low, self.high)
        if codes is not None:
            of_state = np.array([np.nan, *self.atoms, np.nan])  # of numbers, of atoms, of missing values
            values = np.where(codes == 0, values, of_state[codes])
        if self.date:
            return _dates(values, self.date, self.dtype)
        return pd.Series(values).astype(self.dtype)

    def log_jacobian(self, y):
        """log dy/dx of each y, 0 where it is NaN."""
        there = ~np.isnan(y)
        found = np.zeros(len(y))
        found[there] = self.scores.log_derivative(self.scores.inverse(y[there]))
        return found

    @classmethod
    def from_config(cls, config):
        scores = {**config["scores"], "knots": tuple(map(tuple, config["scores"]["knots"]))}
        return super().from_config({**config, "scores": NormalScores(**scores)})


def column_of(series: pd.Series, plain: bool = False) -> Column | str:
    """How a column is modelled, from its training rows; or the reason why it is left out.

    Args:
        series: with missing values or without.
        plain: bool, standardize numbers and do no more: no atoms, no categories of numbers, no spline.

    Raises:
        UserError: for values that no model can take.
    """
    name, dtype = str(series.name), str(series.dtype)
    present = series.dropna()
    if not len(present):
        return "empty"
    first = present.iloc[0]
    if isinstance(first, (np.timedelta64, pd.Timedelta)) or not isinstance(
        first, (str, bool, int, float, np.generic, pd.Timestamp)
    ):
        raise UserError(
            f"Column {name!r} holds values of type {type(first).__name__}: make them numbers or text, or leave it out "
            f"by `exclude={name!r}`."
        )
    values = present.nunique()
    if values == 1 and len(present) == len(series):
        return ConstantColumn(name, dtype, first.item() if hasattr(first, "item") else first)
    if pd.api.types.is_bool_dtype(present) or values == 1:
        return CategoryColumn.of(series)
    if date := _date_format(present):
        return _number_column(series, _seconds(present, date), date=date)
    if not pd.api.types.is_numeric_dtype(present):
        return _text_column(series, present, values)
    numbers = present.to_numpy("float64")
    if np.isinf(numbers).any():
        rows = np.flatnonzero(np.isinf(series.to_numpy("float64", na_value=np.nan)))
        raise UserError(f"Column {name!r} has {len(rows)} infinite values, first in row {rows[0] + 1}: remove them.")
    if pd.api.types.is_integer_dtype(present):
        if _is_identifier(name, numbers):
            return IDENTIFIER
        if max(abs(int(present.min())), abs(int(present.max()))) >= EXACT:
            raise UserError(
                f"Column {name!r} holds integers beyond ±2^53, which floating point cannot tell apart: divide or exclude it."
            )
    if not plain and values <= _FEW_VALUES and present.value_counts().min() >= _LEAST_REPEATS:
        return CategoryColumn.of(series)
    return _number_column(series, numbers, plain=plain)


def _text_column(series, present, values):
    if not isinstance(series.dtype, pd.CategoricalDtype) and any(
        isinstance(v, int) and not isinstance(v, bool) for v in present.unique().tolist()
    ):
        raise UserError(f"Column {series.name!r} holds integers that overflow 64 bits: divide or exclude it.")
    if values > _MOST_CATEGORIES or values > max(2, len(present) // 2):
        numeric = pd.to_numeric(present, errors="coerce").notna().mean()
        if numeric > 0.5:
            bad = present[pd.to_numeric(present, errors="coerce").isna()].iloc[0]
            return f"numbers with text such as {bad!r} between them"
        if values == len(present) and not present.astype("string").str.contains(r"\s").mean() > 0.5:
            return IDENTIFIER
        return f"text with {values:,} different values in {len(present):,} rows"
    return CategoryColumn.of(series)


def _number_column(series, numbers, date="", plain=False):
    """The column of these numbers, which are there in the rows where the series has a value."""
    name = series.name
    size = np.abs(numbers).max() or 1.0
    if not np.isfinite((numbers / size).std() * size) or (numbers / size).std() == 0:
        raise UserError(f"Column {name!r} cannot be standardized (its standard deviation is 0 or beyond all bounds): rescale or exclude it.")
    step, decimals = _grid(series, numbers, date, plain)
    atoms = () if plain else _atoms(numbers, step)
    free = numbers[~np.isin(numbers, atoms)]
    if len(np.unique(free)) < 3:
        atoms, free = (), numbers
    support = () if step or plain or len(free) < 2 * len(np.unique(free)) else tuple(np.unique(free).tolist())
    column = NumberColumn(
        str(name), str(series.dtype), NormalScores.standardizing(free), step, decimals, support, float(free.min()), float(free.max()),
        tuple(map(float, atoms)), bool(series.isna().any()), date,
    )  # fmt: skip
    line = column._on_the_line(free, np.random.default_rng(0))
    return dataclasses.replace(column, scores=(NormalScores.standardizing if plain else NormalScores.fit)(line))


def _grid(series, numbers, date, plain):
    """(step, decimals) of the grid that the values lie on; a step of 0 for none."""
    if date:
        return (_DAY if (numbers % _DAY == 0).all() else 1.0 if (numbers % 1 == 0).all() else 0.0), 6
    integers = pd.api.types.is_integer_dtype(series.dtype)
    for decimals in range(1 if integers else _DECIMALS + 1):
        if plain and not integers or np.abs(numbers).max() * 10.0**decimals > EXACT:
            break
        if (np.round(numbers, decimals) == numbers).all():
            # Of values rounded to hundreds, 100: all are multiples of the greatest common divisor.
            common = np.gcd.reduce(np.round(numbers * 10.0**decimals).astype("int64"))
            return float(common) / 10.0**decimals, decimals
    return 0.0, 0


def _edges(support):
    """The midpoints between neighbouring values, and as far beyond the outermost."""
    support = np.asarray(support)
    middle = (support[1:] + support[:-1]) / 2
    return np.concatenate([[2 * support[0] - middle[0]], middle, [2 * support[-1] - middle[-1]]])


def _atoms(numbers, step):
    """The values that repeat: any often enough; on a grid, where all repeat, those that stand out from their neighbours."""
    values, counts = np.unique(numbers, return_counts=True)
    repeating = 2 * len(values) <= len(numbers)  # no grid, and yet values that come again: so do they all
    least = _GRID_ATOM_SHARE if step else _REPEATING_ATOM_SHARE if repeating else _ATOM_SHARE
    chosen = (counts >= _LEAST_REPEATS) & (counts >= least * len(numbers))
    if step:
        near = np.diff(values) < 1.5 * step
        beside = np.maximum(np.append(near * counts[1:], 0), np.insert(near * counts[:-1], 0, 0))
        chosen &= counts >= np.maximum(_GRID_ATOM_EXCESS * beside, beside + _ERRORS * np.sqrt(counts + beside))
    order = np.argsort(-counts[chosen], kind="stable")[:_MOST_ATOMS]
    return np.sort(values[chosen][order])


def _is_identifier(name, numbers):
    if len(np.unique(numbers)) < len(numbers) or len(numbers) < 20:
        return False
    contiguous = numbers.max() - numbers.min() + 1 == len(numbers)
    return bool(contiguous or (np.diff(numbers) > 0).all() or _ID_NAME.search(name))


def _date_format(present):
    """How a column's dates are written: "datetime" for pandas' own, a format for text; empty where it holds no dates."""
    if pd.api.types.is_datetime64_any_dtype(present):
        return "datetime"
    if pd.api.types.is_numeric_dtype(present) or not isinstance(present.iloc[0], str):
        return ""
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d", "%d.%m.%Y"):
        few = pd.to_datetime(present.iloc[:50], format=form, errors="coerce")
        if few.notna().all() and pd.to_datetime(present, format=form, errors="coerce").notna().all():
            return form
    return ""


def _seconds(series, date):
    """Seconds since 1970 of dates, NaN where there is none."""
    when = series if date == "datetime" else pd.to_datetime(series, format=date, errors="coerce")
    when = pd.to_datetime(when, utc=True, errors="coerce")
    seconds = (when - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(1, "s")
    return seconds.to_numpy("float64", na_value=np.nan)


def _dates(seconds, date, dtype):
    when = pd.to_datetime(pd.Series(seconds).round(6), unit="s", utc=True)
    if date == "datetime":
        return when.astype(dtype) if "," in dtype else when.dt.tz_localize(None).astype(dtype)
    return when.dt.strftime(date)


def _between(numbers, bounds):
    low, high = bounds
    with np.errstate(invalid="ignore"):
        return (numbers >= (-np.inf if low is None else low)) & (numbers <= (np.inf if high is None else high))


def _because(which, series, reason):
    """A reason for each value of which it is true."""
    which = np.asarray(which, bool)
    said = [f"{series.name} is {value!r}, {reason}" for value in series[which]]
    found = pd.Series("", index=series.index, dtype=object)
    found[which] = said
    return found


def _order(value):
    return (isinstance(value, str), value) if isinstance(value, (str, int, float)) else (True, str(value))
