"""Annealed importance sampling against closed forms, a grid, and itself from the other side."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tests.test_importance import exact_log_prob, linear_gaussian_vae, mixture, standard
from tfvae import layers
from tfvae.evaluation import annealed_log_likelihood, bidirectional_log_likelihood
from tfvae.evaluation.annealing import schedule

tfd = tfp.distributions


def test_schedule():
    beta = schedule(1000)
    assert beta[0] == 0
    assert beta[-1] == 1
    assert np.all(np.diff(beta) > 0)
    np.testing.assert_allclose(beta + beta[::-1], 1, atol=1e-12)
    assert np.diff(beta)[0] < 0.2 * np.diff(beta)[500]  # slow at the ends
    np.testing.assert_array_equal(schedule(1), [0, 1])


@pytest.mark.parametrize("make", [standard, mixture], ids=["standard", "mixture"])
@pytest.mark.parametrize("from_prior", [False, True])
def test_equals_the_exact_value(make, from_prior, x):
    prior, parameters = make()
    x = x[:16]
    found = annealed_log_likelihood(
        linear_gaussian_vae(prior), x, 60, 64, leapfrog_steps=5, step_size=0.2, from_prior=from_prior
    )
    error = found.log_likelihood - exact_log_prob(x, *parameters)
    assert np.abs(error / np.maximum(found.standard_error, 0.02)).max() < 5  # of 16 z-scores
    assert np.abs(error).mean() < 0.12
    assert 0.4 < found.acceptance.mean() < 0.99


def test_one_step_is_importance_sampling(x):
    vae = linear_gaussian_vae(tfvae.priors.StandardNormal(2))
    found = annealed_log_likelihood(vae, x[:8], 1, 4000, leapfrog_steps=1)
    sampled = vae.log_likelihood(x[:8], 4000)
    error = np.hypot(found.standard_error, sampled.standard_error)
    assert np.all(np.abs(found.log_likelihood - sampled.log_likelihood) < 5 * error)
    np.testing.assert_allclose(found.standard_error, sampled.standard_error, rtol=0.6)


def test_estimates_rise_with_the_steps(x):
    """From the prior with one chain: a mean over 64 rows that rises by nats, whose noise is below half a nat."""
    vae = linear_gaussian_vae(tfvae.priors.StandardNormal(2))
    few, many = (
        annealed_log_likelihood(vae, x, t, 1, leapfrog_steps=3, step_size=0.2, from_prior=True) for t in (2, 60)
    )
    assert many.log_likelihood.mean() > few.log_likelihood.mean() + 1


@pytest.mark.parametrize("make", [standard, mixture], ids=["standard", "mixture"])
def test_the_exact_value_lies_between_the_bounds(make):
    prior, parameters = make()
    vae = linear_gaussian_vae(prior)
    found = bidirectional_log_likelihood(vae, 48, 40, 16, leapfrog_steps=4, step_size=0.2)
    keys = tf.unstack(tfvae.evaluation.annealing.tfp.random.split_seed(tf.constant([0, 48], tf.int32), 2))
    x = vae.decode(vae.prior.sample(48, seed=keys[0])).distribution.sample(seed=keys[1]).numpy()
    exact = exact_log_prob(x, *parameters)
    for bound, side in ((found.lower, 1), (found.upper, -1)):
        difference = side * (exact - bound.log_likelihood)  # at least 0 in expectation
        assert difference.mean() > -5 * difference.std(ddof=1) / np.sqrt(48)
    assert -5 * found.gap_standard_error < found.gap < 0.3
    loose = bidirectional_log_likelihood(vae, 48, 1, 1, leapfrog_steps=1, from_prior=True)
    assert loose.gap > found.gap + 1  # one step certifies nothing, and says so


@pytest.mark.parametrize("from_prior", [False, True])
def test_the_weights_are_unbiased(from_prior, x):
    """Mean of w / p(x) over 40,000 chains within 5 standard errors of 1, after step sizes that start far off."""
    prior, parameters = standard()
    vae, x = linear_gaussian_vae(prior), np.tile(x[:1], (40, 1))
    found = annealed_log_likelihood(vae, x, 20, 1000, leapfrog_steps=3, step_size=1.0, from_prior=from_prior)
    ratio = np.exp(found.log_likelihood - exact_log_prob(x, *parameters))
    assert abs(ratio.mean() - 1) < 5 * ratio.std(ddof=1) / np.sqrt(len(ratio))
    assert ratio.std() < 0.5


def test_two_latent_dimensions_on_a_grid():
    """A decoder that is not linear, integrated on a grid."""
    import keras

    keras.utils.set_random_seed(1)
    x = (np.random.default_rng(0).random((6, 12)) < 0.4).astype("float32")
    likelihood = tfvae.layers.IndependentBernoulli(12, "mean")
    vae = tfvae.make_dense_vae(12, 2, (16,), prior=tfvae.priors.MixturePrior(2, 5, seed=0), likelihood=likelihood)
    vae.decoder.layers[0].kernel.assign(3 * vae.decoder.layers[0].kernel)
    ticks = np.linspace(-7, 7, 281)
    z = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), -1).reshape(-1, 2).astype("float32")
    log_prior = vae.prior.log_prob(z).numpy()
    p = vae.decode(z).distribution
    exact = [np.logaddexp.reduce(p.log_prob(row).numpy() + log_prior) + 2 * np.log(ticks[1] - ticks[0]) for row in x]
    found = annealed_log_likelihood(vae, x, 60, 64, leapfrog_steps=5, step_size=0.2)
    np.testing.assert_allclose(found.log_likelihood, exact, atol=0.1)
    sampled = vae.log_likelihood(x, 20_000)
    assert np.all(np.abs(sampled.log_likelihood - exact) < 5 * sampled.standard_error + 0.01)


def test_chains_that_moved_at_few_temperatures_are_told(x):
    vae = linear_gaussian_vae(tfvae.priors.StandardNormal(2))
    with pytest.warns(UserWarning, match="the chains moved at few temperatures and the bound is loose"):
        annealed_log_likelihood(vae, x[:4], 1000, 2, leapfrog_steps=1, step_size=1e6)


def test_an_impossible_row_and_a_single_chain():
    encoder = linear_gaussian_vae(None).encoder
    uniform = layers.DistributionLambda(lambda t: tfd.Independent(tfd.Uniform(0 * t, 0 * t + 1), 1))
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), uniform])
    x = np.array([[0.5, 0.5, 0.5], [0.5, 2.0, 0.5]], "float32")
    estimate = annealed_log_likelihood(tfvae.VAE(encoder, decoder), x, 1, 500)
    assert abs(estimate.log_likelihood[0]) < 0.5
    assert estimate.log_likelihood[1] == -np.inf
    assert estimate.effective_sample_size[1] == 0
    assert estimate.standard_error[1] == np.inf
    assert np.isnan(annealed_log_likelihood(tfvae.VAE(encoder, decoder), x, 1, 1).standard_error).all()


def test_bad_settings_are_said(x):
    vae = linear_gaussian_vae(tfvae.priors.StandardNormal(2))
    with pytest.raises(ValueError, match="so the chains have not moved: give a smaller step_size"):
        annealed_log_likelihood(vae, x[:4], 4, 4, step_size=1e6)
    with pytest.raises(ValueError, match="`num_steps` must be at least 1"):
        annealed_log_likelihood(vae, x[:4], 0)
    with pytest.raises(ValueError, match="`x` has NaN"):
        annealed_log_likelihood(vae, x[:4] * np.nan)
    with pytest.raises(ValueError, match="`leapfrog_steps` must be a whole number, but got 1.5"):
        annealed_log_likelihood(vae, x[:4], 4, leapfrog_steps=1.5)
    with pytest.raises(ValueError, match="`n` must be at least 2"):
        bidirectional_log_likelihood(vae, 0)
    with pytest.raises(ValueError, match="x has none"):
        annealed_log_likelihood(vae, x[:0])
    vae.decoder.layers[0].bias.assign([np.nan] * 3)
    with pytest.raises(ValueError, match="bias' is NaN, as after a training that diverged"):
        annealed_log_likelihood(vae, x[:4], 3, 2)
