"""One pass through a model, decoded where somebody looks."""

import functools

import keras
import numpy as np
import tensorflow as tf

from tfvae.distributions.unfolded import Unfolded
from tfvae.host import keras_door
from tfvae.host.tensors import DistributionTensor, as_distribution
from tfvae.layers.distribution_layer import outermost_distribution_layers
from tfvae.networks.missing import FillMissing

OWNER = "VAE (the decoder must end in a distribution layer; it)"


class Pass:
    """x -> q(z|x) -> p(x|z), decoded once for each set of draws that is looked at.

    An objective of one draw looks at the posterior's own z, and so does `predict`; one of several draws takes others, and
    then the first ones are never decoded.

    Args:
        posterior: q(z|x) with its draw, a `DistributionTensor`.
        decode: z -> p(x|z), a `DistributionTensor` or a dict of them.
        present: which modalities are there, `(B, M)`; None where x is one.
        subset: `(B, M)` booleans -> q(z|x_S) of those of them that are there, a `DistributionTensor`.
    """

    def __init__(self, posterior, decode, present=None, subset=None):
        self.posterior, self.decode, self.present, self.subset = posterior, decode, present, subset

    @functools.cached_property
    def p(self):
        """p(x|z) at the posterior's own z."""
        return self.decode(self.posterior.value)

    def at(self, z):
        """p(x|z) at these z."""
        return self.p if z is self.posterior.value else self.decode(z)

    def seen_as(self, decoder):
        """The output of a model with this decoder: a `Decoding`, or one for each of the decoder's outputs by name."""
        names = names_of(decoder)
        return {name: Decoding(self, name) for name in names} if names else Decoding(self)


class Decoding(DistributionTensor):
    """p(x|z), or its part of that `name`, in the pass that it is of; what `VAE.call` returns."""

    def __init__(self, of, name=None):
        self.of, self.name = of, name

    @property
    def _part(self):
        return self.of.p if self.name is None else self.of.p[self.name]

    @property
    def distribution(self):
        return self._part.distribution

    @property
    def value(self):
        return self._part.value


def names_of(decoder):
    """The names of a decoder's outputs; none where it has one output without a name."""
    functional = getattr(decoder, "outputs", None) and not isinstance(decoder, keras.Sequential)
    output = decoder.output if functional else None
    return list(output) if isinstance(output, dict) else []


def refuse_several(decoder):
    """Raises ValueError for a decoder whose outputs have names, where an array of one output is asked for."""
    if names := names_of(decoder):
        raise ValueError(
            f"`sample`, `reconstruct` and `log_likelihood` are for one output, but the decoder has {', '.join(names)}: "
            "take each from `decode`."
        )


def event_checks(decoder):
    """Functions (name, array) that raise ValueError where an array, named so, holds what the decoder has no density for."""
    checks = [layer.check_events for layer in outermost_distribution_layers(decoder)[-1:]]
    if names_of(decoder):
        return checks
    wanted = tf.TensorShape(decoder.output_shape[1:])

    def check_shape(name, array):
        if not wanted.is_compatible_with(array.shape[1:]):  # one that broadcasts would train without a word
            raise ValueError(
                f"This model is for rows of shape {tuple(wanted)}, but `{name}` has rows of {array.shape[1:]}."
            )

    return [check_shape, *checks]


def takes_missing(encoder, decoder):
    """Whether x may hold NaN for what is not there: the encoder fills it, and the likelihood integrates over it."""
    filled = any(isinstance(layer, FillMissing) for layer in keras_door.sublayers(encoder))
    return filled and all(layer.takes_missing for layer in outermost_distribution_layers(decoder)[-1:])


def distributions_of(p):
    """p(x|z) without its values: a `tfd.Distribution`, or a dict of them."""
    return keras.tree.map_structure(lambda part: as_distribution(part, OWNER), p)


def decode_folded(decoder, z, event_shape, training):
    """p(x|z) for z of shape `(…, *event_shape)`, of batch shape `(…,)`.

    Keras' functional decoders take one batch axis: further ones are folded into it, and the distribution is unfolded.
    """
    leading = z.shape[: z.shape.rank - len(event_shape)]
    if len(leading) == 1:
        return decoder(z, training=training)
    batch = tf.shape(z)[: len(leading)]
    p = decoder(tf.reshape(z, [-1, *event_shape]), training=training)
    static = leading if leading.is_fully_defined() else batch

    def unfolded(part):
        value = tf.reshape(part.value, tf.concat([batch, tf.shape(part.value)[1:]], axis=0))
        return DistributionTensor(Unfolded(as_distribution(part, OWNER), static), value)

    return keras.tree.map_structure(unfolded, p)


def as_input(x):
    """x, or each array of a dict, as a tensor of Keras' float type; a tensor as it is."""
    if isinstance(x, dict):
        return {name: as_input(part) for name, part in x.items()}
    return x if tf.is_tensor(x) else tf.convert_to_tensor(np.asarray(x, keras.config.floatx()))
