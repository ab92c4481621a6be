"""The KL of the population of codes: its formulas, its moments, and what it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.special import digamma

import tfvae
from tests.draws import draw_of
from tfvae import layers
from tfvae.objectives import PopulationKL

tfd = tfp.distributions


def terms_of(objective, means, sds, training=True):
    """The terms for codes of these means and standard deviations, `(B, D)`, and a likelihood without an interest."""
    means, sds = (tf.convert_to_tensor(v, tf.float32) for v in (means, sds))
    q = tfd.Independent(tfd.Normal(means, sds), 1)
    p = tfd.Independent(tfd.Normal(0 * means, 1.0), 1)
    prior = tfd.Independent(tfd.Normal(tf.zeros(means.shape[1:]), 1.0), 1)
    return objective.terms(draw_of(0 * means, q, means, p, prior, training=training))


def codes_of_variance_one(n, dimension):
    means = np.random.default_rng(0).normal(size=(n, dimension))
    return (means - means.mean(axis=0)) / means.std(axis=0)


def test_it_is_zero_at_standard_moments_and_at_unit_scales():
    terms = terms_of(PopulationKL(), codes_of_variance_one(8, 3), np.ones((8, 3)))
    assert float(terms.metrics["population_kl"]) == pytest.approx(0, abs=1e-5)
    np.testing.assert_allclose(terms.metrics["individual"], 0, atol=1e-6)
    assert float(terms.metrics["population_mean"]) == pytest.approx(0, abs=1e-6)
    assert float(terms.metrics["population_variance"]) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("moments", ["means", "total"])
def test_it_is_the_kl_of_normals_with_the_batchs_moments(moments):
    rng = np.random.default_rng(1)
    means, sds = rng.normal(0.5, 2.0, (16, 4)), rng.uniform(0.3, 1.5, (16, 4))
    terms = terms_of(PopulationKL(beta=3.0, moments=moments), means, sds)
    variance = means.var(axis=0) + (np.mean(sds**2, axis=0) if moments == "total" else 0)
    exact = tfd.kl_divergence(
        tfd.Normal(means.mean(axis=0), np.sqrt(variance)), tfd.Normal(np.float64(0), np.float64(1))
    )
    assert float(terms.metrics["population_kl"]) == pytest.approx(np.sum(exact), rel=1e-4)
    assert float(terms.batch_loss) == pytest.approx(3 * np.sum(exact), rel=1e-4)
    outside = terms_of(PopulationKL(beta=3.0, moments=moments), means, sds, training=False)
    assert float(outside.batch_loss) == pytest.approx(np.sum(exact), rel=1e-4)


def test_the_individual_term_is_the_published_one():
    sds = np.random.default_rng(2).uniform(0.3, 1.5, (6, 4))
    terms = terms_of(PopulationKL(), codes_of_variance_one(6, 4), sds)
    published = 0.1 * np.sum(sds**2 - np.log(sds**2) - 1, axis=1)
    np.testing.assert_allclose(terms.loss - terms.metrics["reconstruction"], published, rtol=1e-4)
    none = terms_of(PopulationKL(individual_weight=0), codes_of_variance_one(6, 4), sds)
    np.testing.assert_allclose(none.loss, none.metrics["reconstruction"])


@pytest.mark.parametrize("size", [10, 64])
def test_its_floor_at_few_codes_is_the_closed_form(size):
    """E KL with B means of N(0, 1) is ½ [log(B/2) − ψ((B−1)/2)] in each dimension."""
    means = np.random.default_rng(3).normal(size=(size, 20_000))
    value = float(terms_of(PopulationKL(), means, np.ones_like(means)).metrics["population_kl"]) / means.shape[1]
    assert value == pytest.approx(0.5 * (np.log(size / 2) - digamma((size - 1) / 2)), abs=0.002)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_its_gradient_is_finite_at_two_codes(momentum):
    objective = PopulationKL(momentum=momentum)
    objective.build((3,))
    means = tf.Variable(np.random.default_rng(4).normal(size=(2, 3)).astype("float32"))
    with tf.GradientTape() as tape:
        loss = terms_of(objective, means, tf.ones([2, 3])).batch_loss
    assert np.isfinite(tape.gradient(loss, means)).all()


def test_running_moments_are_weighted_means_and_take_the_gradient_of_the_minibatch():
    rng, momentum = np.random.default_rng(5), 0.8
    objective = PopulationKL(momentum=momentum)
    objective.build((2,))
    batches = rng.normal(1.0, 2.0, (3, 4, 2)).astype("float32")
    for some in batches:
        means = tf.Variable(some)
        with tf.GradientTape() as tape:
            terms = terms_of(objective, means, tf.ones([4, 2]))
        gradient = tape.gradient(terms.batch_loss, means)
    weights = np.array([momentum**2, momentum, 1.0])
    weights /= weights.sum()
    m = np.einsum("b,bd->d", weights, batches.mean(axis=1))
    v = np.einsum("b,bd->d", weights, (batches**2).mean(axis=1)) - m**2
    assert float(terms.metrics["population_kl"]) == pytest.approx(0.5 * np.sum(m**2 + v - 1 - np.log(v)), rel=1e-3)
    # dKL/dm and dKL/dv at the running moments, through v = E μ² − m² of this minibatch.
    dv = 0.5 * (1 - 1 / v)
    expected = (m - 2 * m * dv + 2 * batches[-1] * dv) / 4
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5)


def test_running_moments_are_saved_and_left_alone_outside_training(x, tmp_path):
    vae = tfvae.make_dense_vae(3, 2, (8,), objective=PopulationKL(momentum=0.9))
    vae.fit(x, batch_size=16, epochs=2, verbose=0)
    kept = [v.numpy() for v in vae.objective.running]
    assert float(vae.objective.updates) == 8
    vae.evaluate(x, batch_size=16, verbose=0)
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    for a, b, c in zip(kept, vae.objective.running, loaded.objective.running, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_a_mixture_posterior_has_moments_too(x):
    vae = tfvae.make_dense_vae(3, 2, (8,), posterior=layers.MixtureNormal(3, 2, epsilon=1e-2), objective=PopulationKL())
    assert np.isfinite(vae.fit(x, batch_size=16, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("fused", [True, False])
def test_a_minibatch_of_one_row_is_refused_before_any_step(x, fused):
    vae = tfvae.make_dense_vae(3, 2, (8,), objective=PopulationKL())
    vae.compile("sgd", steps_per_execution="auto" if fused else 1)
    before = vae.get_weights()
    for rows, batch_size in ((x, 1), (x[:33], 16) if fused else (x, 1)):
        with pytest.raises(ValueError, match="a minibatch of one row: choose a larger batch size"):
            vae.fit(rows, batch_size=batch_size, verbose=0)
    for a, b in zip(before, vae.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    smoothed = tfvae.make_dense_vae(3, 2, (8,), objective=PopulationKL(momentum=0.9))
    assert np.isfinite(smoothed.fit(x, batch_size=1, verbose=0).history["loss"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"moments": "all"}, "`moments` must be 'means' or 'total'"),
        ({"individual_weight": -1}, "`individual_weight` must be at least 0"),
        ({"momentum": 1.0}, r"`momentum` must be in \[0, 1\)"),
        ({"beta": -1}, "`beta` must be at least 0"),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PopulationKL(**arguments)


def test_a_prior_that_is_no_gaussian_is_refused_and_another_gaussian_is_the_target(x):
    with pytest.raises(ValueError, match="near a Gaussian, but the prior is a DiagonalNormalMixture: give the model"):
        tfvae.make_dense_vae(3, 2, (8,), prior=tfvae.priors.MixturePrior(2, 3), objective=PopulationKL()).fit(
            x, verbose=0
        )
    means = codes_of_variance_one(8, 3)
    terms = PopulationKL().terms(draw_of(
        tf.zeros([8, 3]), tfd.Independent(tfd.Normal(tf.constant(means, tf.float32), 1.0), 1), tf.zeros([8, 3]),
        tfd.Independent(tfd.Normal(tf.zeros([8, 3]), 1.0), 1), tfd.Independent(tfd.Normal(tf.ones([3]), 2.0), 1)))  # fmt: skip
    assert float(terms.metrics["population_kl"]) == pytest.approx(3 * (np.log(2) + 2 / 8 - 0.5), rel=1e-4)
