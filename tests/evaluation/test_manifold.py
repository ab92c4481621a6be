"""Curves: exact likelihoods by quadrature, and when collapse is the best solution."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

import tfvae
from tfvae.data import SCurve, embed_features
from tfvae.evaluation import (
    collapse_gradient,
    collapsed_log_prob,
    curve_report,
    largest_eigenvalue,
    quadrature_log_prob,
    sharpness,
)

POINTS, PARAMETER = SCurve().sample_with_parameter(300, seed=0)


def test_quadrature_of_a_linear_decoder_is_the_closed_form():
    """m(z) = a z + b makes p(x) a Gaussian of covariance a aᵀ + σ² I."""
    a, b, variance = np.array([0.5, -0.3]), np.array([0.1, 0.2]), 0.05
    x = np.random.default_rng(0).normal(size=(50, 2))
    exact = multivariate_normal(b, np.outer(a, a) + variance * np.eye(2)).logpdf(x)
    got = quadrature_log_prob(lambda z: z * a + b, x, variance)
    np.testing.assert_allclose(got, exact, rtol=1e-5)


def test_collapsed_likelihood_is_a_gaussians():
    exact = multivariate_normal(POINTS.mean(axis=0), 0.3 * np.eye(2)).logpdf(POINTS)
    np.testing.assert_allclose(collapsed_log_prob(POINTS, 0.3), exact, rtol=1e-5)


def test_collapse_is_the_best_solution_at_the_squared_errors_variance_and_not_below_the_eigenvalue():
    eigenvalue = largest_eigenvalue(POINTS)
    assert eigenvalue == pytest.approx(np.linalg.eigvalsh(np.cov(POINTS.T, bias=True))[-1], rel=1e-6)
    assert 0.1 < eigenvalue < 0.15
    assert collapse_gradient(POINTS, 0.5) <= 0
    assert collapse_gradient(POINTS, 1.1 * eigenvalue) <= 0
    assert collapse_gradient(POINTS, 0.9 * eigenvalue) > 0.001

    def curve(z):
        return embed_features(norm.cdf(z[:, 0]))

    at_half = quadrature_log_prob(curve, POINTS, 0.5).mean() - collapsed_log_prob(POINTS, 0.5).mean()
    small = quadrature_log_prob(curve, POINTS, 0.01).mean() - collapsed_log_prob(POINTS, 0.01).mean()
    assert at_half < -0.1
    assert small > 5


def test_the_gradient_is_the_likelihoods_derivative():
    """Along (1 − t) δ_mean + t δ_θ, by finite differences at the θ that the grid finds."""
    variance = 0.05
    x = POINTS.astype("float64")
    centre = x.mean(axis=0)
    ticks = [np.linspace(x[:, d].min() - np.ptp(x[:, d]) / 2, x[:, d].max() + np.ptp(x[:, d]) / 2, 81) for d in (0, 1)]
    grid = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    base = multivariate_normal(centre, variance * np.eye(2)).pdf(x)
    t = 1e-7
    slopes = []
    for theta in grid[::40]:
        other = multivariate_normal(theta, variance * np.eye(2)).pdf(x)
        slopes.append((np.log((1 - t) * base + t * other) - np.log(base)).mean() / t)
    assert max(slopes) <= collapse_gradient(x, variance) * 1.001 + 1e-6


def test_curve_report():
    vae = tfvae.make_manifold_vae(2, hidden=(4,), num_restarts=1)
    report = curve_report(vae, POINTS, PARAMETER)
    z = vae.encode(POINTS).mean().numpy()
    means = vae.decode(z).mean().numpy()
    assert report["rmse"] == pytest.approx(np.sqrt(((means - POINTS) ** 2).mean()), rel=1e-5)
    assert 0 <= report["spearman"] <= 1
    vae.encoder.layers[-2].kernel.assign(0 * vae.encoder.layers[-2].kernel)
    assert curve_report(vae, POINTS, PARAMETER)["spearman"] == 0  # a constant code has no order


def test_sharpness():
    assert sharpness(np.ones((2, 4, 4))) == 0
    stripes = np.tile([0.0, 1.0], (1, 4, 2))
    assert sharpness(stripes) == pytest.approx(0.5)
