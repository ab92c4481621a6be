"""p(· | params): layers that map a tensor of parameters to a distribution."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.keras_door import sublayers
from tfvae.host.precision import float32_policy
from tfvae.host.saving import from_config, register, to_config
from tfvae.host.seeds import next_seed
from tfvae.host.tensors import DistributionTensor, as_distribution
from tfvae.layers.captured import captured_variables

tfd = tfp.distributions


class DistributionLayer(keras.layers.Layer):
    """Abstract: params -> p(· | params), as a `DistributionTensor`.

    A subclass defines `distribution(params)` and names in `_arguments` the attributes that its constructor takes.
    Densities stay in float32 under mixed precision.

    Args:
        convert_to_tensor_fn: how the distribution becomes the tensor that the next layer sees: one of "sample",
            "mean", "mode", "stddev", "variance", the `tfd.Distribution` method of that name, or any callable
            that takes the distribution and returns a tensor. A function of your own must be registered with
            `keras.saving.register_keras_serializable` before the model can be saved.
        seed: int or None, the seed of the layer's own draws.
    """

    _arguments: ClassVar[tuple[str, ...]] = ()
    has_density: ClassVar[bool] = True  # with respect to a measure that does not depend on the parameters
    support: ClassVar[str] = "real"  # of a posterior's z, which its prior must have too
    bounded: ClassVar[bool] = False  # support: then `check_proposal` says where importance sampling is possible
    takes_missing: ClassVar[bool] = False  # its density integrates over elements that are NaN

    def __init__(self, convert_to_tensor_fn: Any = tfd.Distribution.sample, *, seed: int | None = None, **kwargs: Any):
        super().__init__(**float32_policy(kwargs))
        self.convert_to_tensor_fn = _as_function(convert_to_tensor_fn)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        # Keras does not look into regularizers: what one of ours trains is reached through this attribute.
        self.regularizer_state = getattr(self.activity_regularizer, "state", None)

    def distribution(self, params: Any) -> Any:
        """The `tfd.Distribution` with these parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define `distribution(params)`.")

    @property
    def num_params(self) -> int:
        """The number of parameters this layer takes on the last axis of its input: what sizes the layer before it."""
        raise NotImplementedError(f"{type(self).__name__} does not know how many parameters it takes.")

    def build(self, input_shape: Any) -> None:
        self.built = True  # all state is made in `__init__`

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        distribution = self.distribution(inputs, *args, **kwargs)
        return DistributionTensor(distribution, self._value_of(distribution))

    def _value_of(self, distribution):
        if self.convert_to_tensor_fn is tfd.Distribution.sample:
            return self._draw(distribution, next_seed(self.seed_generator))
        return self.convert_to_tensor_fn(distribution)

    def _draw(self, distribution, seed):
        """One draw of the distribution, of shape `batch_shape + event_shape`."""
        return distribution.sample(seed=seed)

    def draws(self, q: Any, n: int = 1, *, training: Any = False, step: Any = None) -> Any:
        """(z, log shares) for a layer that serves as posterior: the draws that a decoder is given.

        Args:
            q: what the layer returned, a `DistributionTensor`: its own value is the draw where n is 1.
            n: int S, draws of each example: z is then `(S, B, *E)`.
            training: bool.
            step: the optimizer's, for layers whose draws change over a training.

        Returns:
            z, and the log of each draw's share in an expectation, `(S, B)`; None where the shares are equal.
        """
        del training, step
        return (q.value, None) if n == 1 else (self._several_draws(q.distribution, n), None)

    def _several_draws(self, distribution, n):
        return distribution.sample(n, seed=next_seed(self.seed_generator))

    def carries_gradient(self, distribution: Any) -> bool:
        """Whether `draws` of the distribution carry a gradient to all of its parameters."""
        kinds = tf.nest.flatten(distribution.reparameterization_type)
        return all(kind == tfd.FULLY_REPARAMETERIZED for kind in kinds)

    def check_density(self, use: str) -> None:
        """Raises ValueError, naming the use, where a posterior of this layer has no density that the use needs."""
        if not self.has_density:
            raise ValueError(f"{use} needs a posterior with a density, but the encoder ends in {type(self).__name__}.")

    def check_proposal(self, q: Any, prior: Any) -> None:
        """Raises ValueError where draws of q cannot be everywhere that the prior is, as importance sampling needs it."""

    def check_events(self, name: Any, data: Any) -> None:
        """Raises ValueError, naming the argument, where the array `data` holds what no event of this layer can be."""

    def get_config(self) -> dict:
        config = super().get_config()
        config.update({name: to_config(getattr(self, name)) for name in self._arguments})
        config.update(convert_to_tensor_fn=to_config(self.convert_to_tensor_fn), seed=self.seed)
        if self.regularizer_state is not None:
            config["activity_regularizer"] = self.activity_regularizer
        return config

    @classmethod
    def from_config(cls, config: dict) -> Any:
        regularizer = config.get("activity_regularizer")
        if regularizer is not None and not isinstance(regularizer, dict):  # a clone gets a state of its own
            config = {**config, "activity_regularizer": type(regularizer).from_config(regularizer.get_config())}
        base = {k: v for k, v in config.items() if k in ("dtype", "activity_regularizer")}
        return cls(**{k: from_config(v) for k, v in config.items() if k not in base}, **base)


