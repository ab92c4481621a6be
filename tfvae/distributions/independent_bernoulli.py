"""Independent Bernoullis that show their logits."""

from typing import Any

import tensorflow_probability as tfp

tfd = tfp.distributions


class IndependentBernoulliDistribution(tfd.Independent):
    """`tfd.Independent` of a `tfd.Bernoulli`, with its `logits` and `probs`, of shape `(*batch_shape, *event_shape)`.

    `tfd.Bernoulli.logits` and `.probs` work on it too, as `tfp.layers.IndependentBernoulli` promises.
    """

    @property
    def logits(self) -> Any:
        return self.distribution.logits_parameter()

    @property
    def probs(self) -> Any:
        return self.distribution.probs_parameter()

    _logits, _probs = logits, probs  # what the properties of `tfd.Bernoulli` read
