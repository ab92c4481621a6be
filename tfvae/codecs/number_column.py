"""A column of numbers, and what a model sees of it: a normal score, a state, or both."""

import dataclasses

import numpy as np
import pandas as pd

from tfvae.codecs.columns import Column, because, between
from tfvae.codecs.dates import dates_of, seconds_of
from tfvae.codecs.normal_scores import NormalScores
from tfvae.host.errors import UserError

_NUMBER = "number"


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
        return (
            seconds_of(series, self.date)
            if self.date
            else pd.to_numeric(series, errors="coerce").to_numpy("float64", na_value=np.nan)
        )

    def faults(self, series):
        numbers = self.numbers(series)
        absent = series.isna().to_numpy()
        faults = because(np.isnan(numbers) & ~absent, series, "which is no date" if self.date else "which is no number")
        infinite = because(np.isinf(numbers), series, "which is infinite")
        faults = faults.where(faults != "", infinite)
        if self.step and not self.decimals and not self.date:
            with np.errstate(invalid="ignore"):
                broken = because(np.isfinite(numbers) & (numbers != np.floor(numbers)), series, "which is no integer")
            faults = faults.where(faults != "", broken)
        return faults

    def unknown(self, series):
        return super().unknown(series) & (not self.missing)

    def satisfies(self, series, wanted):
        bounds = wanted if isinstance(wanted, tuple) else (wanted, wanted)
        low, high = (self._bound(bound) for bound in bounds)
        if (low is not None and low > self._highest) or (high is not None and high < self._lowest):
            raise UserError(
                f"Column {self.name!r} is never there: the training data are from {self._lowest:g} to {self._highest:g}."
            )
        return between(self.numbers(series), (low, high))

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
        y[free] = self.scores(self.on_the_line(numbers[free], rng))
        return y

    def on_the_line(self, numbers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The numbers with the noise that takes them off the grid, or to the midpoints between repeated values."""
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

    def restored(self, n, y, codes):
        """Values within the range seen, on the grid."""
        values = self.scores.inverse(y)
        if self.support:
            edges = _edges(self.support)
            values = np.asarray(self.support)[
                (np.searchsorted(edges, values, side="right") - 1).clip(0, len(edges) - 2)
            ]
        elif self.step:
            values = np.round(np.floor(values / self.step) * self.step, self.decimals)
        values = np.clip(values, self.low, self.high)
        if codes is not None:
            of_state = np.array([np.nan, *self.atoms, np.nan])  # of numbers, of atoms, of missing values
            values = np.where(codes == 0, values, of_state[codes])
        if self.date:
            return dates_of(values, self.date, self.dtype)
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


def _edges(support):
    """The midpoints between neighbouring values, and as far beyond the outermost."""
    support = np.asarray(support)
    middle = (support[1:] + support[:-1]) / 2
    return np.concatenate([[2 * support[0] - middle[0]], middle, [2 * support[-1] - middle[-1]]])
