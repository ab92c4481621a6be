"""What one would do with a table without a latent space: densities by scikit-learn, draws by a Gaussian copula."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

_COMPONENTS = (1, 10)


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
            ranks = np.lexsort((rng.random(n), _order(frame[name])))
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
    from sklearn.mixture import GaussianMixture

    if not codec.num_continuous:
        return {"each column's frequencies": _of_states(codec, train, held_out)}
    always = np.array([not c.states for c in codec.numbers])
    rest = _of_states(codec, train, held_out) + codec.log_jacobian(held_out)
    sometimes = held_out[:, : len(always)][:, ~always].astype("float64")
    rest = rest + np.where(np.isnan(sometimes), 0.0, -0.5 * (sometimes**2 + np.log(2 * np.pi))).sum(axis=1)
    if not always.any():
        return {"each column on its own": rest}
    scores = {}
    known = [c for c in codec.numbers if not c.states]
    for raw in (True, False):
        parts, jacobian = [], np.zeros(len(held_out))
        for vectors in (train, held_out):
            y = np.nan_to_num(vectors[:, : len(always)][:, always].astype("float64"))
            parts.append(np.stack([c.scores.inverse(v) for c, v in zip(known, y.T, strict=True)], axis=1) if raw else y)
        if raw:
            mean, deviation = parts[0].mean(axis=0), parts[0].std(axis=0)
            # The density of the numbers themselves, in place of that of their normal scores.
            y = np.nan_to_num(held_out[:, : len(always)][:, always].astype("float64"))
            jacobian = -np.log(deviation).sum() - sum(c.log_jacobian(v) for c, v in zip(known, y.T, strict=True))
            parts = [(x - mean) / deviation for x in parts]
        for components in _COMPONENTS:
            if components > len(train) // 2:
                continue
            mixture = GaussianMixture(components, reg_covar=1e-4, random_state=seed).fit(parts[0])
            name = "Gaussian" if components == 1 else f"Gaussian mixture of {components}"
            where = "" if raw else ", on normal scores" if components > 1 else " copula"
            scores[f"{name}{where} (scikit-learn)"] = mixture.score_samples(parts[1]) + rest + jacobian
    return scores


def _of_states(codec, train, held_out):
    """log of each row's categories and states by their frequencies, as if they were independent."""
    total = np.zeros(len(held_out))
    for of_train, of_held_out in zip(codec.split_blocks(train), codec.split_blocks(held_out), strict=True):
        counts = np.nansum(of_train, axis=0)
        total += np.nan_to_num(of_held_out) @ np.log((counts + 1) / (counts.sum() + len(counts)))
    return total


def _order(series):
    """Numbers by which the values are sorted, the missing ones first."""
    if pd.api.types.is_numeric_dtype(series) or pd.api.types.is_datetime64_any_dtype(series):
        return series.rank(method="dense").fillna(0).to_numpy("float64")
    return pd.factorize(series.astype("string"), sort=True)[0]
