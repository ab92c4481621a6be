"""TFP's end-to-end VAE on images, with a full-covariance posterior and Bernoulli pixels, in the three Keras styles."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from sklearn.datasets import load_digits

import tfvae
from tfvae import layers as tfpl
from tfvae import priors
from tfvae.objectives import NegativeLogProb

tfd, tfkl = tfp.distributions, keras.layers
SHAPE, ENCODED = (8, 8, 1), 4


@pytest.fixture(scope="module")
def images():
    return (load_digits().images[:512, ..., None] > 7).astype("float32")


def prior():
    return tfd.MultivariateNormalDiag(loc=tf.zeros(ENCODED))


def encoder_layers(convert=tfd.Distribution.sample):
    return [
        tfkl.Flatten(),
        tfkl.Dense(16, activation="relu"),
        tfkl.Dense(tfpl.MultivariateNormalTriL.params_size(ENCODED)),
        tfpl.MultivariateNormalTriL(ENCODED, convert, activity_regularizer=tfpl.KLDivergenceRegularizer(prior())),
    ]


def decoder_layers():
    return [
        tfkl.Dense(16, activation="relu"),
        tfkl.Dense(tfpl.IndependentBernoulli.params_size(SHAPE)),
        tfpl.IndependentBernoulli(SHAPE, tfd.Bernoulli.logits),
    ]


def sequential():
    encoder = keras.Sequential([keras.Input(SHAPE), *encoder_layers()])
    decoder = keras.Sequential([keras.Input((ENCODED,)), *decoder_layers()])
    return keras.Sequential([encoder, decoder]), encoder, decoder


def functional():
    encoder = keras.Sequential([keras.Input(SHAPE), *encoder_layers()])
    decoder = keras.Sequential([keras.Input((ENCODED,)), *decoder_layers()])
    return keras.Model(encoder.inputs[0], decoder(encoder.outputs[0])), encoder, decoder


class SubclassedVAE(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = keras.Sequential(encoder_layers()), keras.Sequential(decoder_layers())

    def call(self, x):
        return self.decoder(self.encoder(x))


def subclassed():
    vae = SubclassedVAE()
    return vae, vae.encoder, vae.decoder


@pytest.mark.parametrize("style", [sequential, functional, subclassed])
def test_trains_and_generates(style, images):
    vae, encoder, decoder = style()
    vae.compile(keras.optimizers.Adam(5e-3), loss=lambda x, rv_x: -rv_x.log_prob(x))
    losses = vae.fit(images, images, epochs=6, batch_size=32, verbose=0, validation_data=(images, images)).history
    assert losses["loss"][-1] < 0.75 * losses["loss"][0]
    z = prior().sample(5)
    assert decoder(z).mode().shape == (5, *SHAPE)
    approximate_posterior = encoder(images[:3])
    assert tfd.kl_divergence(approximate_posterior, prior()).shape == (3,)
    assert vae(images[:3]).log_prob(images[:3]).shape == (3,)
    assert vae.predict(images[:3], verbose=0).shape == (3, *SHAPE)


def test_functional_model_saves_and_loads(images, tmp_path):
    vae, *_ = functional()
    vae.compile("adam", NegativeLogProb())
    vae.fit(images, images, epochs=1, verbose=0)
    vae.save(tmp_path / "vae.keras")
    loaded = keras.models.load_model(tmp_path / "vae.keras")
    for a, b in zip(vae.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    loaded.fit(images, images, epochs=1, verbose=0)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("jit_compile", [True, False])
def test_vae_trains_in_mixed_precision(policy, jit_compile, images, tmp_path):
    keras.config.set_dtype_policy(policy)
    pixels = images.reshape(len(images), -1)
    likelihood = tfpl.IndependentBernoulli(64, "mean")
    vae = tfvae.make_dense_vae(64, ENCODED, (16,), likelihood=likelihood, prior=priors.MixturePrior(ENCODED, 3))
    vae.compile(keras.optimizers.Adam(5e-3), jit_compile=jit_compile)
    losses = vae.fit(pixels, epochs=5, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert vae.encode(pixels).log_prob(vae.encode(pixels)).dtype == tf.float32
    assert vae.log_likelihood(pixels[:20], 10).log_likelihood.shape == (20,)
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    for a, b in zip(vae.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_convolutional_vae_with_image_events(images):
    """Events of any shape: the VAE sees only distributions."""
    encoder = keras.Sequential(
        [
            keras.Input(SHAPE),
            tfkl.Conv2D(4, 3, strides=2, activation="relu"),
            tfkl.Flatten(),
            tfkl.Dense(8),
            tfpl.IndependentNormal(4),
        ]
    )
    decoder = keras.Sequential([keras.Input((4,)), *decoder_layers()])
    vae = tfvae.VAE(encoder, decoder)
    vae.compile(keras.optimizers.Adam(5e-3))
    losses = vae.fit(images, epochs=5, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert vae.sample(3).shape == (3, *SHAPE)
    assert vae.log_likelihood(images[:5], 20).log_likelihood.shape == (5,)


def test_tfp_layers_on_tf_keras_count_the_kl_twice():
    """Why document 000's losses are MSE + 2 KL and NLL + 2 KL."""
    tf_keras = pytest.importorskip("tf_keras")
    posterior = tfp.layers.IndependentNormal(2, activity_regularizer=tfp.layers.KLDivergenceRegularizer(
        tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1)))  # fmt: skip
    model = tf_keras.Sequential([tf_keras.layers.InputLayer(3), tf_keras.layers.Dense(4), posterior])
    model(tf.ones((5, 3)))
    assert len(model.losses) == 2
