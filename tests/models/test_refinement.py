"""Refined posteriors against the optimum in closed form."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import layers, objectives, priors
from tfvae.models.decoding import Pass

SIGMA = 0.6


def linear_vae(objective=None):
    keras.utils.set_random_seed(1)
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2)])
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3), layers.IndependentNormal(3, "mean", scale=SIGMA)]
    )
    return tfvae.VAE(encoder, decoder, objective=objective or objectives.LinearELBO())


def test_a_linear_models_posterior_is_found(x):
    """The best diagonal Gaussian: the exact posterior's mean, and the inverse diagonal of its precision."""
    vae = linear_vae()
    w, b = vae.decoder.layers[0].get_weights()
    precision = np.eye(2) + w @ w.T / SIGMA**2
    mean = np.linalg.solve(precision, w @ (x - b).T / SIGMA**2).T
    before = [v.numpy() for v in vae.trainable_variables]
    q = tfvae.refine(vae, x, steps=600).distribution
    np.testing.assert_allclose(q.mean(), mean, atol=2e-3)
    np.testing.assert_allclose(q.variance(), np.tile(1 / np.diag(precision), (len(x), 1)), rtol=1e-2)
    for old, new in zip(before, vae.trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("make", [
    lambda: linear_vae(objectives.ELBO(num_draws=20)),
    lambda: tfvae.make_poisson_vae(3, 4, num_steps=1, seed=0),
    lambda: tfvae.make_poisson_vae(3, 4, num_steps=1, seed=0, method="exact"),
])  # fmt: skip
def test_the_loss_falls(make, x):
    vae = make()
    if vae.prior.support == "counts":
        vae.prior.log_rate.assign(4 * [0.0])
    rows = tf.constant(np.abs(x[:40]))
    exact = objectives.LinearELBO()

    def loss(q):
        draw = vae.draw(Pass(q, vae.decode), rows, rows, tf.constant(0), training=False)
        return float(np.mean(exact.terms(draw).loss))

    assert loss(tfvae.refine(vae, rows, steps=100)) < loss(vae.encode(rows)) - 0.05


def test_another_encoder_is_refused(x):
    inputs = keras.Input((3,))
    q = layers.IndependentNormal(2)(keras.layers.Dense(4)(inputs))
    inner = keras.Model(inputs, q)
    outer = keras.Input((3,))
    vae = tfvae.VAE(keras.Model(outer, inner(outer)), linear_vae().decoder)
    one_of = layers.OneHotCategorical(4)
    discrete = tfvae.make_dense_vae(3, 4, (8,), posterior=one_of, prior=priors.UniformCategory(4))
    with pytest.raises(ValueError, match="needs draws with a gradient"):
        tfvae.refine(discrete, x)
    point = tfvae.make_dense_vae(3, 2, (8,), posterior=layers.IndependentDeterministic(2), objective=objectives.WAE())
    with pytest.raises(ValueError, match="for bounds of log p\\(x\\), which WAE is not"):
        tfvae.refine(point, x)
    with pytest.raises(ValueError, match="needs an encoder whose last layer is its posterior"):
        tfvae.refine(vae, x)
