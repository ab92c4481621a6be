"""What cross-entropy of grey values leaves out."""

import math
from typing import Any

import tensorflow as tf


def continuous_bernoulli_log_normalizer(logits: Any) -> Any:
    """log C(λ) of the continuous Bernoulli density C(λ) λ^x (1 − λ)^(1 − x) on [0, 1], in nats, at λ = sigmoid(logits).

    C = logits / tanh(logits / 2), which is 2 at λ = 1/2 and grows to both sides: what cross-entropy leaves out.
    """
    logits = tf.convert_to_tensor(logits)
    small = tf.abs(logits) < 0.05
    safe = tf.where(small, tf.ones_like(logits), logits)
    series = math.log(2) + tf.math.log1p(tf.square(logits) / 12 - tf.pow(logits, 4) / 720)
    return tf.where(small, series, tf.math.log(safe / tf.tanh(safe / 2)))
