"""A function traced once and run many times, by XLA where it can."""

import warnings

import keras
import tensorflow as tf


class Compiled:
    """Traces `function` at its first call, for arguments whose shapes stay the same.

    Args:
        function: of tensors (nested), without Python state that changes.
        use_xla: bool, compile with XLA.
        must: bool, raise where XLA cannot compile the function; False goes on without it, with a warning.
    """

    def __init__(self, function, use_xla, must=False):
        self.function, self.use_xla, self.must = function, use_xla, must
        self.traced = None

    def __call__(self, *arguments):
        try:
            return self._run(arguments)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            if not self.use_xla or self.must or "ompil" not in str(error):
                raise
            warnings.warn(
                "XLA cannot compile this model, so it runs without: compile it with jit_compile=False to say so.",
                stacklevel=2,
            )
            self.use_xla, self.traced = False, None
            return self._run(arguments)

    def forget(self):
        """The next call traces anew."""
        self.traced = None

    def _run(self, arguments):
        if self.traced is None:
            specs = keras.tree.map_structure(tf.TensorSpec.from_tensor, arguments)
            function = tf.function(self.function, jit_compile=self.use_xla, autograph=False)
            self.traced = function.get_concrete_function(*specs)
        return self.traced(*arguments)
