"""What `fit` chooses where `compile` leaves it at "auto"."""

import math

import keras

from tfvae.host import keras_door
from tfvae.training.batches import num_rows

_ROWS_BYTES = 64 * 2**20  # a super-batch stays below this, so that large data streams
_FLOPS = 2e10  # about a second's work: the callbacks and the progress bar hear from a fit this often
_XLA_PARAMETERS = 250_000  # above this, XLA buys nothing on a CPU and costs its compilation
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


def is_worth_xla(model, num_steps):
    """Whether XLA saves more in `num_steps` steps than its compilation takes."""
    if num_steps < _XLA_STEPS or _num_parameters(model) > _XLA_PARAMETERS:
        return False
    return all(getattr(layer, "supports_jit", True) for layer in keras_door.sublayers(model))


def _num_products(model):
    """Multiplications of one example, about: each parameter once, but a convolution's kernel at each of its positions."""
    extra = 0
    for layer in keras_door.sublayers(model):
        if hasattr(layer, "kernel") and len(layer.kernel.shape) > 2:
            extra += math.prod(layer.kernel.shape) * (keras_door.positions(layer) - 1)
    return _num_parameters(model) + extra


def _num_parameters(model):
    return sum(math.prod(v.shape) for v in model.trainable_variables)
