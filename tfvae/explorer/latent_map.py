"""A plane through a latent space, and what lies in it."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfvae.data.tables import read_table
from tfvae.distributions.full_mixture import FullNormalMixture
from tfvae.distributions.mixtures import DiagonalNormalMixture
from tfvae.host.errors import UserError
from tfvae.priors.rescaled import RescaledPrior

_POINTS = 2_000
_EDGE = 0.005  # share of the points that may lie outside the map, on each side
_DIMENSIONS = 8  # the most used, along which single codes are moved
_STEPS = 21
_COMPONENTS = 200  # of a prior, shown
_DEPTH = 30.0  # nats below the largest density that are told apart


@dataclasses.dataclass(frozen=True)
class LatentMap:
    """A plane z = origin + a·axis₀ + b·axis₁ of a D-dimensional latent space.

    Attributes:
        origin: `(D,)`; axes: `(2, D)`, orthonormal (one row where D is 1).
        names: of the axes.
        ticks: the grid's values of a and of b, `(G,)` each.
        log_prior: log p(z) in nats at the grid's codes, `(G_b, G_a)`.
        points: where codes lie in the plane, `(n, 2)`; of data, or of draws from p(x).
        labels: `(n,)` strings, or None.
        about: what the points are.
        components: `(K, 2)`, the means of a mixture prior, with `weights`, `(K,)`; empty for other priors.
        lines: dimension -> `(21, D)` codes: the origin, moved along the dimensions that are used most.
    """

    origin: np.ndarray
    axes: np.ndarray
    names: tuple[str, str]
    ticks: tuple[np.ndarray, np.ndarray]
    log_prior: np.ndarray
    points: np.ndarray
    labels: np.ndarray | None
    about: str
    components: np.ndarray
    weights: np.ndarray
    lines: dict[int, np.ndarray]

    @property
    def shades(self) -> np.ndarray:
        """`log_prior`, of which what lies far below its largest value is cut off."""
        return np.maximum(self.log_prior, self.log_prior.max() - _DEPTH)

    def codes(self, places: np.ndarray) -> np.ndarray:
        """The codes `(n, D)` at places `(n, 2)` of the plane."""
        return (self.origin + np.asarray(places)[:, : len(self.axes)] @ self.axes).astype("float32")

    def place(self, code: np.ndarray) -> np.ndarray:
        """Where a code `(D,)` lies in the plane, `(2,)`."""
        return _in_plane(np.asarray(code)[None], self.origin, self.axes)[0]

    def grid(self) -> np.ndarray:
        """The codes of the grid, row by row, `(G_b·G_a, D)`."""
        a, b = np.meshgrid(*self.ticks)
        return self.codes(np.column_stack([a.ravel(), b.ravel()]))


def latent_map(run: Any, data: Any = None, label: str = "", size: int = 25, seed: int = 0) -> LatentMap:
    """The `LatentMap` of a run.

    Of a latent space of more than two dimensions it shows the plane of the codes' first two principal components.

    Args:
        run: a `Run` with one model.
        data: rows as the run was fitted to, or the path of a file of them, whose codes are shown; None for draws from p(x).
        label: a column of `data` that colours the points.
        size: of the grid, in each direction.
        seed: of the draws.

    Raises:
        UserError: for a run of several sections, or a label without data or of another table.
    """
    if run.codec.kind == "haplotypes":
        raise UserError("A run of haplotype sections has a latent space for each section: there is no one map to show.")
    rows, labels, about = _rows(run, data, label, seed)
    names = [f"z{d}_mean" for d in range(run.vae.latent_shape[0])]
    codes = run.encode(rows)[names].to_numpy("float64")
    dimension = codes.shape[1]
    if dimension <= 2:
        origin, axes = np.zeros(dimension), np.eye(dimension)
        titles = ("z0", "z1" if dimension == 2 else "")
    else:
        origin, axes = _principal_plane(codes)
        titles = ("first principal component", "second principal component")
    means, weights = _components(run)
    points, components = (_in_plane(z, origin, axes) for z in (codes, means))
    prior = _in_plane(run.vae.prior.sample(_POINTS, seed=_seed(seed)).numpy(), origin, axes)
    shown = np.concatenate([points, prior]) if dimension <= 2 else points
    low, high = np.quantile(shown, [_EDGE, 1 - _EDGE], axis=0)
    margin = 0.08 * (high - low)
    ticks = [np.linspace(a, b, size) for a, b in zip(low - margin, high + margin, strict=True)]
    if dimension == 1:
        ticks[1] = np.zeros(1)
    drawn = LatentMap(origin, axes, titles, (ticks[0], ticks[1]), np.zeros(0), points, labels, about, components,
                      weights, _lines(codes, origin) if dimension > 2 else {})  # fmt: skip
    density = np.asarray(run.vae.prior.log_prob(drawn.grid())).reshape(len(ticks[1]), len(ticks[0]))
    return dataclasses.replace(drawn, log_prior=density)


def _rows(run, data, label, seed):
    """Rows to encode, their labels or None, and what they are."""
    if label and not isinstance(data, pd.DataFrame | str | Path):
        raise UserError("`label` is a column of `data`: give a table of rows with it.")
    if data is None:
        return run.sample(_POINTS // 2, seed=seed), None, "draws from p(x)"
    frame = read_table(data) if label and not isinstance(data, pd.DataFrame) else data
    if label and label not in frame:
        raise UserError(f"There is no column {label!r} to colour the points by.")
    rows = run.codec.rows(frame)
    if len(rows) > _POINTS:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:_POINTS])
        rows = rows.iloc[chosen] if hasattr(rows, "iloc") else rows[chosen]
        frame = frame.iloc[chosen] if label else frame
    return rows, frame[label].astype("string").fillna("missing").to_numpy(str) if label else None, "the data"


def _principal_plane(codes):
    centre = codes.mean(axis=0)
    _, _, directions = np.linalg.svd(codes - centre, full_matrices=False)
    return centre, directions[:2]


def _in_plane(codes, origin, axes):
    places = (codes - origin) @ axes.T if len(codes) else np.zeros((0, len(axes)))
    return places if len(axes) == 2 else np.column_stack([places, np.zeros(len(places))])


def _components(run):
    """(means, weights) of a mixture prior's heaviest components; both empty for another one."""
    prior, in_codes = run.vae.prior.distribution(), np.asarray
    if isinstance(run.vae.prior, RescaledPrior):
        prior, in_codes = prior.distribution, prior.bijector.forward
    if isinstance(prior, DiagonalNormalMixture):
        means, weights = prior.loc, prior.weights
    elif isinstance(prior, FullNormalMixture):
        means, weights = prior.components_distribution.mean(), prior.mixture_distribution.probs_parameter()
    else:
        return np.zeros((0, run.vae.latent_shape[0])), np.zeros(0)
    heaviest = np.argsort(-np.asarray(weights))[:_COMPONENTS]
    return np.asarray(in_codes(means))[heaviest], np.asarray(weights)[heaviest]


def _lines(codes, origin):
    used = np.argsort(-codes.var(axis=0))[:_DIMENSIONS]
    lines = {}
    for d in sorted(used.tolist()):
        line = np.tile(origin, (_STEPS, 1)).astype("float32")
        line[:, d] = np.linspace(*np.quantile(codes[:, d], [_EDGE, 1 - _EDGE]), _STEPS)
        lines[d] = line
    return lines


def _seed(seed):
    import tensorflow as tf

    return tf.constant([seed, 11])
