"""The loss as a layer: −log p(x|z) + KL(q(z|x) ‖ N(0, I)), added to whatever model the layer stands in."""

import math
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import ops

from tfvae.distributions.continuous_bernoulli import continuous_bernoulli_log_normalizer
from tfvae.host.arguments import check_unit_interval
from tfvae.host.precision import float32_policy
from tfvae.host.saving import from_config, register, to_config
from tfvae.host.seeds import next_seed, standard_normal
from tfvae.layers.scales import LearnedScale, as_scale, scale_value

tfd = tfp.distributions


@register
class NormalSampling(keras.layers.Layer):
    """z = mean + exp(log variance / 2) · ε with ε ~ N(0, I): a draw from q(z|x) that carries gradients.

    Input: [mean, log variance], each `(B, D)`. Output: `(B, D)`.

    Args:
        seed: int or None, the seed of the draws.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**float32_policy(kwargs))
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any) -> Any:
        mean, log_var = inputs
        noise = standard_normal(tf.shape(mean), next_seed(self.seed_generator), mean.dtype)
        return mean + ops.exp(log_var / 2) * noise

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]

    def get_config(self) -> dict:
        return {**super().get_config(), "seed": self.seed}


@register
class VariationalLayer(keras.layers.Layer):
    """Adds the batch mean of −log p(x|z) + KL(q(z|x) ‖ N(0, I)) as a loss, and returns the decoded mean.

    Called with [x, decoded mean, z mean, z log variance]; the model around it is compiled with `loss=None`. What the
    layer returns does not matter to the training: the decoded mean makes `predict` give reconstructions. Metrics
    `reconstruction` (−log p(x|z)) and `kl` appear in the model's logs, in nats per example.

    A subclass defines `model_nll`. Here it is the cross-entropy of Bernoulli pixels, which for grey values is not the
    negative log of a density: `ContinuousBernoulliVariationalLayer` normalizes it.

    Source: the Keras notebook on variational autoencoders with `VariationalLayer`.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**float32_policy(kwargs))
        self.reconstruction_metric = keras.metrics.Mean(name="reconstruction")
        self.kl_metric = keras.metrics.Mean(name="kl")

    def model_nll(self, x: Any, x_pred: Any) -> Any:
        """−log p(x | x_pred) of each example, `(B,)`, in nats."""
        return _sum(ops.binary_crossentropy(x, x_pred))

    def likelihood(self, x_pred: Any) -> Any:
        """p(x | x_pred) as a `tfd.Distribution` of batch shape `(B,)`: what `as_vae` needs beside `model_nll`."""
        return _independent(tfd.Bernoulli(logits=_logits(x_pred), dtype=x_pred.dtype))

    def kl(self, z_mean: Any, z_log_var: Any) -> Any:
        """KL(N(mean, exp(log variance)) ‖ N(0, I)) of each example, `(B,)`, in nats."""
        return _sum(0.5 * (ops.square(z_mean) + ops.exp(z_log_var) - 1 - z_log_var))

    def _vae_loss(self, x, x_decoded_mean, z_mean, z_log_var):
        """The number that is added to the loss. A hook with the notebook's name: subclasses there override it."""
        return ops.mean(self.model_nll(x, x_decoded_mean) + self.kl(z_mean, z_log_var))

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) != 4:
            raise ValueError(
                f"{type(self).__name__} must be called with [x, decoded mean, z mean, z log variance], "
                f"but got {inputs!r}."
            )
        x, x_decoded_mean, z_mean, z_log_var = inputs
        self.add_loss(self._vae_loss(x, x_decoded_mean, z_mean, z_log_var))
        # Computed once more for the metrics, whatever a subclass adds; in a graph the two are one.
        self.reconstruction_metric.update_state(self.model_nll(x, x_decoded_mean))
        self.kl_metric.update_state(self.kl(z_mean, z_log_var))
        return x_decoded_mean

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[1]

    def check_data(self, name: Any, data: Any) -> None:
        """Raises ValueError where `data`, an array, is outside what this likelihood is for."""
        if (
            type(self).model_nll is VariationalLayer.model_nll
        ):  # a subclass with a likelihood of its own has its own range
            check_unit_interval(name, data, "the cross-entropy of VariationalLayer")


