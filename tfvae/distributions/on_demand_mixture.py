"""A mixture whose draws carry gradients, computed when they are asked for."""

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


def shows_parameters(distribution):
    """Whether TensorFlow sees a distribution's parameters, because it is a CompositeTensor."""
    return all(part is not distribution for part in tf.nest.flatten(distribution, expand_composites=True))


class OnDemandMixture(tfd.MixtureSameFamily):
    """`tfd.MixtureSameFamily` that computes the implicit gradient of a draw in the backward pass alone.

    TFP solves for the Jacobian of the distributional transform as it draws, which costs many times the draw itself. The
    mixture and its components must show their parameters to TensorFlow as CompositeTensors.
    """

    def _reparameterize_sample(self, x, event_shape):
        parts = (self.mixture_distribution, self.components_distribution)
        x = tf.stop_gradient(x)

        @tf.custom_gradient
        def draw(*parameters):
            def gradient(*upstream):
                with tf.GradientTape() as tape:
                    tape.watch(parameters)
                    mixture, components = tf.nest.pack_sequence_as(parts, parameters, expand_composites=True)
                    rebuilt = OnDemandMixture(mixture, components, reparameterize=True)
                    surrogate = super(OnDemandMixture, rebuilt)._reparameterize_sample(x, event_shape=event_shape)
                return tape.gradient(surrogate, parameters, upstream[0])

            return tf.identity(x), gradient

        return draw(*tf.nest.flatten(parts, expand_composites=True))
