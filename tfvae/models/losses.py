"""From numbers of examples to one loss."""

import tensorflow as tf


def weighted_mean(values, sample_weight):
    return tf.reduce_mean(values if sample_weight is None else values * tf.cast(sample_weight, values.dtype))


def num_replicas():
    return tf.distribute.get_strategy().num_replicas_in_sync


def sum_of(losses):
    return sum(tf.reduce_sum(loss) for loss in losses)
