"""Distributions that integrate over what of a value is not there: NaN."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class NormalOrMissing(tfd.Normal):
    """A normal whose log density at NaN is 0: that of the other elements alone."""

    def _log_prob(self, value: Any) -> Any:
        missing = tf.math.is_nan(value)
        # The inner `where` keeps NaN out of the gradient as well.
        return tf.where(missing, 0.0, super()._log_prob(tf.where(missing, self.loc, value)))


class OneHotOrMissing(tfd.OneHotCategorical):
    """A one-hot categorical whose log probability of a vector of NaN is 0: that of any category."""

    def _log_prob(self, value: Any) -> Any:
        value = tf.where(tf.math.is_nan(value), 0.0, value)
        return tf.reduce_sum(value * tf.math.log_softmax(self.logits_parameter()), axis=-1)
