"""Draws folded into the batch, and out of it."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class Unfolded(tfd.Distribution):
    """A distribution of batch shape `(S·B,)` seen as one of batch shape `(S, B)`; `tfd.BatchReshape` needs it static.

    Args:
        distribution: of a batch shape of one axis.
        batch: its new batch shape, a `tf.TensorShape` or a tensor.
    """

    def __init__(self, distribution: Any, batch: Any, validate_args: bool = False, name: Any = "Unfolded"):
        parameters = dict(locals())
        self.distribution, self.batch = distribution, batch
        super().__init__(
            dtype=distribution.dtype,
            reparameterization_type=distribution.reparameterization_type,
            validate_args=validate_args,
            allow_nan_stats=distribution.allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    def _batch_shape(self):
        static = self.batch if isinstance(self.batch, tf.TensorShape) else tf.get_static_value(self.batch, partial=True)
        return tf.TensorShape(static) if static is not None else tf.TensorShape([None] * self.batch.shape[0])

    def _batch_shape_tensor(self, **_):
        return tf.convert_to_tensor(self.batch, tf.int32)

    def _event_shape(self):
        return self.distribution.event_shape

    def _event_shape_tensor(self, **_):
        return self.distribution.event_shape_tensor()

    def _unfold(self, values, axis=0):
        shape, axis = tf.shape(values), axis % values.shape.rank
        return tf.reshape(values, tf.concat([shape[:axis], self._batch_shape_tensor(), shape[axis + 1 :]], axis=0))

    def _log_prob(self, x):
        leading = tf.shape(x)[: x.shape.rank - self.event_shape.rank - self.batch_shape.rank]
        folded = tf.reshape(x, tf.concat([leading, [-1], self._event_shape_tensor()], axis=0))
        return self._unfold(self.distribution.log_prob(folded), axis=-1)

    def _sample_n(self, n, seed=None):
        return self._unfold(self.distribution.sample(n, seed=seed), axis=1)

    def _mean(self):
        return self._unfold(self.distribution.mean())

    def _stddev(self):
        return self._unfold(self.distribution.stddev())

    def _variance(self):
        return self._unfold(self.distribution.variance())

    def _mode(self):
        return self._unfold(self.distribution.mode())

    def _entropy(self):
        return self._unfold(self.distribution.entropy())
