"""A monotone map that makes a column standard normal, with its derivative."""

import dataclasses
import itertools
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtri

_KNOTS = (0, 4, 8, 16, 32, 64)
_FOLDS, _LOOKED_AT = 5, 5_000  # rows, of which the choice is made
_ROWS_A_KNOT = 8
_HALVINGS = 60  # to the last bit of a float64


@dataclasses.dataclass(frozen=True)
class NormalScores:
    """y = g(u(x)): u is affine or an inverse hyperbolic sine, g a monotone cubic spline through normal quantiles.

    Beyond the outermost knots g is linear, so that every x has a y, and every y an x.

    Attributes:
        center, scale: of u, which is (x − center)/scale or its inverse hyperbolic sine.
        bent: bool, whether it is the latter: linear near the center, logarithmic in the tails.
        knots: pairs (u, y), increasing in both, at least two.
    """

    center: float
    scale: float
    bent: bool
    knots: tuple

    @classmethod
    def fit(cls, values: np.ndarray) -> Any:
        """The simplest map whose held-out density under a standard normal is near the best: affine, bent, or a spline.

        Args:
            values: `(n,)`, finite and not all the same.
        """
        values = np.random.default_rng(0).permutation(np.asarray(values, "float64"))
        few = values[:_LOOKED_AT]
        folds = [f for f in np.array_split(np.arange(len(few)), _FOLDS) if 0 < len(f) < len(few)]
        held_out = {}
        for num_knots, bend in itertools.product(_KNOTS, (None, "center", "edge")):
            if folds and num_knots * _ROWS_A_KNOT <= len(few):
                held = [cls._of(np.delete(few, f), bend, num_knots).log_density(few[f]) for f in folds]
                held_out[bend, num_knots] = np.nan_to_num(np.concatenate(held), nan=-1e9, neginf=-1e9)
        if not held_out:
            return cls.standardizing(values)
        best = max(held_out.values(), key=np.mean)
        behind = {choice: best - density for choice, density in held_out.items()}
        near = [choice for choice, b in behind.items() if b.mean() <= b.std() / len(b) ** 0.5]
        return cls._of(values, *near[0])  # the fewest knots come first

    @classmethod
    def standardizing(cls, values: np.ndarray) -> Any:
        """The affine map to mean 0 and variance 1."""
        return cls._of(np.asarray(values, "float64"), None, 0)

    @classmethod
    def _of(cls, values, bend, num_knots):
        size = np.abs(values).max() or 1.0  # of numbers near 1e300 the square overflows
        mean, deviation = (values / size).mean() * size, (values / size).std() * size
        center, scale = mean, deviation
        if bend is not None:
            low, first, middle, third = np.quantile(values, (0, 0.25, 0.5, 0.75))
            center = low if bend == "edge" else middle
            scale = (middle - low) / 3 if bend == "edge" else (third - first) / 2
        scale = scale if scale > 0 else deviation
        scale = float(scale) if np.isfinite(scale) and scale > 0 else 1.0
        straight = cls(float(center), scale, bend is not None, ((0.0, 0.0), (1.0, 1.0)))
        u = straight._unbent(values)
        if not num_knots:
            deviation = u.std() if u.std() > 0 else 1.0
            return dataclasses.replace(straight, knots=((float(u.mean()), 0.0), (float(u.mean() + deviation), 1.0)))
        levels = (np.arange(num_knots) + 0.5) / num_knots
        at = np.quantile(u, levels)
        kept = np.concatenate([[True], np.diff(at) > 1e-9 * (at[-1] - at[0])])
        if kept.sum() < 2:
            return cls._of(values, bend, 0)
        return dataclasses.replace(
            straight, knots=tuple(zip(at[kept].tolist(), ndtri(levels[kept]).tolist(), strict=True))
        )

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """y of each x."""
        return self._spline_at(self._unbent(x))[0]

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """x of each y."""
        y = np.asarray(y, "float64")
        u_knots, y_knots = self._knots
        (first, last), (slope_low, slope_high) = (y_knots[0], y_knots[-1]), self._end_slopes
        inside = np.clip(y, first, last)
        place = np.clip(np.searchsorted(y_knots, inside, side="right") - 1, 0, len(y_knots) - 2)
        low, high, spline = u_knots[place], u_knots[place + 1], self._spline
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            above = spline(middle) > inside
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        u = (low + high) / 2 + np.minimum(y - first, 0) / slope_low + np.maximum(y - last, 0) / slope_high
        with np.errstate(over="ignore"):
            return self.center + self.scale * (np.sinh(u) if self.bent else u)

    def log_derivative(self, x: np.ndarray) -> np.ndarray:
        """log dy/dx at each x."""
        ratio = (np.asarray(x, "float64") - self.center) / self.scale
        bending = -0.5 * np.log1p(ratio**2) if self.bent else 0.0
        return np.log(self._spline_at(self._unbent(x))[1]) + bending - np.log(self.scale)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """log p(x) where y is standard normal, in nats."""
        return -0.5 * (self(x) ** 2 + np.log(2 * np.pi)) + self.log_derivative(x)

    def _unbent(self, x):
        ratio = (np.asarray(x, "float64") - self.center) / self.scale
        return np.arcsinh(ratio) if self.bent else ratio

    def _spline_at(self, u):
        """(y, dy/du), linear beyond the knots."""
        (u_knots, _), (slope_low, slope_high) = self._knots, self._end_slopes
        below, above = np.minimum(u - u_knots[0], 0), np.maximum(u - u_knots[-1], 0)
        inside = np.clip(u, u_knots[0], u_knots[-1])
        spline = self._spline
        slope = np.where(below < 0, slope_low, np.where(above > 0, slope_high, spline(inside, 1)))
        return spline(inside) + slope_low * below + slope_high * above, np.maximum(slope, 1e-12)

    @property
    def _knots(self):
        u, y = np.array(self.knots).T
        return u, y

    @property
    def _spline(self):
        return PchipInterpolator(*self._knots)

    @property
    def _end_slopes(self):
        """A spline's own slope at its ends may be 0: there the outermost secants go on."""
        u, y = self._knots
        return (y[1] - y[0]) / (u[1] - u[0]), (y[-1] - y[-2]) / (u[-1] - u[-2])
