"""What `fit` chooses where `compile` leaves it at "auto"."""

import math

import keras
import tensorflow as tf

from tfvae.host import keras_door
from tfvae.training.batches import num_rows

_ROWS_BYTES = 64 * 2**20  # a super-batch stays below this, so that large data streams
_DATASET_STEPS = 50  # in one execution, of a data set, whose batches may be of any size
_FLOPS = 2e10  # about a second's work: the callbacks and the progress bar hear from a fit this often
_XLA_PARAMETERS = 250_000  # above this, XLA buys nothing on a CPU and costs its compilation
_MANY_LAYERS = 100
_XLA_STEPS = 2_000  # below this, its compilation takes longer than it saves


def steps_in_one_execution(model, requested, data, batch_size):
    """Batches in one execution: those requested, or as many as make about a second's work and fit into memory."""
    if requested != "auto":
        return requested
    n = num_rows(data)
    batches = math.ceil(n / min(batch_size, n))
    by_work = _FLOPS / (6 * max(_num_products(model), 1) * batch_size)
    by_memory = _ROWS_BYTES / (sum(a.nbytes for a in keras.tree.flatten(data)) / n * batch_size)
    most = max(1, int(min(by_work, by_memory)))
    return math.ceil(batches / math.ceil(batches / most))


def dataset_steps(dataset):
    """Batches of a `tf.data.Dataset` in one execution; one, where their number is not known."""
    return int(min(max(dataset.cardinality().numpy() // 2, 1), _DATASET_STEPS))


def is_worth_xla(model, num_steps):
    """Whether XLA saves more in `num_steps` steps than its compilation takes."""
    if num_steps < _XLA_STEPS or _num_parameters(model) > _XLA_PARAMETERS:
        return False
    layers = keras_door.sublayers(model)
    if any(_is_convolution(layer) for layer in layers) and not tf.config.list_physical_devices("GPU"):
        return False  # XLA's convolutions take twenty times TensorFlow's on a CPU
    return all(getattr(layer, "supports_jit", True) for layer in layers)


def layers_to_build(model):
    """How many layers a graph is built of, where so many that it takes seconds; 0 for a smaller model."""
    count = len(keras_door.sublayers(model))
    return count if count >= _MANY_LAYERS else 0


def _num_products(model):
    """Multiplications of one example, about: each parameter once, but a convolution's kernel at each of its positions."""
    extra = 0
    for layer in keras_door.sublayers(model):
        if _is_convolution(layer):
            extra += math.prod(layer.kernel.shape) * (keras_door.positions(layer) - 1)
    return _num_parameters(model) + extra


def _is_convolution(layer):
    return hasattr(layer, "kernel") and len(layer.kernel.shape) > 2


def _num_parameters(model):
    return sum(math.prod(v.shape) for v in model.trainable_variables)


def refuse_loss(model, loss):
    """ValueError for a loss given to a model whose `has_own_loss` says that `compile` cannot replace its own."""
    if loss is not None and getattr(model, "has_own_loss", False):
        raise ValueError(
            f"A {type(model).__name__} minimizes its objective: leave out `loss`, or give it another objective."
        )
