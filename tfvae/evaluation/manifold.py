"""Whether a VAE has learned a curve, and whether collapsing to the mean would have been better."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm, spearmanr


def curve_report(vae: Any, points: Any, parameter: np.ndarray) -> dict:
    """How well a `VAE` has learned a one-parameter curve, as a dict.

    Args:
        vae: `VAE`.
        points: `(n, E)`.
        parameter: `(n,)`, each point's true place on the curve.

    Returns:
        `rmse`: of the points reconstructed from the means of q(z|x), root mean square over points and coordinates, in the
        data's units; `spearman`: |rank correlation| of the true parameter and a latent mean, the largest over the latent
        dimensions (1: the curve is learned in its order); `z_dimension`: that dimension.
    """
    z = vae.encode(points).mean().numpy()
    means = np.asarray(vae.decode(z).mean())
    correlations = [_spearman(parameter, column) for column in z.T]
    return {
        "rmse": float(np.sqrt(np.mean((means - points) ** 2))),
        "spearman": max(correlations),
        "z_dimension": int(np.argmax(correlations)),
    }


def _spearman(a, b):
    return 0.0 if np.ptp(b) == 0 else float(abs(spearmanr(a, b).statistic))


def quadrature_log_prob(decode_mean: Callable, x: Any, variance: Any, num_nodes: int = 4_000) -> np.ndarray:
    """log p(x) = log ∫ N(x; m(z), σ² I) N(z; 0, 1) dz of each row, for a one-dimensional z, in nats.

    Args:
        decode_mean: function from z `(K, 1)` to m(z) `(K, E)`.
        x: `(n, E)`.
        variance: σ².
        num_nodes: int K, evenly spaced from −8 to 8; the distance of two neighbouring m(z) must be small beside σ.
    """
    z, step = np.linspace(-8, 8, num_nodes, dtype="float32", retstep=True)
    means = np.asarray(decode_mean(z[:, None]), "float64")
    return logsumexp(_log_normal(x, means, variance) + norm.logpdf(z) + np.log(step), axis=1)


def collapsed_log_prob(x: Any, variance: Any) -> np.ndarray:
    """log N(x; mean of x, σ² I) of each row, in nats: the model that has collapsed to the mean."""
    return _log_normal(x, np.mean(x, axis=0, dtype="float64")[None], variance)[:, 0]


def collapse_gradient(x: Any, variance: Any, grid_size: int = 81) -> float:
    """max over θ of mean_i N(x_i; θ, σ² I) / N(x_i; mean, σ² I) − 1, on a grid in two dimensions.

    A VAE's p(x) with a Gaussian decoder of fixed variance is a mixture of Gaussians whose centres the decoder places. By
    Lindsay's theorem a single centre at the mean has the highest likelihood of *all* such mixtures, whatever the network,
    if and only if this number is at most 0.

    Source: Lindsay, "The geometry of mixture likelihoods: a general theory" (1983).
    """
    x = np.asarray(x, "float64")
    low, high = x.min(axis=0) - np.ptp(x, axis=0) / 2, x.max(axis=0) + np.ptp(x, axis=0) / 2
    axes = [np.linspace(a, b, grid_size) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, x.shape[1])
    log_ratio = _log_normal(x, grid, variance) - collapsed_log_prob(x, variance)[:, None]
    return float(np.exp(logsumexp(log_ratio, axis=0).max() - np.log(len(x))) - 1)


def largest_eigenvalue(x: Any) -> float:
    """Of the covariance of rows x: the variance of a Gaussian decoder above which collapse to the mean is stable."""
    return float(np.linalg.eigvalsh(np.cov(np.asarray(x, "float64").T, bias=True))[-1])


def _log_normal(x, centres, variance):
    """log N(x_i; c_k, σ² I), `(n, K)`."""
    x, centres = np.asarray(x, "float64"), np.asarray(centres, "float64")
    squares = (x**2).sum(axis=1)[:, None] - 2 * x @ centres.T + (centres**2).sum(axis=1)
    return -0.5 * np.maximum(squares, 0) / variance - x.shape[1] / 2 * np.log(2 * np.pi * variance)
