"""The factories of adversarial and regularized models for images."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import layers, objectives

SMALL = {"latent_dim": 4, "width": 4}


@pytest.fixture
def images():
    return np.random.default_rng(0).random((24, 8, 8, 3)).astype("float32")


@pytest.mark.slow
def test_at_256_pixels_the_defaults_are_the_published_ones():
    vae = tfvae.make_gamix_vae((256, 256, 3))
    assert vae.encoder.count_params() + vae.decoder.count_params() == 10_982_066
    assert vae.discriminator.count_params() == 412_101
    assert vae.latent_shape == (512,)
    assert isinstance(vae.objective, objectives.PopulationKL)
    assert (vae.objective.individual_weight, vae.objective.moments) == (0.2, "means")
    assert (vae.adversarial_weight, vae.fakes) == (100.0, "reconstructions")
    assert vae.decoder.layers[-1].scale == pytest.approx(39.3216 / 2)  # of pixels in [0, 1]
    for optimizer in (vae.optimizer, vae.discriminator_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)
        assert optimizer.beta_1 == 0.5


def test_the_reconstruction_is_5000_times_the_mean_absolute_error(images):
    vae = tfvae.make_gamix_vae((8, 8, 3), **SMALL, posterior="normal", adversarial_weight=0)
    keras.utils.set_random_seed(1)
    p = vae.decode(vae.encode(images))
    published = 5000 * np.abs((2 * images - 1) - (2 * p.mean() - 1)).mean(axis=(1, 2, 3))
    constant = images[0].size * np.log(2 * vae.decoder.layers[-1].scale)
    np.testing.assert_allclose(-p.log_prob(images), published + constant, rtol=1e-4)


def test_gamix_trains_and_is_saved(images, tmp_path):
    vae = tfvae.make_gamix_vae((8, 8, 3), **SMALL, learning_rate=3e-3)
    history = vae.fit(images, batch_size=12, epochs=20, verbose=0).history
    assert history["reconstruction"][-1] < history["reconstruction"][0]
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.sample(2, seed=0), vae.sample(2, seed=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(loaded.discriminator(images[:2]), vae.discriminator(images[:2]), rtol=1e-4, atol=1e-5)


def test_both_readings_and_the_ordinary_kl():
    mixture = tfvae.make_gamix_vae((8, 8, 1), **SMALL, posterior="mixture", num_components=3, adversarial_weight=0)
    assert isinstance(mixture.posterior_layer, layers.MixtureNormal)
    assert isinstance(mixture.objective, objectives.ELBO)
    assert not isinstance(mixture, tfvae.AdversarialVAE)
    assert mixture.posterior_layer.carries_gradient(mixture.encode(np.zeros((2, 8, 8, 1), "float32")).distribution)
    assert isinstance(tfvae.make_gamix_vae((8, 8, 1), **SMALL, adversarial_weight=0).objective, objectives.PopulationKL)
    trained = tfvae.make_gamix_vae((8, 8, 1), **SMALL, normalization="batch")
    assert any(isinstance(layer, keras.layers.Dropout) for layer in trained.discriminator.layers)
    with pytest.raises(ValueError, match="`posterior` must be one of population, mixture, normal"):
        tfvae.make_gamix_vae((8, 8, 1), posterior="gmm")


def test_vae_gan_trains_in_features(images):
    vae = tfvae.make_vae_gan((8, 8, 3), 4, (8, 8))
    assert (vae.fakes, vae.feature_layer, vae.adversary_trains) == ("both", "features", "decoder")
    assert np.isfinite(vae.fit(images, batch_size=12, epochs=2, verbose=0).history["loss"]).all()
    plain = tfvae.make_vae_gan((8, 8, 3), 4, (8, 8), learned_features=False)
    assert (plain.feature_layer, plain.adversary_trains) == (None, "model")


def test_rae_penalizes_codes_and_kernels(images):
    vae = tfvae.make_rae((8, 8, 3), 4, (8, 8), code_weight=0.1, decoder_weight=0.01)
    z = vae.encode(images).numpy()
    error = np.sum((vae.decode(z).mean() - images) ** 2, axis=(1, 2, 3))
    terms = vae.terms(images, training=True)
    constant = 0.5 * images[0].size * np.log(np.pi)
    np.testing.assert_allclose(terms.loss - constant, error + 0.05 * (z**2).sum(axis=1), rtol=1e-4)
    kernels = sum(float(tf.reduce_sum(layer.kernel**2)) for layer in vae.decoder.layers if hasattr(layer, "kernel"))
    assert float(sum(vae.losses)) == pytest.approx(0.01 * kernels, rel=1e-5)
    vae.fit(images, batch_size=12, epochs=2, verbose=0)
    assert tfvae.fit_latent_density(vae, images, "mixture:2").sample(3, seed=0).shape == (3, 8, 8, 3)


def test_wae_holds_the_codes_together(images):
    vae = tfvae.make_wae((8, 8, 3), 2, (8, 8), mmd_weight=500.0)
    history = vae.fit(images, batch_size=24, epochs=40, verbose=0).history
    assert abs(history["mmd"][-1]) < abs(history["mmd"][0]) or abs(history["mmd"][-1]) < 0.05
