"""A distribution that is also a tensor."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host import keras_door

tfd = tfp.distributions


class DistributionTensor(keras_door.TensorType):
    """A distribution d together with one `value` of it (a draw, the mean, …), drawn once.

    TensorFlow and Keras see the value; losses, regularizers and the next layer see the distribution, whose
    public methods and properties are forwarded (`log_prob`, `mean`, `sample`, `batch_shape`, …). Because the
    value is fixed, a decoder and a Monte Carlo KL see the same z. A cast to another float type, as Keras casts a model's
    output to its loss's type, casts the value and keeps the distribution, whose densities take events of either type.

    Args:
        distribution: a `tfd.Distribution`.
        value: a tensor, of shape `sample_shape + batch_shape + event_shape` when it is a draw.
    """

    def __init__(self, distribution: Any, value: Any):
        self.distribution = distribution
        self.value = tf.convert_to_tensor(value)

    @property
    def tensor_distribution(self) -> Any:
        """The distribution, under the name that `tfp.layers` gives it."""
        return self.distribution

    # What TensorFlow and Keras ask of a tensor.

    def __tf_tensor__(self, dtype=None, name=None):
        return tf.convert_to_tensor(self.value, dtype=dtype, name=name)

    @property
    def shape(self) -> Any:
        return self.value.shape

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def ndim(self) -> Any:
        return self.value.shape.rank

    def get_shape(self) -> Any:
        return self.value.shape

    def numpy(self) -> Any:
        return self.value.numpy()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.value, dtype=dtype)

    def __len__(self):
        return len(self.value)

    def __iter__(self):
        return iter(self.value)

    def __getattr__(self, name):
        # Keras and TensorFlow probe for private marks, which are not the distribution's; TFP's functions open one scope.
        if name in ("distribution", "value"):  # of an object that is half made
            raise AttributeError(name)
        if name.startswith("_") and name != keras_door.NAME_SCOPE_METHOD:
            raise AttributeError(name)
        try:
            found = getattr(self.distribution, name)
            return self._of_either_type(found) if name in _OF_EVENTS else found
        except AttributeError:
            raise AttributeError(
                f"Neither a tensor nor the distribution {type(self.distribution).__name__} has {name!r}."
            ) from None

    def _of_either_type(self, function):
        """A function of events that takes those of the value's float type too, where that is another."""
        dtype = self.distribution.dtype
        if dtype == self.dtype or not tf.as_dtype(dtype).is_floating:
            return function

        def cast_first(value, *args, **kwargs):
            return function(tf.cast(value, dtype), *args, **kwargs)

        return cast_first

    def __repr__(self):
        return f"<DistributionTensor shape={tuple(self.value.shape)}{self._draws()} of {self.distribution!r}>"

    def _draws(self):
        """What a reader of a Keras error about the shape should know: it prints this object."""
        event = self.distribution.event_shape
        if self.ndim is None or event.rank is None or self.ndim <= self.distribution.batch_shape.rank + event.rank:
            return ""
        declared = ", ".join(["None", *map(str, event)])
        return f", several draws: a decoder takes them when it is declared Input(({declared})) or called as layers,"


_OF_EVENTS = {"log_prob", "prob", "log_cdf", "cdf", "log_survival_function", "survival_function", "quantile"}


def _forward_operator(name):
    def operator(self, *others):
        return getattr(self.value, name)(*(o.value if isinstance(o, DistributionTensor) else o for o in others))

    operator.__name__ = name
    return operator


_BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"]
_OTHERS = ["neg", "abs", "lt", "le", "gt", "ge", "eq", "ne", "getitem"]
_OPERATORS = [f"__{op}__" for op in [*_BINARY, *(f"r{op}" for op in _BINARY), *_OTHERS]]
for _name in _OPERATORS:
    setattr(DistributionTensor, _name, _forward_operator(_name))
DistributionTensor.__hash__ = object.__hash__  # by identity, although == compares the values
DistributionTensor.__array_priority__ = 1000  # a numpy array on the left leaves the operator to us


@keras_door.handle_casts_of(DistributionTensor)
def _cast(x, dtype, name=None):
    value = tf.cast(x.value, dtype, name=name)
    both_float = tf.as_dtype(dtype).is_floating and x.dtype.is_floating
    return DistributionTensor(x.distribution, value) if both_float else value


def as_distribution(x, consumer):
    """The `tfd.Distribution` in `x`; raises TypeError, naming `consumer`, when there is none."""
    if isinstance(x, DistributionTensor):
        return x.distribution
    if isinstance(x, tfd.Distribution):
        return x
    raise TypeError(
        f"{consumer} needs a distribution but got {_describe(x)}: give it the output of a distribution layer "
        "directly, because any op in between (arithmetic, a reshape) keeps only the numbers."
    )


def _describe(x):
    return f"a plain tensor of shape {tuple(x.shape)}" if tf.is_tensor(x) else f"a {type(x).__name__}"


# TFP finds a KL by the types of both sides: the pair without its wrappers is the pair that is meant.
def _kl_unwrapped(a, b, name=None):
    a, b = (d.distribution if isinstance(d, DistributionTensor) else d for d in (a, b))
    return tfd.kl_divergence(a, b, name=name)


for _pair in [
    (DistributionTensor, tfd.Distribution),
    (tfd.Distribution, DistributionTensor),
    (DistributionTensor, DistributionTensor),
]:
    tfd.RegisterKL(*_pair)(_kl_unwrapped)


def is_present(x: Any) -> tf.Tensor:
    """Which examples x, `(B, *E)`, are not NaN throughout, `(B,)`."""
    return tf.reduce_any(~tf.math.is_nan(x), axis=list(range(1, x.shape.rank)))
