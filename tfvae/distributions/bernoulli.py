"""A Bernoulli whose density costs one softplus."""

import tensorflow as tf
import tensorflow_probability as tfp


class LogitsBernoulli(tfp.distributions.Bernoulli):
    """`tfd.Bernoulli(logits)` with log p(x) = x l − softplus(l).

    TFP takes the log probabilities of both outcomes and guards their products against infinite ones, which is more than half
    of the time that a decoder of images takes. For x strictly between 0 and 1 both give the cross-entropy.
    """

    def _log_prob(self, event):
        if self.logits is None:
            return super()._log_prob(event)
        logits = tf.convert_to_tensor(self.logits)
        return tf.cast(event, logits.dtype) * logits - tf.nn.softplus(logits)
