"""Convolutional models and gated layers."""

import keras
import numpy as np
import pytest

import tfvae
from tfvae import layers, networks


def test_convolutional_vae_trains_scores_and_is_saved(tmp_path):
    x = (np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)) / 255).astype("float32")
    vae = tfvae.make_convolutional_vae((8, 8, 3), 4, (8, 16), prior=tfvae.priors.MixturePrior(4, 3))
    history = vae.fit(x, epochs=4, batch_size=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert vae.sample(3).shape == (3, 8, 8, 3)
    bits = vae.log_likelihood(x, 20).bits_per_dimension(192)
    assert 5 < bits < 12
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.log_likelihood(x, 20).mean, vae.log_likelihood(x, 20).mean, rtol=1e-4)


def test_each_pixel_gets_its_own_parameters():
    """The first half of the parameters are locations, pixel by pixel: a bias on them moves the image, and nothing else."""
    decoder = networks.convolutional_decoder(2, (4, 4, 3), (5,), layers.IndependentNormal((4, 4, 3), "mean"))
    last = decoder.get_layer("params")
    last.kernel.assign(0 * last.kernel)
    last.bias.assign([0.1, 0.2, 0.3, 1.0, 2.0, 3.0])
    p = decoder(np.zeros((1, 2), "float32")).distribution
    np.testing.assert_allclose(p.mean()[0], np.broadcast_to([0.1, 0.2, 0.3], (4, 4, 3)), rtol=1e-5)
    np.testing.assert_allclose(p.stddev()[0, 2, 1], np.log1p(np.exp([1.0, 2.0, 3.0])), rtol=1e-5)


def test_sizes_that_do_not_halve_are_said():
    with pytest.raises(ValueError, match="divisible by 8, but got .28, 28, 1."):
        tfvae.make_convolutional_vae((28, 28, 1), 4)
    with pytest.raises(ValueError, match="not the same number for each of the 48 elements"):
        networks.convolutional_decoder(2, (4, 4, 3), (5,), layers.MultivariateNormalTriL(48))


def test_a_gated_layer_is_linear_times_gate():
    layer = networks.GatedDense(3)
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    y = layer(x)
    kernel, bias = layer.both.kernel.numpy(), layer.both.bias.numpy()
    linear, gate = np.split(x @ kernel + bias, 2, axis=1)
    np.testing.assert_allclose(y, linear / (1 + np.exp(-gate)), rtol=1e-4)
    assert networks.GatedDense.from_config(layer.get_config()).units == 3


def test_document_004s_factory():
    vae = tfvae.make_mixture_prior_vae(784, 10, 1000, seed=0)
    assert [layer.units for layer in vae.encoder.layers[:2]] == [400, 20]
    assert type(vae.objective.kl).__name__ == "VariationalKL"
    assert not vae.prior.logits.trainable
    with pytest.raises(ValueError, match="`num_components` must be a whole number"):
        tfvae.make_mixture_prior_vae(784, 10, None)
    x = (np.random.default_rng(0).random((64, 784)) < 0.1).astype("float32")
    tfvae.make_dense_vae(784, 5, (8,), activations="gated", prior=tfvae.priors.FlowPrior(5)).fit(x, verbose=0)
