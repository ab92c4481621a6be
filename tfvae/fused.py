"""A Keras step looped over the batches of a super-batch."""

import keras
import tensorflow as tf

from tfvae.compiled import Compiled


class FusedFunction:
    """Runs a Keras step over the batches of one super-batch, in one compiled loop; returns the metrics after it."""

    def __init__(self, model, step, batches, use_xla):
        self.batch_size, self.has_rest = batches.batch_size, batches.rest > 0
        self.model, self.step = model, step
        self.run = Compiled(self._run, use_xla, must=model._requested["jit_compile"] is True)

    def __call__(self, iterator):
        return self.run(*next(iterator))

    def _run(self, rows, num_batches, rest, is_last):
        def batch(i):
            # A static size: bounds that depend on i would make XLA work on the whole array in every step.
            def cut(a):
                begin = tf.concat([[i * self.batch_size], tf.zeros([a.shape.rank - 1], tf.int32)], axis=0)
                return tf.slice(a, begin, [self.batch_size, *a.shape[1:]])

            return keras.tree.map_structure(cut, rows)

        def body(i):
            self.step(batch(i))
            return (i + 1,)

        tf.while_loop(lambda i: i < num_batches, body, (tf.constant(0),), parallel_iterations=1)
        if self.has_rest:
            tf.cond(is_last, lambda: self._one(rest), lambda: tf.constant(0))
        return self.model.get_metrics_result()

    def _one(self, batch):
        self.step(batch)
        return tf.constant(0)