@register
class MSEVariationalLayer(VariationalLayer):
    """−log p(x|z) = |x − mean|²: up to a constant, that of a Gaussian of variance 1/2."""

    def model_nll(self, x: Any, x_pred: Any) -> Any:
        return _sum(ops.square(x_pred - x))

    def likelihood(self, x_pred: Any) -> Any:
        return _independent(tfd.Normal(x_pred, math.sqrt(0.5)))


@register
class ReconstructionOnlyVariationalLayer(MSEVariationalLayer):
    """The squared error without the KL, which is shown and not minimized: an autoencoder with a noisy code.

    The notebook's "hacky" layer.
    """

    def _vae_loss(self, x, x_decoded_mean, z_mean, z_log_var):
        return ops.mean(self.model_nll(x, x_decoded_mean))


@register
class GaussianVariationalLayer(VariationalLayer):
    """−log N(x; mean, σ²), with a σ that is learned or given.

    Args:
        scale: a `LearnedScale` (also the default), whose floor σ cannot pass, or a positive float.

    Source: Rybkin et al., "Simple and effective VAE training with calibrated decoders" (2021).
    """

    def __init__(self, scale: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = as_scale(LearnedScale(initial=0.1) if scale is None else scale)
        self.scale_metric = keras.metrics.Mean(name="scale") if isinstance(self.scale, LearnedScale) else None

    def build(self, input_shape: Any) -> None:
        if isinstance(self.scale, LearnedScale):
            self.scale.build(input_shape[1][1:])
        super().build(input_shape)

    def likelihood(self, x_pred: Any) -> Any:
        return _independent(tfd.Normal(x_pred, tf.broadcast_to(scale_value(self.scale), tf.shape(x_pred))))

    def call(self, inputs: Any) -> Any:
        if self.scale_metric is not None:
            self.scale_metric.update_state(ops.min(self.scale.value()))
        return super().call(inputs)

    def model_nll(self, x: Any, x_pred: Any) -> Any:
        scale = ops.convert_to_tensor(scale_value(self.scale))
        log_scale = ops.broadcast_to(ops.log(scale), ops.shape(x_pred))
        return _sum(0.5 * ops.square((x - x_pred) / scale) + log_scale + 0.5 * math.log(2 * math.pi))

    def get_config(self) -> dict:
        return {**super().get_config(), "scale": to_config(self.scale)}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**{k: from_config(v) if k == "scale" else v for k, v in config.items()})


@register
class ContinuousBernoulliVariationalLayer(VariationalLayer):
    """−log of the continuous Bernoulli density, for x in [0, 1]: the cross-entropy minus its log-normalizer.

    The decoder's sigmoid is then the parameter λ of the density and not its mean.

    Source: Loaiza-Ganem and Cunningham, "The continuous Bernoulli: fixing a pervasive error in variational
    autoencoders" (2019).
    """

    def likelihood(self, x_pred: Any) -> Any:
        return _independent(tfd.ContinuousBernoulli(logits=_logits(x_pred)))

    def model_nll(self, x: Any, x_pred: Any) -> Any:
        logits = _logits(x_pred)
        cross_entropy = ops.softplus(logits) - x * logits
        return _sum(cross_entropy - continuous_bernoulli_log_normalizer(logits))

    def check_data(self, name: Any, data: Any) -> None:
        check_unit_interval(name, data, "the continuous Bernoulli")


def _logits(probabilities):
    epsilon = keras.config.epsilon()  # as in Keras' own cross-entropy
    probabilities = ops.clip(probabilities, epsilon, 1 - epsilon)
    return ops.log(probabilities) - ops.log1p(-probabilities)


def _independent(elements):
    return tfd.Independent(elements, elements.batch_shape.rank - 1)


def _sum(values):
    """`(B,)` from `(B, …)`."""
    return ops.sum(values, axis=tuple(range(1, len(values.shape))))
