"""A discriminator and what is asked of it."""

import keras
import tensorflow as tf

from tfvae.host import keras_door
from tfvae.models.decoding import names_of


class Critic:
    """x -> (logits, features) by a discriminator; features are a layer's outputs, `(B, F)`, or None where none is named.

    Args:
        discriminator: a Keras model from x to logits, positive where it takes x for data.
        feature_layer: name of one of its layers, or None.
        decoder: the model whose outputs it judges.

    Raises:
        ValueError: for a discriminator that cannot play: of another input shape, without trainable weights or such a layer.
    """

    def __init__(self, discriminator, feature_layer, decoder):
        if names := names_of(decoder):
            raise ValueError(f"A discriminator judges one output, but the decoder has {', '.join(names)}.")
        takes, given = tuple(discriminator.input_shape[1:]), tuple(decoder.output_shape[1:])
        if takes != given:
            raise ValueError(f"The decoder gives x of shape {given}, but the discriminator takes {takes}.")
        if not discriminator.trainable_weights:
            raise ValueError("The discriminator has no trainable weights: it cannot learn to tell fakes from data.")
        self.network = discriminator
        if feature_layer is not None:
            found = [layer for layer in keras_door.sublayers(discriminator) if layer.name == feature_layer]
            if not found:
                raise ValueError(f"The discriminator has no layer {feature_layer!r} to take features from.")
            rows = keras.layers.Flatten()(found[0].output)  # of a length that is known before the batch is
            self.network = keras.Model(discriminator.inputs, [discriminator.outputs[0], rows])
        self.has_features = feature_layer is not None

    def __call__(self, x, training):
        output = self.network(x, training=training)
        logits, features = output if self.has_features else (output, None)
        return tf.cast(logits, tf.float32), None if features is None else tf.cast(features, tf.float32)


def cross_entropy(logits, label):
    """−log of the probability that these logits give to the label 0 or 1, `(B,)`: the mean over what each example has."""
    values = tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), float(label)), logits)
    return tf.reduce_mean(tf.reshape(values, [tf.shape(values)[0], -1]), axis=1)


def share(right):
    """The share of true values of a boolean tensor, ()."""
    return tf.reduce_mean(tf.cast(right, tf.float32))
