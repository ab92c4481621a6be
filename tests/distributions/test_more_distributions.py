"""Discretized logistic, local mixtures, one-softplus Bernoulli, unfolded draws."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions import (
    DiagonalNormalMixture,
    DiscretizedLogistic,
    LogitsBernoulli,
    Unfolded,
    as_diagonal_mixture,
)

tfd = tfp.distributions


@pytest.mark.parametrize("loc", [-0.3, 0.02, 0.5, 1.4])
@pytest.mark.parametrize("scale", [1e-3, 0.05, 1.0])
def test_discretized_logistic_is_a_probability_with_its_moments(loc, scale):
    levels = np.arange(32) / 31
    d = DiscretizedLogistic(loc, scale, 32)
    p = np.exp(d.log_prob(levels.astype("float32")).numpy().astype("float64"))
    edges = np.concatenate([[-np.inf], (np.arange(31) + 0.5) / 31, [np.inf]])
    expected = np.diff(scipy.stats.logistic.cdf(edges, loc, scale))
    assert p.sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(p, expected, atol=1e-5)
    assert float(d.mean()) == pytest.approx(p @ levels, abs=1e-4)
    draws = d.sample(4000, seed=(0, 1)).numpy()
    assert set(np.round(draws * 31)) <= set(range(32))
    assert draws.mean() == pytest.approx(p @ levels, abs=5 * np.sqrt(p @ levels**2 / 4000) + 1e-4)
    assert levels[p.argmax()] == pytest.approx(float(d.mode()), abs=1 / 31 + 1e-6)


def test_discretized_logistic_has_finite_gradients_far_away():
    loc, scale = tf.Variable([9.0, -9.0, 0.5]), tf.Variable([1e-2] * 3)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(DiscretizedLogistic(loc, scale).log_prob([0.5, 0.5, 0.5]))
    assert all(np.isfinite(g).all() for g in tape.gradient(value, [loc, scale]))


def test_one_softplus_gives_the_bernoullis_density():
    logits = tf.constant(np.linspace(-30, 30, 41), tf.float32)
    for x in (0.0, 1.0, 0.3):
        ours = LogitsBernoulli(logits=logits).log_prob(x)
        np.testing.assert_allclose(ours, tfd.Bernoulli(logits=logits).log_prob(x), rtol=1e-5, atol=2e-6)
    probs = LogitsBernoulli(probs=[0.2, 0.9])
    np.testing.assert_allclose(probs.log_prob([1, 0]), np.log([0.2, 0.1]), rtol=1e-5)


def test_unfolded_draws_are_a_batch_of_two_axes():
    folded = tfd.Independent(tfd.Normal(tf.reshape(tf.range(24.0), [6, 4]), 1.0), 1)
    d = Unfolded(folded, tf.TensorShape([3, 2]))
    x = np.random.default_rng(0).normal(size=(5, 3, 2, 4)).astype("float32")
    np.testing.assert_allclose(d.log_prob(x), tf.reshape(folded.log_prob(x.reshape(5, 6, 4)), [5, 3, 2]), rtol=1e-6)
    assert d.mean().shape == d.stddev().shape == d.mode().shape == (3, 2, 4)
    assert d.sample(7, seed=1).shape == (7, 3, 2, 4)
    assert d.batch_shape == (3, 2)

    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def dynamic(loc):
        batch = tf.stack([3, tf.shape(loc)[0] // 3])
        return Unfolded(tfd.Independent(tfd.Normal(loc, 1.0), 1), batch).log_prob(tf.zeros([3, 2, 4]))

    assert dynamic(tf.zeros([6, 4])).shape == (3, 2)


def test_weights_of_each_examples_own():
    rng = np.random.default_rng(0)
    logits, loc, z = (rng.normal(size=s).astype("float32") for s in ((5, 3), (3, 2), (4, 5, 2)))
    ours = DiagonalNormalMixture(logits, loc, np.ones((3, 2), "float32"))
    for b in range(5):
        one = DiagonalNormalMixture(logits[b], loc, np.ones((3, 2), "float32"))
        np.testing.assert_allclose(ours.log_prob(z)[:, b], one.log_prob(z[:, b]), rtol=1e-5)
        np.testing.assert_allclose(ours.mean()[b], one.mean(), rtol=1e-4, atol=1e-5)
    assert ours.sample(9, seed=(0, 1)).shape == (9, 5, 2)
    assert ours.batch_shape == (5,)


def test_mixtures_of_tfp_are_recognized():
    mixture = tfd.MixtureSameFamily(tfd.Categorical([0.1, 0.7]), tfd.MultivariateNormalDiag(tf.eye(2), tf.ones([2, 2])))
    z = tf.constant([[0.3, -1.0]])
    np.testing.assert_allclose(as_diagonal_mixture(mixture).log_prob(z), mixture.log_prob(z), rtol=1e-5)
    product = tfd.Independent(tfd.MixtureSameFamily(tfd.Categorical(tf.zeros([2, 2])), tfd.Normal(tf.eye(2), 1.0)), 1)
    assert as_diagonal_mixture(product) is None  # a product of mixtures in one dimension each is another thing
