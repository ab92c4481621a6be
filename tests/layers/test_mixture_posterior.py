"""Document 004's question: may the posterior be a mixture? Gradients against finite differences of the exact ELBO."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.stats import norm

import tfvae
from tfvae import layers
from tfvae.layers import MixtureNormal

tfd = tfp.distributions
SIGMA, GROUPS, DRAWS = 0.6, 40, 500


def parameters(dimension, k=2):
    rng = np.random.default_rng(dimension)
    return np.concatenate([[0.4, -0.3], rng.normal(size=2 * k * dimension) * 0.8]).astype("float64")


def exact_elbo(params, dimension, k=2):
    """∫ q(z) (log p(x|z) p(z) − log q(z)) dz on a grid, for x|z ~ N(tanh(2z), σ²) in each dimension; numpy alone."""
    side = {1: 4001, 2: 301}[dimension]
    ticks = np.linspace(-7, 7, side)
    z = np.stack(np.meshgrid(*[ticks] * dimension, indexing="ij"), -1).reshape(-1, dimension)
    weights = np.exp(params[:k]) / np.exp(params[:k]).sum()
    each = params[k:].reshape(k, 2, dimension)
    log_q = np.logaddexp.reduce(
        [
            np.log(w) + norm.logpdf(z, loc, np.log1p(np.exp(rho))).sum(-1)
            for w, (loc, rho) in zip(weights, each, strict=True)
        ]
    )
    log_joint = norm.logpdf(x_of(dimension), np.tanh(2 * z), SIGMA).sum(-1) + norm.logpdf(z).sum(-1)
    return (np.exp(log_q) * (log_joint - log_q)).sum() * (ticks[1] - ticks[0]) ** dimension


def x_of(dimension):
    return np.array([0.5, -0.7])[:dimension]


def finite_differences(dimension, h=1e-4):
    params = parameters(dimension)
    steps = h * np.eye(len(params))
    return np.array([(exact_elbo(params + s, dimension) - exact_elbo(params - s, dimension)) / (2 * h) for s in steps])


def component_at_random(layer, q, n):
    """One component for each draw, whose own draw is reparameterized: document 004's "simply select one"."""
    k = q.mixture_distribution.sample(n, seed=(3, 4))
    each = q.components_distribution.sample(n, seed=(5, 6))
    return tf.gather(each, k, batch_dims=2), None


def estimates(dimension, how):
    """The gradient in GROUPS independent groups of DRAWS draws, `(GROUPS, P)`."""
    layer = MixtureNormal(2, dimension, stratified=how == "stratified", seed=7)
    params = tf.constant(np.tile(parameters(dimension), (GROUPS, 1)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(params)
        q = layer(params)
        z, log_shares = (component_at_random if how == "at random" else MixtureNormal.draws)(layer, q, DRAWS)
        log_joint = tf.reduce_sum(
            tfd.Normal(tf.tanh(2 * z), SIGMA).log_prob(tf.constant(x_of(dimension), tf.float32))
            + tfd.Normal(0.0, 1.0).log_prob(z),
            -1,
        )
        elbo = tfvae.objectives.objective.expectation(log_joint - q.log_prob(z), log_shares)
    return tape.gradient(elbo, params).numpy()


@pytest.mark.parametrize("dimension", [1, 2])
@pytest.mark.parametrize("how", ["stratified", "implicit"])
def test_both_gradients_agree_with_finite_differences(dimension, how):
    found, exact = estimates(dimension, how), finite_differences(dimension)
    error = found.std(axis=0, ddof=1) / np.sqrt(GROUPS)
    assert np.all(np.abs(found.mean(axis=0) - exact) < 5 * error + 2e-4)  # of 18 numbers; by chance once in 30,000
    assert np.abs(exact[:2]).max() > 0.05  # the weights have a gradient to find


@pytest.mark.parametrize("dimension", [1, 2])
def test_a_component_at_random_does_not_reach_the_weights(dimension):
    found, exact = estimates(dimension, "at random"), finite_differences(dimension)
    error = found.std(axis=0, ddof=1) / np.sqrt(GROUPS)
    assert np.all(np.abs(found.mean(axis=0)[:2]) < 5 * error[:2])  # 0 in expectation
    assert np.all(np.abs(found.mean(axis=0) - exact)[:2] > 10 * error[:2])  # and not the gradient
    assert np.all(np.abs(found.mean(axis=0) - exact)[2:] < 5 * error[2:] + 2e-4)  # the components do learn


def test_stratification_has_the_lower_variance_at_equal_decodings():
    """K draws of the mixture against one from each of K components, for the weights' gradient."""
    variances = {}
    for how in ("stratified", "implicit"):
        variances[how] = estimates(2, how)[:, :2].var(axis=0).mean() * (2 if how == "stratified" else 1)
    assert variances["stratified"] < 0.5 * variances["implicit"]


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("draws", [1, 3])
def test_a_model_with_a_mixture_posterior_trains_under_both(stratified, draws):
    x = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
    posterior = layers.MixtureNormal(4, 2, epsilon=1e-3, stratified=stratified)
    objective = tfvae.objectives.IWAE(draws)
    vae = tfvae.make_dense_vae(3, 2, (8,), posterior=posterior, objective=objective)
    history = vae.fit(x, epochs=6, batch_size=20, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert np.isfinite(vae.log_likelihood(x, 30).mean)
    shapes = [s.shape for s in posterior.draws(vae.encode(x), draws) if s is not None]
    assert shapes == (
        [(4 * draws, 60, 2), (4 * draws, 60)] if stratified else [(draws, 60, 2) if draws > 1 else (60, 2)]
    )
