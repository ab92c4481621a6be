"""A `Draw` from its parts, as a model hands it to an objective."""

import tensorflow as tf

from tfvae.objectives import Draw


def draw_of(x, q, z, p, prior, *, training=False, log_shares=None, decode=None, inputs=None, step=0):
    step = tf.constant(step, tf.int64)
    return Draw(x, x if inputs is None else inputs, q, z, log_shares, p, prior, decode, step, training)
