"""log p(x) against the exact value of a linear-Gaussian VAE, with standard and mixture priors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.stats import multivariate_normal

import tfvae
from tfvae import importance, layers, priors
from tfvae.importance import LikelihoodEstimate

tfd = tfp.distributions

W = np.array([[1.0, -0.5, 0.3], [0.2, 0.8, -1.0]], "float32")  # z (2) -> x (3)
B = np.array([0.1, -0.2, 0.3], "float32")
SIGMA = 0.6


def linear_gaussian_vae(prior):
    """x = zW + b + σε; the encoder proposes widely and independently of x, so that the weights are not constant."""
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2)])
    encoder.layers[0].set_weights([np.zeros((3, 4), "float32"), np.array([0, 0, 1.5, 1.5], "float32")])
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3), layers.IndependentNormal(3, "mean", scale=SIGMA)]
    )
    decoder.layers[0].set_weights([W, B])
    vae = tfvae.VAE(encoder, decoder, prior)
    vae.compile("adam")
    return vae


def exact_log_prob(x, weights, means, variances):
    """log Σ_k w_k N(x; μ_k W + b, Wᵀ diag(v_k) W + σ² I)."""
    components = [
        np.log(w) + multivariate_normal(m @ W + B, W.T @ np.diag(v) @ W + SIGMA**2 * np.eye(3)).logpdf(x)
        for w, m, v in zip(weights, means, variances, strict=True)
    ]
    return np.logaddexp.reduce(components, axis=0)


def standard():
    return priors.StandardNormal(2), ([1.0], np.zeros((1, 2)), np.ones((1, 2)))


def mixture():
    prior = priors.MixturePrior(2, 3, initializer=priors.RandomComponents(1.0, 0.8), seed=4)
    prior.logits.assign([0.0, 1.0, -1.0])
    d = prior.distribution()
    return prior, (d.weights.numpy(), d.loc.numpy(), d.scale.numpy() ** 2)


@pytest.mark.parametrize("make", [standard, mixture])
def test_equals_the_exact_value_within_its_standard_error(make, x):
    prior, parameters = make()
    estimate = linear_gaussian_vae(prior).log_likelihood(x, num_samples=20_000)
    exact = exact_log_prob(x, *parameters)
    z = (estimate.log_likelihood - exact) / estimate.standard_error
    assert np.abs(z).max() < 5  # of 64 z-scores, by chance once in 27,000 runs of a fixed seed
    assert np.abs(estimate.log_likelihood - exact).max() < 0.15
    assert np.all(estimate.effective_sample_size > 50)


def test_a_hundred_thousand_draws_come_within_two_hundredths(x):
    prior, parameters = mixture()
    estimate = linear_gaussian_vae(prior).log_likelihood(x[:16], num_samples=100_000)
    difference = estimate.log_likelihood - exact_log_prob(x[:16], *parameters)
    assert abs(difference.mean()) < 0.02  # 5 standard errors of this mean are 0.02 at most
    assert np.sqrt((estimate.standard_error**2).sum()) / 16 < 0.004


def test_with_the_true_posterior_one_sample_is_exact(x):
    vae = linear_gaussian_vae(priors.StandardNormal(2))
    # A posterior with independent dimensions is exact where the columns of W are orthogonal.
    orthogonal = np.array([[1.0, 0, 0], [0, 2.0, 0]], "float32")
    vae.decoder.layers[0].set_weights([orthogonal, B])
    precision = 1 + np.array([1.0, 4.0]) / SIGMA**2
    kernel = np.concatenate([(orthogonal / SIGMA**2 / precision[:, None]).T, np.zeros((3, 2))], axis=1)
    scale = 1 / np.sqrt(precision)
    bias = np.concatenate([-B @ kernel[:, :2], np.log(np.expm1(scale))])
    vae.encoder.layers[0].set_weights([kernel, bias])
    exact = multivariate_normal(B, orthogonal.T @ orthogonal + SIGMA**2 * np.eye(3)).logpdf(x)
    estimate = vae.log_likelihood(x, num_samples=1)
    np.testing.assert_allclose(estimate.log_likelihood, exact, atol=1e-3)


def test_streaming_does_not_change_the_estimate(x):
    vae = linear_gaussian_vae(priors.StandardNormal(2))
    whole = importance.StreamedLikelihood(vae, 64, 50, False)(x, 50, seed=0)
    for num_rows, chunk, samples in ((64, 7, 50), (10, 50, 50), (64, 64, 3)):
        estimate = importance.StreamedLikelihood(vae, num_rows, chunk, False)(x, samples, seed=0)
        assert estimate.log_likelihood.shape == (64,)
        assert np.all(estimate.effective_sample_size <= samples + 1e-9)
        assert samples < 50 or abs(estimate.mean - whole.mean) < 1.0
    # Chunks of 7 for 50 draws: the same draws, recomputed.
    q, key = vae.encode(x).distribution, tf.unstack(tf.constant([[0, 0]]))[0]
    z = [q.sample(7, seed=tf.random.experimental.stateless_fold_in(key, i)) for i in range(8)]
    z = tf.concat(z, axis=0)[:50]
    log_w = importance.log_weights(tf.constant(x), q, z, vae.decode(z).distribution, vae.prior.distribution())
    chunked = importance.StreamedLikelihood(vae, 64, 7, False)(x, 50, seed=0)
    np.testing.assert_allclose(chunked.log_likelihood, tf.reduce_logsumexp(log_w, axis=0) - np.log(50), rtol=1e-5)
    # A chunk that is larger than the number of samples counts only those asked for.
    q = vae.encode(x).distribution
    z = q.sample(64, seed=tf.random.experimental.stateless_fold_in(tf.constant([0, 0]), 0))[:3]
    log_w = importance.log_weights(tf.constant(x), q, z, vae.decode(z).distribution, vae.prior.distribution())
    np.testing.assert_allclose(estimate.log_likelihood, tf.reduce_logsumexp(log_w, axis=0) - np.log(3), rtol=1e-5)


@pytest.mark.parametrize("value", [7.0, 75.0, 141.0])
def test_a_long_stream_of_weights_far_from_zero_does_not_stall(value):
    """All weights are p(x) itself, and held one at a time: in float32 the sum would lose up to 0.9 nats."""
    unit = float(np.log(np.e - 1))  # of which softplus is 1
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2)])
    encoder.layers[0].set_weights([np.zeros((3, 4)), np.array([0, 0, unit, unit])])
    blind = keras.layers.Dense(3, kernel_initializer="zeros")
    decoder = keras.Sequential([keras.Input((2,)), blind, layers.IndependentNormal(3, "mean", scale=1.0)])
    vae = tfvae.VAE(encoder, decoder)
    exact = -1.5 * value**2 - 1.5 * np.log(2 * np.pi)
    estimate = importance.StreamedLikelihood(vae, 1, 1, False)(np.full((1, 3), value, "float32"), 3000, seed=0)
    assert estimate.log_likelihood[0] == pytest.approx(exact, abs=2e-6 * abs(exact))
    assert estimate.effective_sample_size[0] == pytest.approx(3000, rel=1e-2)


def test_an_impossible_row_has_minus_infinity_and_no_effective_draws():
    encoder = linear_gaussian_vae(None).encoder
    uniform = layers.DistributionLambda(lambda t: tfd.Independent(tfd.Uniform(0 * t, 0 * t + 1), 1))
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), uniform])
    x = np.array([[0.5, 0.5, 0.5], [0.5, 2.0, 0.5]], "float32")
    estimate = tfvae.VAE(encoder, decoder).log_likelihood(x, 500)
    assert abs(estimate.log_likelihood[0]) < 0.5
    assert estimate.log_likelihood[1] == -np.inf
    assert estimate.effective_sample_size[1] == 0
    assert estimate.standard_error[1] == np.inf


def test_one_encoder_pass_an_example(x):
    class Counting(keras.layers.Layer):
        def build(self, input_shape):
            self.rows = self.add_weight(shape=(), trainable=False, initializer="zeros")

        def call(self, inputs):
            self.rows.assign_add(tf.cast(tf.shape(inputs)[0], tf.float32))
            return inputs

    counting = Counting()
    encoder = keras.Sequential([keras.Input((3,)), counting, keras.layers.Dense(4), layers.IndependentNormal(2)])
    vae = tfvae.VAE(encoder, linear_gaussian_vae(None).decoder)
    vae.compile("adam")
    counting.rows.assign(0.0)
    vae.log_likelihood(x, num_samples=100_000)
    assert counting.rows == 64


def test_refuses_nothing_to_estimate(x):
    vae = linear_gaussian_vae(None)
    for rows, samples, message in (
        (x, 10.5, "`num_samples` must be a whole number, but got 10.5"),
        (x, 0, "`num_samples` must be at least 1"),
        (x[:0], 10, "needs rows"),
        (x[:, :2], 10, r"rows have the shape \(3,\), but x has rows of \(2,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            vae.log_likelihood(rows, samples)


def test_doubling_gain_compares_the_estimate_with_its_halves(x):
    vae = linear_gaussian_vae(priors.StandardNormal(2))
    estimate = vae.log_likelihood(x, num_samples=6)
    assert estimate.doubling_gain.shape == (64,)
    assert np.all(estimate.doubling_gain >= -1e-5)  # log of a mean is above the mean of logs
    assert vae.log_likelihood(x, 2000).doubling_gain.mean() < estimate.doubling_gain.mean() / 5
    one = vae.log_likelihood(x, 1)
    assert np.isnan(one.doubling_gain).all()
    assert np.isnan(one.standard_error).all()  # of the spread of one draw nothing is known


def test_memory_bounds_the_chunks_and_not_the_draws(x):
    vae = linear_gaussian_vae(priors.StandardNormal(2))
    little = vae.log_likelihood(x, 300, memory=16 * 4 * 32 * 3)  # three draws of one row at a time
    assert abs(little.mean - vae.log_likelihood(x, 300).mean) < 0.3
    assert {key[:2] for key in vae.compiled_likelihoods} >= {(3, 1)}
    wide = tfvae.make_dense_vae(3, 2, (320,))
    wide.log_likelihood(x, 300, memory=16 * 4 * 320 * 5)  # its hidden layer counts, and not only what it decodes
    assert {rows * chunk for rows, chunk, *_ in wide.compiled_likelihoods} == {5}
    with pytest.raises(
        ValueError, match="A memory of 100 bytes does not hold one draw of this model: give at least 2,048"
    ):
        vae.log_likelihood(x, 300, memory=100)


def test_units_are_those_of_their_names():
    estimate = importance.LikelihoodEstimate(np.array([-84.45]), *[np.zeros(1)] * 3)
    assert estimate.bits_per_dimension(784) == pytest.approx(0.1554, abs=5e-5)
    assert estimate.perplexity_per_dimension(784) == pytest.approx(1.1137, abs=5e-5)
    assert 2 ** estimate.bits_per_dimension(784) == pytest.approx(estimate.perplexity_per_dimension(784))


def test_parameters_that_are_not_numbers_are_said(x):
    vae = linear_gaussian_vae(priors.MixturePrior(2, 3))
    bias = vae.encoder.weights[-1]
    bias.assign(bias + np.inf)
    with pytest.raises(ValueError, match="log p.x. of row 1 is not a number: the row lies far outside"):
        vae.log_likelihood(x, 10)
    vae.prior.loc.assign(vae.prior.loc.numpy() * np.nan)
    for use in (vae.log_likelihood, vae.reconstruct, lambda x: vae.sample(len(x)), lambda x: vae.sample(0)):
        with pytest.raises(ValueError, match="parameter '.*loc' is NaN, as after a training that diverged"):
            use(x)


def test_an_estimate_that_rests_on_one_draw_says_so(x):
    """A posterior that proposes badly: the formula would say an error below 1 where seeds scatter by tens of nats."""
    prior, _ = standard()
    vae = linear_gaussian_vae(prior)
    far = 40 * x
    estimate = vae.log_likelihood(far, 100)
    lonely = estimate.effective_sample_size < 2
    assert lonely.any()
    assert np.isinf(estimate.standard_error[lonely]).all()
    assert estimate.doubtful[lonely].all()
    good = vae.log_likelihood(x, 500)
    assert np.isfinite(good.standard_error[~good.doubtful]).all()
    assert not good.doubtful.all()


def test_an_estimate_carries_what_the_exemplar_priors_retrieval_may_miss():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(300, 3)).astype("float32")

    def vae_of(scored):
        keras.utils.set_random_seed(0)
        prior = priors.ExemplarPrior(2, 300, 3, num_neighbors=10, scored_neighbors=scored)
        prior.start_at(data)
        return tfvae.make_dense_vae(3, 2, (8,), prior=prior)

    few, all_of_them = (vae_of(n).log_likelihood(data[:40], 400) for n in (10, 300))
    missed = all_of_them.log_likelihood - few.log_likelihood
    assert missed.mean() > 0.3  # far beyond the standard error, which knows nothing of it
    assert np.all(missed <= few.prior_gap + 4 * (few.standard_error + all_of_them.standard_error))
    assert np.all(all_of_them.prior_gap == 0)
    assert np.all(vae_of(300).log_likelihood(data[:2], 5).prior_gap == 0)


def test_an_estimate_is_shown_by_its_mean_and_error():
    estimate = LikelihoodEstimate(np.array([-1.0, -3.0]), np.zeros(2), np.array([5.0, 50.0]), np.zeros(2))
    words = "log p(x) of 2 rows: -2.0000 ± 1.0000 nats in the mean, 27.5 effective draws in the median"
    assert repr(estimate) == f"<{words}; 1 rows rest on too few>"
