"""Aggregations: products and mixtures against closed forms, what is absent, and the order of the modalities."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfvae import layers

B, M, D = 6, 3, 2
MAKERS = {
    "poe": lambda: layers.ProductOfExperts(D, M),
    "poe-no-prior": lambda: layers.ProductOfExperts(D, M, prior_expert=False),
    "gpoe": lambda: layers.GeneralizedProductOfExperts(D, M),
    "moe": lambda: layers.MixtureOfExperts(D, M),
    "mopoe": lambda: layers.MixtureOfProducts(D, M),
    "sum": lambda: layers.SumPooling(D, M, 8),
    "attention": lambda: layers.SelfAttention(D, M, 8, num_heads=2),
}
every = pytest.mark.parametrize("name", MAKERS)


def features_of(layer, seed=0):
    return np.random.default_rng(seed).normal(size=(B, M, layer.feature_dim)).astype("float32")


def q_of(layer, features, present):
    return layer.posterior()(layer(tf.constant(features), tf.constant(present))).distribution


def made(name):
    keras.utils.set_random_seed(0)
    return MAKERS[name]()


@pytest.mark.parametrize("prior_expert", [True, False])
def test_a_product_is_that_of_its_densities(prior_expert):
    """Also where one variance is a millionth of another; proportional over a grid."""
    layer = layers.ProductOfExperts(1, M, prior_expert=prior_expert)
    loc, log_variance = np.array([0.3, -1.0, 2.0]), np.array([0.0, -12.0, 3.0])
    features = np.stack([loc, log_variance], axis=1)[None].astype("float32")
    q = q_of(layer, features, np.ones((1, M), bool))
    precision = np.exp(-log_variance)
    total = precision.sum() + prior_expert
    np.testing.assert_allclose(q.mean()[0, 0], (precision * loc).sum() / total, rtol=1e-5)
    np.testing.assert_allclose(q.variance()[0, 0], 1 / total, rtol=1e-5)
    pair = q_of(layer, features, np.array([[True, False, True]]))
    z = np.linspace(-2, 3, 11)
    log_product = sum(scipy.stats.norm(loc[m], np.exp(0.5 * log_variance[m])).logpdf(z) for m in (0, 2))
    log_product += prior_expert * scipy.stats.norm.logpdf(z)
    rest = pair.log_prob(z[:, None, None].astype("float32")).numpy()[:, 0] - log_product
    np.testing.assert_allclose(rest, rest[0], atol=1e-4)


def test_weights_of_the_generalized_product():
    layer = layers.GeneralizedProductOfExperts(1, M)
    features = features_of(layer)
    q = q_of(layer, features, np.array([[True, True, False]] * B))
    loc, log_variance, logits = features[:, :2].transpose(2, 0, 1)
    weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    precision = weights * np.exp(-log_variance)
    np.testing.assert_allclose(q.mean()[:, 0], (precision * loc).sum(1) / precision.sum(1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(q.variance()[:, 0], 1 / precision.sum(1), rtol=1e-4)


def test_mixtures_are_over_what_is_there():
    z = np.random.default_rng(1).normal(size=(B, D)).astype("float32")
    layer = layers.MixtureOfExperts(D, M)
    features = features_of(layer)
    loc, scale = features[..., :D], np.exp(0.5 * features[..., D:])
    densities = scipy.stats.norm(loc, scale).pdf(z[:, None]).prod(axis=-1)
    for present in ([True, True, True], [True, False, True], [False, True, False]):
        q = q_of(layer, features, np.array([present] * B))
        np.testing.assert_allclose(q.log_prob(z), np.log(densities[:, present].mean(axis=1)), rtol=1e-3, atol=1e-3)
    layer = layers.MixtureOfProducts(D, M, prior_expert="none")
    q = q_of(layer, features, np.array([[True, False, True]] * B))
    precision = 1 / scale[:, [0, 2]] ** 2
    both = scipy.stats.norm((precision * loc[:, [0, 2]]).sum(1) / precision.sum(1), precision.sum(1) ** -0.5).pdf(z)
    expected = np.log((densities[:, 0] + densities[:, 2] + both.prod(axis=-1)) / 3)
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-3, atol=1e-3)


@every
def test_without_any_modality_it_is_the_prior(name):
    layer = made(name)
    q = q_of(layer, features_of(layer), np.zeros((B, M), bool))
    z = np.random.default_rng(1).normal(size=(B, D)).astype("float32")
    np.testing.assert_allclose(q.log_prob(z), scipy.stats.norm.logpdf(z).sum(axis=1), rtol=1e-4)


@every
def test_what_is_absent_changes_neither_values_nor_gradients(name):
    layer = made(name)
    features = features_of(layer)
    present = np.array([[True, False, True]] * B)
    seen = {}
    for filler in (0.0, np.nan, 1e30):
        filled = features.copy()
        filled[:, 1] = filler
        x = tf.constant(filled)
        with tf.GradientTape() as tape:
            tape.watch(x)
            q = layer.posterior()(layer(x, tf.constant(present))).distribution
            loss = tf.reduce_sum(q.log_prob(tf.ones([B, D])))
        grads = tape.gradient(loss, [x, *layer.trainable_variables])
        seen[filler] = [loss.numpy(), *(np.asarray(g) for g in grads)]
        assert not np.any(seen[filler][1][:, 1])
    for filler in (np.nan, 1e30):
        for a, b in zip(seen[0.0], seen[filler], strict=True):
            np.testing.assert_array_equal(a, b)


@every
def test_the_order_of_the_modalities_does_not_matter(name):
    layer = made(name)
    features, present = features_of(layer), np.random.default_rng(2).random((B, M)) < 0.6
    z = np.random.default_rng(1).normal(size=(B, D)).astype("float32")
    order = [2, 0, 1]
    a, b = (q_of(layer, *given).log_prob(z) for given in ((features, present), (features[:, order], present[:, order])))
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@every
def test_it_is_saved(name, tmp_path):
    layer = made(name)
    features, present = keras.Input((M, layer.feature_dim)), keras.Input((M,), dtype="bool")
    model = keras.Model([features, present], layer.posterior()(layer(features, present)))
    given = [tf.constant(features_of(layer)), tf.constant([[True, False, True]] * B)]
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    z = tf.ones([B, D])
    np.testing.assert_allclose(again(given).distribution.log_prob(z), model(given).distribution.log_prob(z), rtol=1e-6)


def test_wrong_arguments_are_said():
    with pytest.raises(ValueError, match="`prior_expert` must be one of all, each, none"):
        layers.MixtureOfProducts(2, 3, prior_expert="some")
    with pytest.raises(ValueError, match="9 modalities have 511 subsets"):
        layers.MixtureOfProducts(2, 9)
    with pytest.raises(ValueError, match="`num_heads` must divide the width 10"):
        layers.SelfAttention(2, 3, 10, num_heads=4)
