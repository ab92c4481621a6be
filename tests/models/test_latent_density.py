"""A density fitted to the codes of a trained model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.mixture import GaussianMixture

import tfvae
from tfvae import layers, objectives, priors
from tfvae.models.codes import codes


@pytest.fixture
def model_and_rows():
    """An autoencoder whose code is x itself, of two narrow groups far from N(0, I)."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal([40.0, 0], 0.5, (300, 2)), rng.normal([44.0, 3.0], 0.3, (300, 2))]).astype("float32")
    encoder = keras.Sequential([keras.Input((2,)), layers.IndependentDeterministic(2)])
    decoder = keras.Sequential([keras.Input((2,)), layers.IndependentNormal(2, "mean", scale=0.1)])
    vae = tfvae.VAE(encoder, decoder, objective=objectives.RAE())
    vae.compile("sgd")
    return vae, rng.permutation(x)


def test_a_mixture_is_that_of_the_codes(model_and_rows, tmp_path):
    vae, x = model_and_rows
    fitted = tfvae.fit_latent_density(vae, x, "mixture:2")
    assert isinstance(fitted.prior, priors.FullMixturePrior)
    best = GaussianMixture(2, random_state=0).fit(x)
    np.testing.assert_allclose(fitted.prior.log_prob(x), best.score_samples(x.astype("float64")), rtol=2e-3, atol=2e-3)
    draws = fitted.sample(4000, seed=0, mean=True)
    np.testing.assert_allclose(draws.mean(axis=0), x.mean(axis=0), atol=0.15)
    assert np.abs(vae.sample(10, seed=0)).max() < 10  # the first model is as it was
    assert fitted.encoder is vae.encoder
    fitted.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.sample(5, seed=1), fitted.sample(5, seed=1), rtol=1e-5)


def test_held_out_codes_choose_the_number_of_components(model_and_rows):
    vae, rows = model_and_rows
    assert tfvae.fit_latent_density(vae, rows).prior.num_components == 3  # of two groups, from 1, 3, 10, …
    gaussian = np.random.default_rng(2).normal(size=(600, 2)).astype("float32")
    assert tfvae.fit_latent_density(vae, gaussian).prior.num_components == 1
    assert tfvae.fit_latent_density(vae, gaussian[:3]).prior.num_components == 1


def test_a_flow_follows_codes_of_any_size(model_and_rows, tmp_path):
    vae, x = model_and_rows
    fitted = tfvae.fit_latent_density(vae, x, "flow:4", epochs=60)
    assert isinstance(fitted.prior, priors.RescaledPrior)
    one_gaussian = GaussianMixture(1).fit(x).score(x)
    assert float(tf.reduce_mean(fitted.prior.log_prob(x))) > one_gaussian + 0.3
    fitted.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.prior.log_prob(x), fitted.prior.log_prob(x), rtol=1e-4, atol=1e-4)


def test_draws_of_the_posterior_or_its_means(x):
    vae = tfvae.make_dense_vae(3, 2, (8,))
    q = vae.encode(x).distribution
    np.testing.assert_allclose(codes(vae, x, "means"), q.mean(), rtol=1e-5)
    far = np.abs(codes(vae, x, "draws", 1) - q.mean()) / q.stddev()
    assert 0.5 < np.mean(far) < 1.1
    fitted = tfvae.fit_latent_density(vae, x, "mixture:3")
    assert np.isfinite(fitted.log_likelihood(x, 50).log_likelihood).all()
    assert np.isfinite(fitted.evaluate(x, verbose=0)).all()


@pytest.mark.parametrize("make", [
    lambda: tfvae.make_dense_vae(3, 2, (8,), prior=priors.MixturePrior(2, 3)),
    lambda: tfvae.make_manifold_vae(3, 2, (8,), num_steps=8, num_restarts=2),
    lambda: tfvae.make_dense_vae(3, 2, (8,), posterior=layers.MixtureNormal(2, 2)),
])  # fmt: skip
def test_any_model_of_the_library(x, make):
    assert tfvae.fit_latent_density(make(), x, "mixture:2").sample(5, seed=0).shape == (5, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "kde"}, "`kind` must be mixture, mixture:K, flow or flow:L, such as mixture:10, but got 'kde'"),
        ({"kind": "mixture:x"}, "but got 'mixture:x'"),
        ({"kind": "mixture:0"}, "`num_components` must be at least 1"),
        ({"kind": "mixture:100"}, "starts 100 components from data, but got only 64 points"),
        ({"of": "modes"}, "`of` must be 'draws' or 'means'"),
    ],
)
def test_arguments(x, arguments, message):
    with pytest.raises(ValueError, match=message):
        tfvae.fit_latent_density(tfvae.make_dense_vae(3, 2, (8,)), x, **arguments)


def test_rows_that_are_not_numbers_are_refused(x):
    with pytest.raises(ValueError, match="`x` has NaN"):
        tfvae.fit_latent_density(tfvae.make_dense_vae(3, 2, (8,)), np.where(x > 2, np.nan, x))
