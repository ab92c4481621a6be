"""p(· | params): layers that map a tensor of parameters to a distribution."""

import operator

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.saving import from_config, register, to_config
from tfvae.tensors import DistributionTensor, as_distribution

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

    _arguments = ()

    def __init__(self, convert_to_tensor_fn=tfd.Distribution.sample, *, seed=None, **kwargs):
        super().__init__(**float32_policy(kwargs))
        self.convert_to_tensor_fn = _as_function(convert_to_tensor_fn)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        # Keras does not look into regularizers: what one of ours trains is reached through this attribute.
        self.regularizer_state = getattr(self.activity_regularizer, "state", None)

    def distribution(self, params):
        """The `tfd.Distribution` with these parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define `distribution(params)`.")

    @property
    def num_params(self):
        """The number of parameters this layer takes on the last axis of its input: what sizes the layer before it."""
        raise NotImplementedError(f"{type(self).__name__} does not know how many parameters it takes.")

    def build(self, input_shape):
        self.built = True  # all state is made in `__init__`

    def call(self, inputs, *args, **kwargs):
        distribution = self.distribution(inputs, *args, **kwargs)
        return DistributionTensor(distribution, self._value_of(distribution))

    def _value_of(self, distribution):
        if self.convert_to_tensor_fn is tfd.Distribution.sample:
            return self._draw(distribution, next_seed(self.seed_generator))
        return self.convert_to_tensor_fn(distribution)

    def _draw(self, distribution, seed):
        """One draw of the distribution, of shape `batch_shape + event_shape`."""
        return distribution.sample(seed=seed)

    def draws(self, distribution, n):
        """(z, log shares): n draws for each example, `(n, B, *E)`, and the log of each one's share in an expectation.

        The shares are None where they are equal.
        """
        return distribution.sample(n, seed=next_seed(self.seed_generator)), None

    def check_data(self, name, data):
        """Raises ValueError, naming the argument, where the array `data` holds what no event of this layer can be."""

    def get_config(self):
        config = super().get_config()
        config.update({name: to_config(getattr(self, name)) for name in self._arguments})
        config.update(convert_to_tensor_fn=to_config(self.convert_to_tensor_fn), seed=self.seed)
        if self.regularizer_state is not None:
            config["activity_regularizer"] = self.activity_regularizer
        return config

    @classmethod
    def from_config(cls, config):
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
            with Keras if the model is to be saved.
        convert_to_tensor_fn: see `DistributionLayer`.
    """

    _arguments = ("make_distribution_fn",)

    def __init__(self, make_distribution_fn, convert_to_tensor_fn=tfd.Distribution.sample, **kwargs):
        super().__init__(convert_to_tensor_fn, **kwargs)
        if not callable(make_distribution_fn):
            raise TypeError(f"`make_distribution_fn` must be callable, but got {type(make_distribution_fn).__name__}.")
        self.make_distribution_fn = make_distribution_fn

    def distribution(self, params, *args, **kwargs):
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


def float32_policy(kwargs):
    """`kwargs` with a dtype in which densities are exact enough, whatever the global precision policy."""
    policy = keras.dtype_policies.get(kwargs.get("dtype") or keras.config.dtype_policy())
    if policy.compute_dtype in ("float16", "bfloat16"):
        return {**kwargs, "dtype": "float32"}
    return kwargs


def check_unit_interval(name, data, likelihood):
    """Raises ValueError where the array `data` leaves [0, 1], on which the named likelihood is defined."""
    low, high = np.min(data), np.max(data)
    if low >= 0 and high <= 1:
        return
    scaled = "divide them by 255" if low >= 0 and 1 < high <= 255 else "scale them to [0, 1]"
    raise ValueError(
        f"`{name}` has {'integers' if data.dtype.kind in 'iu' else 'values'} from {low:g} to {high:g}, but {likelihood} "
        f"is for [0, 1]: {scaled}, or choose a Gaussian likelihood."
    )


def next_seed(seed_generator):
    """The generator's next seed as TFP takes it, another one on each replica of a distribution strategy.

    Keras' generator alone gives all replicas the same seed, hence the same noise.
    """
    seed = tf.cast(seed_generator.next(), tf.int32)
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
        seed = tf.random.experimental.stateless_fold_in(seed, context.replica_id_in_sync_group)
    return seed


def standard_normal(shape, seed, dtype):
    """A draw of N(0, I) that a fused loop can afford.

    TFP draws by TensorFlow's default generator, which under XLA on a CPU takes two fifths of a small model's whole step;
    Philox, asked for by name, takes a fraction of that.
    """
    return tf.random.stateless_normal(shape, seed, dtype=dtype, alg="philox")


def as_shape(event_shape, argument="event_shape"):
    """`event_shape` (an int, a sequence of ints, a `TensorShape`) as a tuple of ints."""
    try:
        sizes = event_shape if hasattr(event_shape, "__iter__") else (event_shape,)
        sizes = tuple(operator.index(n) for n in sizes)
    except TypeError:
        sizes = (-1,)
    if any(n < 0 for n in sizes):
        raise ValueError(f"`{argument}` must be an int or ints that are at least 0, but got {event_shape!r}.")
    return sizes


def as_count(value, argument, least=1):
    """`value` as an int; ValueError, which names the argument, where it is below `least` or no whole number."""
    try:
        count = operator.index(value)
    except TypeError:
        raise ValueError(f"`{argument}` must be a whole number, but got {value!r}.") from None
    if count < least:
        raise ValueError(f"`{argument}` must be at least {least}, but got {value!r}.")
    return count


def event_size(event_shape):
    """The number of elements of one event."""
    size = 1
    for n in as_shape(event_shape):
        size *= n
    return size


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
