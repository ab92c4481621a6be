"""Codes that are counts, or one of several categories: exact by enumeration, saved, and refused where they do not belong."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae import evaluation, layers, objectives, priors

tfd = tfp.distributions
SCHEDULE = keras.optimizers.schedules.PolynomialDecay(1.0, 4, 0.05)


def poisson_vae(latent_dim=2, **kwargs):
    keras.utils.set_random_seed(0)
    vae = tfvae.make_poisson_vae(3, latent_dim, num_steps=8, seed=0, **kwargs)
    vae.prior.log_rate.assign(np.linspace(-1.0, 0.5, latent_dim))
    return vae


def category_vae(**kwargs):
    keras.utils.set_random_seed(0)
    posterior = layers.GumbelSoftmax(4, temperature=SCHEDULE)
    return tfvae.make_dense_vae(3, 4, (8,), posterior=posterior, prior=priors.UniformCategory(4), **kwargs)


def test_rates_of_prior_and_encoder_multiply(x):
    vae = poisson_vae()
    change = vae.encoder.get_layer("params")(x).numpy()
    q = vae.encode(x).distribution
    np.testing.assert_allclose(
        q.distribution.log_rate, vae.prior.log_rate + change, atol=0.02
    )  # well below the ceiling
    drawn = vae.encode(x).value.numpy()
    np.testing.assert_array_equal(drawn, np.rint(drawn))
    kl = tfd.kl_divergence(q, vae.prior.distribution()).numpy()
    rate, y = np.exp(vae.prior.distribution().distribution.log_rate), np.exp(change)
    np.testing.assert_allclose(kl, (rate * (1 - y + y * np.log(y))).sum(axis=1), rtol=0.05, atol=1e-3)


def test_rates_that_would_overflow_are_held_below_the_ceiling(x):
    vae = poisson_vae()
    vae.prior.log_rate.assign([80.0, 0.0])
    with pytest.warns(UserWarning, match=r"% of the rates of z would be above 200, and are held below"):
        rates = np.exp(vae.encode(1e6 * x).distribution.distribution.log_rate)
    assert np.isfinite(rates).all()
    assert rates.max() <= np.exp(5.3) * (1 + 1e-6)
    with pytest.warns(UserWarning, match="are held below"):  # as its first batch passes
        assert np.isfinite(vae.fit(x, epochs=1, verbose=0).history["loss"]).all()


def test_log_likelihood_is_that_of_enumeration(x):
    """Two counts below 40 hold all of p(z): log Σ p(z) p(x|z) is the exact log p(x)."""
    vae = poisson_vae()
    z = np.array(list(itertools.product(range(40), repeat=2)), "float32")
    log_joint = vae.decode(z).distribution.log_prob(x[:5, None]).numpy() + vae.prior.log_prob(z).numpy()
    exact = np.log(np.exp(log_joint.astype("float64")).sum(axis=1))
    estimate = vae.log_likelihood(x[:5], 20_000)
    np.testing.assert_allclose(estimate.log_likelihood, exact, atol=5 * estimate.standard_error.max() + 1e-3)
    with pytest.raises(ValueError, match="this model's z are counts"):
        evaluation.annealed_log_likelihood(vae, x[:5])


def test_one_categorys_likelihood_is_the_sum_over_all(x):
    vae = category_vae()
    log_p = vae.decode(tf.eye(4)).distribution.log_prob(x[:5, None]).numpy().astype("float64")
    exact = np.log(np.exp(log_p).mean(axis=1))
    estimate = vae.log_likelihood(x[:5], 20_000)
    np.testing.assert_allclose(estimate.log_likelihood, exact, atol=6 * estimate.standard_error.max() + 1e-3)
    kl = tfd.kl_divergence(vae.encode(x).distribution, vae.prior.distribution()).numpy()
    probs = vae.encode(x).distribution.probs_parameter().numpy()
    np.testing.assert_allclose(kl, np.log(4) + (probs * np.log(probs)).sum(axis=1), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [poisson_vae, lambda: poisson_vae(method="exact"), lambda: poisson_vae(method="straight-through"), category_vae],
)
@pytest.mark.parametrize("fused", [True, False])
def test_trains_saves_and_goes_on(make, fused, x, tmp_path):
    vae = make()
    vae.compile(keras.optimizers.Adam(1e-2), steps_per_execution="auto" if fused else 1)
    before = vae.evaluate(x, verbose=0)
    history = vae.fit(x, batch_size=16, epochs=30, verbose=0).history
    assert set(history) == {"loss", "reconstruction", "kl"} | ({"scale"} if vae.scales else set())
    assert vae.evaluate(x, verbose=0) < before
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.log_likelihood(x, 50).mean, vae.log_likelihood(x, 50).mean, rtol=1e-6)
    np.testing.assert_array_equal(loaded.sample(5, seed=1), vae.sample(5, seed=1))
    loaded.fit(x, epochs=1, verbose=0)


def test_the_exact_bound_is_the_mean_over_draws(x):
    vae = poisson_vae(method="exact")
    terms = vae.terms(x[:4])
    z = vae.encode(x[:4]).distribution.sample(40_000, seed=(1, 2))
    drawn = -vae.decode(z).distribution.log_prob(np.broadcast_to(x[:4], (40_000, 4, 3))).numpy()
    error = drawn.std(axis=0) / 200
    assert np.all(np.abs(terms.metrics["reconstruction"] - drawn.mean(axis=0)) < 5 * error)
    normal = tfvae.make_dense_vae(3, 2, (), objective=objectives.LinearELBO(),
                                  likelihood=layers.IndependentNormal(3, "mean", scale=0.7))  # fmt: skip
    terms = normal.terms(x[:4])
    z = normal.encode(x[:4]).distribution.sample(40_000, seed=(1, 2))
    drawn = -normal.decode(z).distribution.log_prob(np.broadcast_to(x[:4], (40_000, 4, 3))).numpy()
    assert np.all(np.abs(terms.metrics["reconstruction"] - drawn.mean(axis=0)) < 5 * drawn.std(axis=0) / 200)


def test_several_draws_share_no_noise(x):
    vae = poisson_vae(latent_dim=4)
    q = vae.encode(x)
    z, shares = vae.posterior_layer.draws(q, 3, training=True, step=tf.constant(0))
    assert shares is None
    assert z.shape == (3, len(x), 4)
    assert np.any(np.abs(z[0] - z[1]) > 0.1)
    whole, _ = vae.posterior_layer.draws(q, 3, training=False)
    np.testing.assert_array_equal(whole, np.rint(whole))


def test_what_does_not_belong_together_is_said(x):
    for make, message in (
        (lambda: tfvae.make_dense_vae(3, 2, posterior=layers.PoissonPosterior(2)), "over counts values and the prior"),
        (
            lambda: tfvae.make_dense_vae(3, 2, prior=priors.PoissonPrior(2)),
            "over real values and the prior PoissonPrior",
        ),
        (lambda: layers.PoissonPosterior(2, temperature=0), "`temperature` must be above 0"),
        (lambda: layers.PoissonPosterior(2, indicator="step"), "`indicator` must be one of sigmoid"),
        (lambda: layers.PoissonPosterior(2, temperature=1.5), "`temperature` must be at most 1"),
        (
            lambda: tfvae.make_poisson_vae(3, 2, method="exact", likelihood=layers.IndependentNormal(3)),
            "give the likelihood a",
        ),
        (lambda: layers.GumbelSoftmax(2, temperature=0), "`temperature` must be above 0"),
        (lambda: priors.PoissonPrior(2, 1.0, 0.0), "low <= high < max_log_rate"),
        (lambda: tfvae.make_poisson_vae(3, 2, method="mc"), "`method` must be one of draws, straight-through, exact"),
        (lambda: tfvae.make_poisson_vae(3, 2, method="exact", decoder_hidden=(4,)), "for a linear decoder"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    vae = tfvae.make_dense_vae(3, 2, (4,), objective=objectives.LinearELBO(), prior=priors.MixturePrior(2, 2),
                               likelihood=layers.IndependentNormal(3, "mean", scale=1.0))  # fmt: skip
    with pytest.raises(ValueError, match="LinearELBO needs a KL in closed form"):
        vae.terms(x)
    for posterior in (layers.MultivariateNormalTriL(2), layers.MixtureNormal(2, 2)):
        vae = tfvae.make_dense_vae(3, 2, (4,), objective=objectives.LinearELBO(), posterior=posterior,
                                   likelihood=layers.IndependentNormal(3, "mean", scale=1.0))  # fmt: skip
        with pytest.raises(ValueError, match="LinearELBO"):
            vae.terms(x)
    table = tfvae.make_dense_vae(3, 2, (4,), objective=objectives.LinearELBO(),
                                 likelihood=layers.TableLikelihood(3, scale=1.0))  # fmt: skip
    with pytest.raises(ValueError, match="for a likelihood of independent normals"):
        table.terms(x)


def test_one_hot_layers_go_with_a_prior_over_categories(x):
    vae = tfvae.make_dense_vae(3, 4, (8,), posterior=layers.OneHotCategorical(4), prior=priors.UniformCategory(4))
    assert np.isfinite(vae.log_likelihood(x[:4], 50).log_likelihood).all()
    with pytest.raises(ValueError, match="over one-hot values and the prior StandardNormal"):
        tfvae.make_dense_vae(3, 4, (8,), posterior=layers.OneHotCategorical(4))
