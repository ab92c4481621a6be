"""Arrays as an endless stream of super-batches in a reproducible order."""

import dataclasses
import itertools
import math

import keras
import numpy as np
import tensorflow as tf

_HELD_BYTES = 32 * 2**20


@dataclasses.dataclass
class Batches:
    """Arrays as an endless data set of super-batches: `steps` batches of `batch_size` rows, and the rows left over.

    Every super-batch has the same static shapes, so that one compiled function serves the whole fit: the last one of an
    epoch is padded, and `num_batches` says how many of its batches count.
    """

    data: tuple
    batch_size: int
    steps: int

    def __post_init__(self):
        n = num_rows(self.data)
        self.batch_size = min(self.batch_size, n)
        self.full = n // self.batch_size
        self.rest = n % self.batch_size
        self.count = self.full + (self.rest > 0)
        self.executions = math.ceil(self.count / self.steps)
        self.width = min(self.steps, self.full)  # batches in one (padded) super-batch

    @property
    def signature(self):
        specs = keras.tree.map_structure(lambda a: (a.shape[1:], str(a.dtype)), self.data)
        return (self.batch_size, self.width, self.rest, repr(specs))

    def cycle(self):
        """An endless iterator over the epochs' super-batches in their order; of small data, held in memory."""
        one_epoch = self.dataset().take(self.executions)
        if sum(a.nbytes for a in keras.tree.flatten(self.data)) <= _HELD_BYTES:
            return itertools.cycle(one_epoch)  # a step of tf.data takes longer than one of a small model
        return iter(self.dataset())

    def dataset(self, seed=None, initial_epoch=0):
        """The super-batches of epoch `initial_epoch`, the next, and so on; shuffled where there is a `seed`."""
        n = self.full * self.batch_size + self.rest
        data = keras.tree.map_structure(tf.convert_to_tensor, self.data)
        # The k-th execution covers batches k·steps … (k+1)·steps − 1 of the epoch.
        first = np.arange(self.executions) * self.steps
        num_batches = np.clip(self.full - first, 0, self.steps).astype("int32")
        last = np.arange(self.executions) == self.executions - 1

        def rows(indices):
            return keras.tree.map_structure(lambda a: tf.gather(a, indices), data)

        def epoch(number):
            order = tf.range(n)
            if seed is not None:
                order = tf.random.experimental.stateless_shuffle(
                    order, seed=tf.stack([tf.cast(seed, tf.int64), number])
                )
            rest = rows(order[n - self.rest :])

            def super_batch(start, batches, is_last):
                indices = order[start : start + batches * self.batch_size]
                width = self.width * self.batch_size
                indices = tf.ensure_shape(tf.pad(indices, [[0, width - tf.shape(indices)[0]]]), [width])
                return rows(indices), batches, rest, is_last

            starts = (first * self.batch_size).astype("int32")
            return tf.data.Dataset.from_tensor_slices((starts, num_batches, last)).map(super_batch)

        return tf.data.Dataset.counter(tf.constant(initial_epoch, tf.int64)).flat_map(epoch).prefetch(1)


def as_arrays(x, y, sample_weight):
    """(x, y, sample_weight) as a tuple of numpy arrays for a Keras step, or None where they are not all arrays."""
    leaves = keras.tree.flatten((x, y, sample_weight))
    leaves = [a for a in leaves if a is not None]
    if not leaves or not all(hasattr(a, "__array__") for a in leaves):
        return None
    data = keras.tree.map_structure(_array, keras.utils.pack_x_y_sample_weight(x, y, sample_weight))
    data = data if isinstance(data, tuple) else (data,)
    arrays = [a for a in keras.tree.flatten(data) if a is not None]
    rows = {len(a) if a.ndim else None for a in arrays}
    if len(rows) != 1 or None in rows or any(a.dtype.kind not in "fiub" for a in arrays):
        return None  # Keras says what is wrong with them
    if rows == {0}:
        raise ValueError("There is no data to work on: x has no rows.")
    return data


def _array(a):
    a = np.asarray(a)
    return a.astype(keras.config.floatx()) if a.dtype.kind == "f" else a


def num_rows(data):
    return len(keras.tree.flatten(data)[0])


def split(data, fraction):
    """The first rows to train on and the last `fraction` to validate on, as Keras splits them."""
    if not 0 < fraction < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, but got {fraction}.")
    n = num_rows(data)
    at = math.floor(n * (1 - fraction))
    if at in (0, n):
        raise ValueError(f"{n} rows cannot be split for validation_split={fraction}: one side would be empty.")
    return tuple(keras.tree.map_structure(lambda a, s=s: a[s], data) for s in (slice(0, at), slice(at, n)))


def check_finite(name, array, missing=False):
    """Raises ValueError, naming the argument and the first bad row, where an array has NaN or infinite values.

    Where NaN is a `missing` value, it may be there.
    """
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    bad = np.isinf(array) if missing else ~np.isfinite(array)
    if bad.any():
        kind = "infinite" if missing else "NaN or infinite"
        rows = np.flatnonzero(bad.reshape(len(array), -1).any(axis=1))
        raise ValueError(
            f"`{name}` has {kind} values in {len(rows)} of {len(array)} rows, first in row {rows[0] + 1}: "
            "remove or fill them."
        )
