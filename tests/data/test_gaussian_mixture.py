"""The synthetic data against their own truth."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.stats import multivariate_normal

from tfvae import data, evaluation

tfd = tfp.distributions
ALL = [data.four_gaussians, data.random_mixture, data.gaussian_ring, data.gaussian_grid]


def as_tfp(truth):
    return tfd.MixtureSameFamily(
        tfd.Categorical(probs=truth.weights),
        tfd.MultivariateNormalDiag(tf.constant(truth.centres), truth.sd * tf.ones_like(tf.constant(truth.centres))),
    )


@pytest.mark.parametrize("make", ALL)
def test_log_prob_equals_tfp(make):
    truth = make()
    x = truth.sample(500, seed=1)
    assert x.dtype == np.float32
    assert x.shape == (500, 2)
    np.testing.assert_allclose(truth.log_prob(x), as_tfp(truth).log_prob(x.astype("float64")), rtol=1e-9)
    np.testing.assert_array_equal(x, truth.sample(500, seed=1))


def test_published_entropies():
    assert data.four_gaussians().entropy() == pytest.approx(2.8379, abs=1e-4)
    assert -data.gaussian_ring().entropy() == pytest.approx(4.2930, abs=1e-4)
    assert -data.gaussian_grid().entropy() == pytest.approx(-0.0653, abs=1e-4)
    truth = data.four_gaussians()
    sampled = -truth.log_prob(truth.sample(100_000, seed=0))
    assert abs(sampled.mean() - truth.entropy()) < 5 * sampled.std() / np.sqrt(100_000)  # by chance once in 1.7 million


def test_refuses_what_is_no_mixture():
    for arguments in (([[1, 2]], 0.0), ([1, 2], 1.0), ([[1, 2]], 1.0, [0.5])):
        with pytest.raises(ValueError, match="A Gaussian mixture needs"):
            data.GaussianMixture(*arguments)


def test_widths_and_units_of_their_own():
    truth = data.GaussianMixture([[0, 0], [300, 4]], [0.5, 1.0], [0.3, 0.7], units=[100.0, 0.1])
    components = [
        multivariate_normal(c, np.diag((s * truth.units) ** 2))
        for c, s in zip(truth.centres, truth.widths, strict=True)
    ]
    x = truth.sample(2000, seed=0)
    expected = np.log(sum(w * c.pdf(x) for w, c in zip(truth.weights, components, strict=True)))
    np.testing.assert_allclose(truth.log_prob(x), expected, rtol=1e-5)
    far = x[truth.distances(x).argmin(axis=1) == 1]
    np.testing.assert_allclose(far.std(axis=0), truth.units, rtol=0.1)
    apart = data.GaussianMixture([[0.0, 0.0], [9e4, 0.0]], [0.5, 1.0], [0.3, 0.7], units=[100.0, 0.1])
    assert -apart.log_prob(apart.sample(20_000, seed=0)).mean() == pytest.approx(apart.entropy(), abs=0.03)
    for wrong in ({"sd": [1.0]}, {"sd": [1.0, 0.0]}, {"units": [1.0]}, {"units": [1.0, -1.0]}):
        with pytest.raises(ValueError, match="one sd > 0 or K of them"):
            data.GaussianMixture(**{"centres": [[0, 0], [1, 1]], "sd": 1.0, **wrong})


@pytest.mark.parametrize("seed", range(5))
def test_random_tables_have_modes_apart(seed):
    truth = data.random_table(seed)
    assert 4 <= truth.num_modes <= 12
    assert 2 <= truth.dimension <= 8
    assert truth.weights.sum() == pytest.approx(1)
    assert truth.weights.min() > 0.01
    distances = truth.distances(truth.centres)
    assert distances[~np.eye(truth.num_modes, dtype=bool)].min() >= 6 * (1 - 1e-9)
    report = evaluation.mode_report(truth, truth.sample(50_000, seed=1))
    assert report.bridge_mass < 1e-3  # in every dimension, as in the plane
    assert report.high_quality_share == pytest.approx(0.98889, abs=0.003)
