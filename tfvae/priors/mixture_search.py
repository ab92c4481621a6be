"""How many Gaussians, and which."""

import warnings
from typing import Any

import numpy as np

_ROWS = 20_000  # that are looked at, at most
_STARTS, _PATIENCE = 3, 3  # of expectation-maximization for each size; larger sizes tried after the best


def best_mixture(points: np.ndarray, largest: int, narrowest: float = 1e-3, seed: int = 0) -> Any:
    """A `sklearn.mixture.GaussianMixture` of at most `largest` components, of the size that the Bayesian criterion prefers.

    Each size is fitted from several starts; sizes grow until the criterion has not fallen for three of them.

    Args:
        points: `(N, D)`, standardized; of more than 20,000 a random choice is looked at.
        largest: int K >= 1.
        narrowest: float > 0, the least standard deviation of a component.
        seed: of the starts and the choice.

    Source: Schwarz, "Estimating the dimension of a model" (1978).
    """
    if len(points) > _ROWS:
        points = np.random.default_rng(seed).choice(points, _ROWS, replace=False)
    best, lowest, waited, size = None, np.inf, 0, 1
    while size <= min(largest, len(points) // 2):
        mixture = _fitted(points, size, narrowest, seed)
        criterion = mixture.bic(points)
        waited = 0 if criterion < lowest else waited + 1
        if criterion < lowest:
            best, lowest = mixture, criterion
        if waited == _PATIENCE:
            break
        size += 1 + size // 16
    return best


def _fitted(points, size, narrowest, seed):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings():
        # What EM has found after its last round is compared all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(
            size,
            reg_covar=narrowest**2,
            max_iter=300,
            n_init=_STARTS if size > 1 else 1,
            init_params="k-means++",
            random_state=seed,
        ).fit(points)
