"""KL(q ‖ p) as a regularizer and as a layer, entering the loss exactly once."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import monte_carlo_kl
from tfvae.host.keras_door import sharing_variable
from tfvae.host.precision import float32_policy
from tfvae.host.saving import from_config, register, to_config
from tfvae.host.tensors import DistributionTensor, as_distribution
from tfvae.layers.captured import variables_read_by

tfd = tfp.distributions
_PARAMETERS = ("distribution_b", "use_exact_kl", "test_points_reduce_axis", "test_points_fn", "weight")


class _KLState(keras.layers.Layer):
    """What the KL term trains: the prior and the weight, where Keras can see them. Never called."""

    def __init__(self, distribution_b, use_exact_kl, test_points_reduce_axis, test_points_fn, weight):
        super().__init__(name="kl_divergence", dtype="float32")
        self.distribution_b = distribution_b
        self.use_exact_kl = use_exact_kl
        self.test_points_reduce_axis = test_points_reduce_axis
        self.test_points_fn = test_points_fn
        self.weight = weight
        self.adopted = [sharing_variable(v) for v in self._free_variables()]
        self.built = True

    def _free_variables(self):
        """The `tf.Variable`s that the prior and the weight read and that no Keras object owns."""
        weight = getattr(self.weight, "pretransformed_input", self.weight)
        owned = {v.value.ref() for v in self.variables}
        read = [*variables_read_by(self.prior), *([weight] if isinstance(weight, tf.Variable) else [])]
        return list({v.ref(): v for v in read if v.ref() not in owned}.values())

    def prior(self):
        """The `tfd.Distribution` b of KL(a ‖ b), built anew from its current parameters."""
        b = self.distribution_b
        if isinstance(b, (tfd.Distribution, DistributionTensor)):
            return as_distribution(b, "KL")
        if isinstance(b, keras.layers.Layer):
            made = b.distribution() if is_prior(b) else b(_dummy_input(b))
        elif callable(b):
            made = b()
        else:
            made = b
        return as_distribution(made, "The prior `distribution_b` (a distribution, a Prior, or what returns one)")

    def mean_kl(self, distribution_a):
        """weight · mean KL(a ‖ b) over the batch (and leading draws), a scalar in nats."""
        a = as_distribution(distribution_a, "A KL term")
        if self.use_exact_kl:
            kl = tfd.kl_divergence(a, self.prior())
        else:
            kl = monte_carlo_kl(a, self.prior(), self.test_points_fn(distribution_a))
            kl = tf.reduce_mean(kl, axis=self.test_points_reduce_axis)
        kl = tf.cast(tf.reduce_mean(kl), keras.config.floatx())  # as Keras adds losses, whatever a layer's own type
        return kl if self.weight is None else tf.cast(self.weight, kl.dtype) * kl

    def config(self):
        return {name: to_config(getattr(self, name)) for name in _PARAMETERS}


def is_prior(layer):
    """True for a layer that gives its distribution without an input."""
    return hasattr(layer, "distribution") and hasattr(layer, "event_shape") and not hasattr(layer, "params_size")


def _dummy_input(layer):
    """Zeros for a layer or model whose output does not depend on its input, as tfp.layers calls it."""
    shape = getattr(layer, "input_shape", None) if getattr(layer, "built", False) else None
    return tf.zeros([1 if n is None else n for n in shape] if shape else [1])


@register
class KLDivergenceRegularizer(keras.regularizers.Regularizer):
    """weight · KL(output ‖ distribution_b), added to the loss as a batch mean (`tfp.layers.KLDivergenceRegularizer`).

    Given as the `activity_regularizer` of a distribution layer; the layer tracks the variables of the prior and of the
    weight, so that they train and are saved. The KL enters the loss once (`tfp.layers` on Keras 2 adds it twice:
    tensorflow/probability issue 1215).

    Args:
        distribution_b: the prior: a `tfd.Distribution`, a `tfvae.priors.Prior`, a layer or model that ignores its input,
            or a callable without arguments that returns a distribution.
        use_exact_kl: bool; False estimates the KL at the layer's own value, which must then be a draw.
        test_points_reduce_axis: axes of the Monte Carlo KL to average first, as in TFP; None for all, () for none.
        test_points_fn: callable from the distribution to the points of the estimate.
        weight: None, a number, or a variable.
    """

    def __init__(
        self,
        distribution_b: Any,
        use_exact_kl: bool = False,
        test_points_reduce_axis: Any = (),
        test_points_fn: Any = tf.convert_to_tensor,
        weight: Any = None,
    ):
        self.state = _KLState(distribution_b, use_exact_kl, test_points_reduce_axis, test_points_fn, weight)

    def __getattr__(self, name):
        if name in _PARAMETERS:
            return getattr(self.state, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __call__(self, distribution_a: Any) -> Any:
        # Keras divides a regularizer's loss by the output's first dimension: B, or the number of draws before it.
        rows = tf.shape(tf.convert_to_tensor(distribution_a))[0] if distribution_a.shape.rank else 1
        mean_kl = self.state.mean_kl(distribution_a)
        return mean_kl * tf.cast(rows, mean_kl.dtype)

    def get_config(self) -> dict:
        return _without_default(self.state.config())

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**{k: from_config(v) for k, v in config.items()})


@register
class KLDivergenceAddLoss(keras.layers.Layer):
    """Passes a distribution on and adds weight · KL(it ‖ distribution_b) to the loss (`tfp.layers.KLDivergenceAddLoss`).

    Arguments as for `KLDivergenceRegularizer`.
    """

    def __init__(
        self,
        distribution_b: Any,
        use_exact_kl: bool = False,
        test_points_reduce_axis: Any = None,
        test_points_fn: Any = tf.convert_to_tensor,
        weight: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**float32_policy(kwargs))
        self.state = _KLState(distribution_b, use_exact_kl, test_points_reduce_axis, test_points_fn, weight)

    def call(self, distribution_a: Any) -> Any:
        self.add_loss(self.state.mean_kl(distribution_a))
        return distribution_a

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), **_without_default(self.state.config())}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**{k: v if k == "dtype" else from_config(v) for k, v in config.items()})


def _without_default(config):
    """The config without TFP's default test points, which are a function of TensorFlow's own."""
    function = getattr(config["test_points_fn"], "function", None)
    if function is tf.convert_to_tensor:
        del config["test_points_fn"]
    return config
