"""The synthetic data against their own truth."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import data

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
