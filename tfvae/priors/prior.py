"""The noun: a distribution without an input."""

import keras

from tfvae.layers.distribution_layer import as_shape, float32_policy


class Prior(keras.layers.Layer):
    """Abstract: p(z), with its trainable parameters as Keras weights.

    A layer that is never called: a subclass creates its weights in `__init__` and defines `distribution()`. It trains
    and is saved with the model that holds it.

    Args:
        event_shape: shape of one z.
    """

    def __init__(self, event_shape, **kwargs):
        super().__init__(**float32_policy(kwargs))
        self.event_shape = as_shape(event_shape)
        self.built = True

    def distribution(self):
        """The `tfd.Distribution` p(z), with the current parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define `distribution()`.")

    def sample(self, n, seed=None):
        """n draws, of shape `(n, *event_shape)`."""
        return self.distribution().sample(n, seed=seed)

    def log_prob(self, z):
        """log p(z) in nats, of shape `z.shape` without the event."""
        return self.distribution().log_prob(z)

    def get_config(self):
        return {**super().get_config(), "event_shape": list(self.event_shape)}
