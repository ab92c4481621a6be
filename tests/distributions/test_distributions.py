"""Our own distributions, and laws that scipy and brute force know."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import divergences, layers
from tfvae.distributions import DiagonalNormalMixture

tfd = tfp.distributions


def shared_mixture(k=5, d=3, seed=0, scale=0.5):
    rng = np.random.default_rng(seed)
    return DiagonalNormalMixture(
        rng.normal(size=k).astype("float32"),
        rng.normal(size=(k, d)).astype("float32"),
        (scale * rng.uniform(0.5, 2, size=(k, d))).astype("float32"),
    )


def as_tfp(mixture):
    return tfd.MixtureSameFamily(
        tfd.Categorical(logits=mixture.logits), tfd.MultivariateNormalDiag(mixture.loc, mixture.scale)
    )


@pytest.mark.parametrize("shape", [(7,), (4, 7), (), (2, 3, 4)])
def test_shared_mixture_equals_tfp(shape):
    ours, theirs = shared_mixture(), as_tfp(shared_mixture())
    z = tf.random.stateless_normal((*shape, 3), [0, 1])
    np.testing.assert_allclose(ours.log_prob(z), theirs.log_prob(z), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.mean(), theirs.mean(), rtol=1e-5)
    np.testing.assert_allclose(ours.variance(), theirs.variance(), rtol=1e-5)
    assert ours.event_shape == theirs.event_shape == (3,)
    assert ours.batch_shape == theirs.batch_shape == ()


def test_variance_keeps_its_digits_far_from_the_origin():
    near, far = (
        DiagonalNormalMixture([0.0, 1.0], loc, [[0.01], [0.02]]) for loc in ([[0.0], [0.5]], [[1000.0], [1000.5]])
    )
    np.testing.assert_allclose(far.stddev(), near.stddev(), rtol=1e-5)


def test_shared_mixture_gradients_equal_tfps():
    z = tf.random.stateless_normal((20, 3), [0, 1])
    mixture = shared_mixture()
    parameters = [mixture.logits, mixture.loc, mixture.scale]

    def gradients(build):
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            value = tf.reduce_sum(build(*parameters).log_prob(z))
        return tape.gradient(value, parameters)

    theirs = gradients(
        lambda a, b, c: tfd.MixtureSameFamily(tfd.Categorical(logits=a), tfd.MultivariateNormalDiag(b, c))
    )
    for a, b in zip(gradients(DiagonalNormalMixture), theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_shared_mixture_draws_have_its_moments():
    n = 100_000
    mixture = shared_mixture()
    z = mixture.sample(n, seed=tf.constant([1, 2])).numpy()
    # Each of the six statistics is within 5 standard errors: by chance once in 290,000 for a fixed seed.
    assert np.all(np.abs(z.mean(axis=0) - mixture.mean()) < 5 * np.sqrt(mixture.variance() / n))
    fourth = ((z - z.mean(axis=0)) ** 4).mean(axis=0)
    assert np.all(np.abs(z.var(axis=0) - mixture.variance()) < 5 * np.sqrt((fourth - z.var(axis=0) ** 2) / n))
    assert np.allclose(tf.reduce_sum(mixture.responsibilities(z[:9]), axis=1), 1, atol=1e-5)


def test_shared_mixture_keeps_digits_where_components_are_narrow():
    narrow = DiagonalNormalMixture(
        np.zeros(2, "float32"), np.array([[50.0], [50.2]], "float32"), np.full((2, 1), 0.01, "float32")
    )
    z = np.array([[50.005], [50.19]], "float32")
    exact = scipy.stats.norm([50.0, 50.2], 0.01).logpdf(z.astype("float64"))
    exact = np.logaddexp.reduce(exact, axis=1) - np.log(2)
    np.testing.assert_allclose(narrow.log_prob(z), exact, atol=0.02)


@pytest.mark.parametrize(("d", "shift", "sd"), [(2, 0, 1e-3), (20, 0, 1e-3), (40, 1000, 4.5e-5)])
def test_shared_mixture_equals_float64_at_small_scales(d, shift, sd):
    rng = np.random.default_rng(0)
    loc, scale = rng.normal(shift, 3, size=(7, d)).astype("float32"), np.full((7, d), sd, "float32")
    z = loc[rng.integers(0, 7, 50)] + (sd * rng.normal(size=(50, d))).astype("float32")
    ours = DiagonalNormalMixture(np.zeros(7, "float32"), loc, scale).log_prob(z)
    components = scipy.stats.norm(loc.astype("float64"), scale.astype("float64"))
    exact = np.logaddexp.reduce(components.logpdf(z[:, None].astype("float64")).sum(axis=-1), axis=1) - np.log(7)
    np.testing.assert_allclose(ours, exact, atol=1e-3, rtol=1e-5)


PARAMS = np.array([[0.3, -0.4, 0.2, 0.9]], "float32")


def softplus(v):
    return np.log1p(np.exp(v))


@pytest.mark.parametrize(("distribution", "law", "points"), [
    (layers.IndependentNormal.new(PARAMS, 2), lambda v: scipy.stats.norm(PARAMS[0, :2], softplus(PARAMS[0, 2:])).logpdf(v).sum(-1), [[0.1, 2.0]]),
    (layers.IndependentLogistic.new(PARAMS, 2), lambda v: scipy.stats.logistic(PARAMS[0, :2], softplus(PARAMS[0, 2:])).logpdf(v).sum(-1), [[0.1, 2.0]]),
    (layers.IndependentPoisson.new(PARAMS, 4), lambda v: scipy.stats.poisson(np.exp(PARAMS[0])).logpmf(v).sum(-1), [[0, 3, 1, 2]]),
    (layers.IndependentBernoulli.new(PARAMS, 4), lambda v: scipy.stats.bernoulli(1 / (1 + np.exp(-PARAMS[0]))).logpmf(v).sum(-1), [[0, 1, 1, 0]]),
    (layers.IndependentNormal.new(PARAMS, 4, scale=0.3), lambda v: scipy.stats.norm(PARAMS[0], 0.3).logpdf(v).sum(-1), [[0.1, 0.2, 0.3, 0.4]]),
    (layers.IndependentNormal.new(PARAMS, 2, epsilon=0.5), lambda v: scipy.stats.norm(PARAMS[0, :2], softplus(PARAMS[0, 2:]) + 0.5).logpdf(v).sum(-1), [[0.1, 2.0]]),
])  # fmt: skip
def test_density_equals_scipy(distribution, law, points):
    points = np.asarray(points, "float32")
    np.testing.assert_allclose(distribution.log_prob(points), law(points), rtol=2e-5)


@pytest.mark.parametrize(("distribution", "low", "high"), [
    (layers.IndependentNormal.new([0.3, 0.4], 1), -20, 20),
    (layers.IndependentLogistic.new([0.3, 0.4], 1), -60, 60),
    (layers.MixtureNormal.new([0.1, 0.7, 0.3, 0.4, -2.0, 0.2], 2, 1), -30, 30),
    (layers.MixtureLogistic.new([0.1, 0.7, 0.3, 0.4, -2.0, 0.2], 2, 1), -60, 60),
    (layers.MultivariateNormalTriL.new([0.3, 0.4], 1), -20, 20),
    (layers.IndependentContinuousBernoulli.new([1.3], 1), 1e-6, 1 - 1e-6),
    (shared_mixture(d=1), -30, 30),
], ids=lambda v: getattr(v, "name", ""))  # fmt: skip
def test_density_integrates_to_one(distribution, low, high):
    points = np.linspace(low, high, 200_001)[:, None].astype("float32")
    density = np.exp(distribution.log_prob(points).numpy().astype("float64"))
    assert np.trapezoid(density, points[:, 0].astype("float64")) == pytest.approx(1, abs=2e-4)


def test_probabilities_sum_to_one():
    for distribution, events in (
        (layers.OneHotCategorical.new([0.1, -0.3, 1.0], 3), np.eye(3)),
        (layers.CategoricalMixtureOfOneHotCategorical.new([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 2, 2), np.eye(2)),
        (layers.IndependentPoisson.new([0.5], 1), np.arange(60)[:, None]),
    ):
        assert tf.reduce_sum(distribution.prob(events.astype("float32"))).numpy() == pytest.approx(1, abs=1e-5)


def test_categorical_mixture_log_mean_is_tfps():
    params = np.random.default_rng(0).normal(size=(5, 10)).astype("float32")
    ours = layers.CategoricalMixtureOfOneHotCategorical.new(params, 4, 2)
    np.testing.assert_allclose(np.exp(ours.log_mean()), ours.mean(), rtol=1e-5)


def test_reparameterized_mixture_has_the_gradient_of_the_expectation():
    """d/dθ E[f(z)] by implicit reparameterization equals its finite difference by quadrature, logits included."""
    params = np.array([0.2, -0.3, -1.0, 0.5, 1.5, -0.2], "float64")
    points = np.linspace(-15, 15, 20_001)

    def expectation(p):
        density = layers.MixtureNormal.new(tf.constant(p), 2, 1).prob(points[:, None]).numpy()
        return np.trapezoid(density * np.sin(points), points)

    steps = 1e-5 * np.eye(6)
    exact = np.array([(expectation(params + s) - expectation(params - s)) / 2e-5 for s in steps])
    variable = tf.constant(params)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        draws = layers.MixtureNormal.new(tf.tile(variable[None], (100_000, 1)), 2, 1).sample(seed=tf.constant([0, 1]))
        value = tf.reduce_mean(tf.sin(draws))
    sampled = tape.gradient(value, variable)
    np.testing.assert_allclose(sampled, exact, atol=0.02)  # 5 standard errors of 100,000 draws, which are below 0.004


def test_exact_kl_where_tfp_has_it_and_between_normals_of_different_form():
    diagonal = tfd.Independent(tfd.Normal([[0.3, -0.2]], [[0.5, 2.0]]), 1)
    full = tfd.MultivariateNormalTriL([[0.3, -0.2]], [[[0.5, 0.0], [0.0, 2.0]]])
    standard = tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1)
    expected = 0.5 * np.sum(np.array([0.3, -0.2]) ** 2 + np.array([0.25, 4.0]) - 1 - np.log([0.25, 4.0]))
    for q in (diagonal, full):
        np.testing.assert_allclose(divergences.exact_kl(q, standard), [expected], rtol=1e-5)
    assert divergences.exact_kl(diagonal, shared_mixture(d=2)) is None
    np.testing.assert_allclose(tf.reduce_sum(divergences.kl_per_dimension(diagonal, standard)), expected, rtol=1e-5)
    z = diagonal.sample(200_000, seed=tf.constant([3, 4]))
    sampled = divergences.monte_carlo_kl(diagonal, standard, z).numpy()
    assert abs(sampled.mean() - expected) < 5 * sampled.std() / np.sqrt(sampled.size)  # by chance once in 1.7 million