@register
class DistributionLambda(DistributionLayer):
    """The distribution that a function makes of the layer's inputs (`tfp.layers.DistributionLambda`).

    Args:
        make_distribution_fn: callable that takes the layer's inputs and returns a `tfd.Distribution`; registered
            with Keras if the model is to be saved. Variables that it reads are trained and saved with the layer.
        convert_to_tensor_fn: see `DistributionLayer`.
    """

    _arguments = ("make_distribution_fn",)

    def __init__(
        self, make_distribution_fn: Callable, convert_to_tensor_fn: Any = tfd.Distribution.sample, **kwargs: Any
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        if not callable(make_distribution_fn):
            raise TypeError(f"`make_distribution_fn` must be callable, but got {type(make_distribution_fn).__name__}.")
        self.make_distribution_fn = make_distribution_fn

    def build(self, input_shape: Any) -> None:
        zeros = keras.tree.map_shape_structure(
            lambda shape: tf.zeros([1 if n is None else n for n in shape], self.compute_dtype), input_shape
        )
        self.captured = captured_variables(self.make_distribution_fn, (zeros,))
        self.built = True

    def distribution(self, params: Any, *args: Any, **kwargs: Any) -> Any:
        made = self.make_distribution_fn(params, *args, **kwargs)
        return as_distribution(made, "DistributionLambda's `make_distribution_fn` must return a distribution; it")


def _as_function(convert_to_tensor_fn):
    if isinstance(convert_to_tensor_fn, str):
        names = ("sample", "mean", "mode", "stddev", "variance")
        if convert_to_tensor_fn not in names:
            raise ValueError(
                f"`convert_to_tensor_fn` must be one of {', '.join(names)} or a callable, "
                f"but got {convert_to_tensor_fn!r}."
            )
        return getattr(tfd.Distribution, convert_to_tensor_fn)
    if isinstance(convert_to_tensor_fn, property):  # tfd.Bernoulli.logits, as code for tfp.layers writes it
        return convert_to_tensor_fn.fget
    if not callable(convert_to_tensor_fn):
        raise TypeError(f"`convert_to_tensor_fn` must be a name or a callable, but got {convert_to_tensor_fn!r}.")
    return convert_to_tensor_fn


def as_params(params, size, owner):
    """`params` as a tensor whose last axis is checked to hold `size` parameters."""
    params = tf.convert_to_tensor(params)
    if params.shape.rank == 0 or params.shape[-1] not in (None, size):
        raise ValueError(
            f"{owner} needs {size} parameters on the last axis (its params_size), but got shape {tuple(params.shape)}."
        )
    return params


def reshape_events(params, event_shape):
    """(…, prod(event_shape)) -> (…, *event_shape), static where the batch is."""
    batch = params.shape[:-1]
    if batch.is_fully_defined():
        return tf.reshape(params, [*batch, *event_shape])
    return tf.reshape(params, tf.concat([tf.shape(params)[:-1], tf.constant(event_shape, tf.int32)], axis=0))


def outermost_distribution_layers(network):
    """A network's distribution layers; one within another, such as a mixture's component, is a part of it and left out."""
    layers = [layer for layer in sublayers(network) if isinstance(layer, DistributionLayer)]
    parts = {id(part) for layer in layers for part in sublayers(layer, include_self=False)}
    return [layer for layer in layers if id(layer) not in parts]
