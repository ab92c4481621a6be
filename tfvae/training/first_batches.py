"""The first batches of a data set, checked as they pass."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

_CHECKED = 2  # batches of each epoch: what is wrong with the data's scale is wrong in all of them


@contextlib.contextmanager
def first_batches_checked(data: Any, check: Callable) -> Iterator[Any]:
    """The data, of which `check` sees the first batches of each epoch; what it raises leaves the block as it was raised.

    They are looked at in passing: an iterator of one's own would be an epoch more to a data set that counts them.

    Args:
        data: what `fit` is given; all but a `tf.data.Dataset` of dense tensors is left alone.
        check: function of (x, y, sample_weight), arrays or None.
    """
    specs = tf.nest.flatten(data.element_spec) if isinstance(data, tf.data.Dataset) else [None]
    if not all(isinstance(spec, tf.TensorSpec) for spec in specs):
        yield data
        return
    raised = []

    def look(*flat):
        batch = tf.nest.pack_sequence_as(data.element_spec, [part.numpy() for part in flat])
        try:
            check(*keras.utils.unpack_x_y_sample_weight(batch))
        except ValueError as error:
            raised.append(error)
            raise
        return True

    def passing(number, batch):
        flat = tf.nest.flatten(batch)
        first = number < _CHECKED
        looked = tf.cond(first, lambda: tf.py_function(look, flat, tf.bool), lambda: tf.constant(True))
        with tf.control_dependencies([looked]):
            return tf.nest.map_structure(tf.identity, batch)

    try:
        yield data.enumerate().map(passing)
    except tf.errors.OpError:
        if raised:
            raise raised[0] from None
        raise
