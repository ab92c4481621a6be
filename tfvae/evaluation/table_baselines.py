"""What one would do with a table without a latent space: densities by scikit-learn, draws by a Gaussian copula."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from tfvae.evaluation.table_classifier import as_ranks

_ROWS_FOR_TEN = 20


class GaussianCopula:
    """Draws with each column's own values and the rank correlations of a Gaussian.

    Each column's ranks, ties in random order, are taken to normal quantiles; their correlations are kept; draws go back
    by the column's empirical quantiles, so that repeated, missing and rounded values come as often as they did.

    Args:
        frame: the training rows.
        seed: of the order of ties.
    """

    def __init__(self, frame: pd.DataFrame, seed: int = 0):
        rng = np.random.default_rng(seed)
        n = self._rows = len(frame)
        self._sorted, scores = {}, []
        for name in frame.columns:
            ranks = np.lexsort((rng.random(n), as_ranks(frame[name]).fillna(0)))
            self._sorted[name] = frame[name].iloc[ranks]
            places = np.empty(n)
            places[ranks] = np.arange(n)
            scores.append(ndtri((places + 0.5) / n))
        self.correlations = np.atleast_2d(np.corrcoef(scores))

    def sample(self, n: int, seed: int = 0) -> pd.DataFrame:
        """n rows with the training rows' columns and types."""
        rng = np.random.default_rng(seed)
        u = ndtr(rng.multivariate_normal(np.zeros(len(self.correlations)), self.correlations, n, method="eigh"))
        at = np.minimum((u * self._rows).astype(int), self._rows - 1)
        return pd.DataFrame(
            {
                name: values.iloc[at[:, k]].reset_index(drop=True)
                for k, (name, values) in enumerate(self._sorted.items())
            }
        )


def baseline_log_densities(codec: Any, train: np.ndarray, held_out: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """{name: log p of each held-out row in the data's units} of Gaussians and Gaussian mixtures by scikit-learn.

    They are fitted jointly to the numbers that every row has, in the data's units and as normal scores; all else is
    taken to be independent: categories and states by their frequencies, numbers that are not always there by their own
    normal score.

    Args:
        codec: a `TableCodec`.
        train, held_out: vectors of it, `(n, D)`.
        seed: of the mixtures' starts.
    """
    c = codec.num_continuous
    always = np.array([not column.states for column in codec.numbers], bool)
    rest = _of_states(codec, train, held_out)
    sometimes = held_out[:, :c][:, ~always].astype("float64")
    rest = rest + np.nan_to_num(-0.5 * (sometimes**2 + np.log(2 * np.pi))).sum(axis=1)
    rest = rest + codec.log_jacobian(held_out)
    if not always.any():
        return {"each column on its own": rest}
    columns = [column for column in codec.numbers if not column.states]
    normal_scores = [np.nan_to_num(vectors[:, :c][:, always].astype("float64")) for vectors in (train, held_out)]
    numbers = [_in_units(columns, y) for y in normal_scores]
    # The density of the numbers themselves, in place of that of their normal scores.
    units = -sum(column.log_jacobian(y) for column, y in zip(columns, normal_scores[1].T, strict=True))
    mean, deviation = numbers[0].mean(axis=0), numbers[0].std(axis=0)
    numbers = [(x - mean) / deviation for x in numbers]
    return {
        **_mixtures("Gaussian", "Gaussian mixture of 10", numbers, rest + units - np.log(deviation).sum(), seed),
        **_mixtures("Gaussian copula", "Gaussian mixture of 10, on normal scores", normal_scores, rest, seed),
    }


def _in_units(columns, y):
    return np.stack([column.scores.inverse(v) for column, v in zip(columns, y.T, strict=True)], axis=1)


def _mixtures(one, ten, parts, rest, seed):
    """{name: log density} of one Gaussian, and of ten where there are rows enough, fitted to the first part."""
    from sklearn.mixture import GaussianMixture

    train, held_out = parts
    components = {one: 1, ten: 10} if len(train) >= _ROWS_FOR_TEN else {one: 1}
    return {
        f"{name} (scikit-learn)": GaussianMixture(k, reg_covar=1e-4, random_state=seed)
        .fit(train)
        .score_samples(held_out)
        + rest
        for name, k in components.items()
    }


def _of_states(codec, train, held_out):
    """log of each row's categories and states by their frequencies, as if they were independent."""
    total = np.zeros(len(held_out))
    for of_train, of_held_out in zip(codec.split_blocks(train), codec.split_blocks(held_out), strict=True):
        counts = np.nansum(of_train, axis=0)
        total += np.nan_to_num(of_held_out) @ np.log((counts + 1) / (counts.sum() + len(counts)))
    return total
