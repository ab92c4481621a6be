"""A class from a question on Cross Validated, as it runs on Keras 3."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.layers.independent import IndependentNormal
from tfvae.layers.kl import KLDivergenceRegularizer
from tfvae.layers.mixture import MixtureNormal

tfd = tfp.distributions


class EmbeddingGenerator:
    """A functional VAE: KL regularizer on the encoder, `compile(loss=…)` on the whole.

    The names, layers and settings are the question's. What differs from its Keras 2 code: the imports, and
    `InputLayer(shape=(dimension,))` where it had `input_shape=dimension`. (Its data need `scale_diag` in place of
    `scale_identity_multiplier`, which TFP has removed.)

    Args:
        dimension: int, length of one x and of one z.
        probabilistic_multi_modal_output: bool, a `MixtureNormal` decoder output instead of the mean squared error.
        num_components: int, of the mixture; the hidden width is dimension · num_components.
        kl_weight: the KL regularizer's weight. On tf_keras the question's regularizer counted the KL twice
            (tensorflow/probability issue 1215): `kl_weight=2` is what it optimized.

    Source: stats.stackexchange.com, question 577126.
    """

    def __init__(
        self, dimension: int, probabilistic_multi_modal_output: Any, num_components: int, kl_weight: Any = None
    ):
        self.probabilistic_multi_modal_output = probabilistic_multi_modal_output
        self.input_dim = self.latent_dim = self.output_dim = dimension
        self.hidden_dim = dimension * num_components
        self.num_components = num_components
        self.prior = tfd.Independent(tfd.Normal(loc=tf.zeros(self.latent_dim), scale=1), reinterpreted_batch_ndims=1)
        self.encoder = keras.Sequential(
            [
                keras.layers.InputLayer(shape=(self.input_dim,)),
                keras.layers.Dense(self.hidden_dim, activation="linear"),
                keras.layers.Dense(self.hidden_dim, activation="tanh"),
                keras.layers.Dense(IndependentNormal.params_size((self.latent_dim,)), activation="linear"),
                IndependentNormal(
                    self.latent_dim,
                    activity_regularizer=KLDivergenceRegularizer(self.prior, weight=kl_weight),
                ),
            ]
        )
        self.decoder = keras.Sequential(
            [
                keras.layers.InputLayer(shape=(self.latent_dim,)),
                keras.layers.Dense(self.hidden_dim, activation="linear"),
                keras.layers.Dense(self.hidden_dim, activation="tanh"),
            ]
        )
        if probabilistic_multi_modal_output:
            size = MixtureNormal.params_size(self.num_components, (self.output_dim,))
            self.decoder.add(keras.layers.Dense(size, activation="linear"))
            self.decoder.add(MixtureNormal(self.num_components, event_shape=(self.output_dim,)))
            self.loss = lambda x, x_hat: -x_hat.log_prob(x)
        else:
            self.decoder.add(keras.layers.Dense(self.output_dim, activation="linear"))
            self.loss = keras.losses.MeanSquaredError()
        self.net = keras.Model(inputs=self.encoder.inputs, outputs=self.decoder(self.encoder.outputs[0]))
        self.net.compile(optimizer=keras.optimizers.Adam(learning_rate=1e-3), loss=self.loss)

    def sample(self, n: int) -> Any:
        """n draws with the mixture output, n decoder means with the mean squared error."""
        out = self.decoder(self.prior.sample(n))
        return out.sample() if self.probabilistic_multi_modal_output else out
