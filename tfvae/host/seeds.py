"""Randomness as Keras and TFP pass it on."""

import tensorflow as tf


def next_seed(seed_generator):
    """The generator's next seed as TFP takes it, another one on each replica of a distribution strategy.

    Keras' generator alone gives all replicas the same seed, hence the same noise.
    """
    seed = tf.cast(seed_generator.next(), tf.int32)
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
        seed = tf.random.experimental.stateless_fold_in(seed, context.replica_id_in_sync_group)
    return seed


def standard_normal(shape, seed, dtype):
    """A draw of N(0, I) that a fused loop can afford.

    TFP draws by TensorFlow's default generator, which under XLA on a CPU takes two fifths of a small model's whole step;
    Philox, asked for by name, takes a fraction of that.
    """
    return tf.random.stateless_normal(shape, seed, dtype=dtype, alg="philox")


def uniform(shape, seed, dtype):
    """Draws of U[0, 1) by the same generator as `standard_normal`."""
    return tf.random.stateless_uniform(shape, seed, dtype=dtype, alg="philox")
