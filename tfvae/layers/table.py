"""p(row | params) of a table with numbers and categories."""

from collections.abc import Sequence
from typing import Any, ClassVar

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions.partly_observed import NormalOrMissing, OneHotOrMissing
from tfvae.host.saving import register
from tfvae.layers.distribution_layer import DistributionLayer, as_params
from tfvae.layers.independent import IndependentNormal
from tfvae.layers.mixture import MixtureNormal
from tfvae.layers.scales import LearnedScale, as_scale, scale_value

tfd = tfp.distributions


@register
class TableLikelihood(DistributionLayer):
    """Normals (or one mixture of them) over the first columns, then a one-hot categorical for each block.

    Args:
        num_continuous: int C, number of real-valued elements.
        num_categories: ints, the sizes of the one-hot blocks that follow.
        convert_to_tensor_fn: see `DistributionLayer`.
        num_components: int, components of the mixture of normals; 1 for plain normals.
        scale: of plain normals, as in `IndependentNormal`.
        epsilon: float, added to the softplus scales.

    Value: `(…, C + Σ num_categories)`. NaN, in a number or in all of a block, is a value that is not there: the density is
    that of the others.
    """

    takes_missing = True
    _arguments: ClassVar[tuple[str, ...]] = ("num_continuous", "num_categories", "num_components", "scale", "epsilon")

    def __init__(
        self,
        num_continuous: Any,
        num_categories: Sequence[int] = (),
        convert_to_tensor_fn: Any = tfd.Distribution.mean,
        *,
        num_components: int = 1,
        scale: Any = None,
        epsilon: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.num_continuous = int(num_continuous)
        self.num_categories = tuple(int(n) for n in num_categories)
        if self.num_continuous + len(self.num_categories) < 1:
            raise ValueError(
                "TableLikelihood needs at least one column, but num_continuous is 0 and num_categories empty."
            )
        self.num_components = int(num_components)
        self.scale = as_scale(scale)
        self.epsilon = float(epsilon)
        if isinstance(self.scale, LearnedScale):
            self.scale.build((self.num_continuous,))

    @property
    def _numbers_size(self):
        if not self.num_continuous:
            return 0
        if self.num_components > 1:
            return MixtureNormal.params_size(self.num_components, self.num_continuous)
        return IndependentNormal.params_size(self.num_continuous, scale=self.scale)

    @property
    def num_params(self) -> int:
        return self._numbers_size + sum(self.num_categories)

    def distribution(self, params: Any) -> Any:
        params = as_params(params, self.num_params, "TableLikelihood")
        numbers, *logits = tf.split(params, [self._numbers_size, *self.num_categories], axis=-1)
        blocks = [OneHotOrMissing(logits=part, dtype=part.dtype) for part in logits]
        if self.num_continuous:
            blocks.insert(0, self._of_numbers(numbers))
        return blocks[0] if len(blocks) == 1 else tfd.Blockwise(blocks)

    def _of_numbers(self, params):
        if self.num_components == 1:
            p = IndependentNormal.new(params, self.num_continuous, scale=scale_value(self.scale), epsilon=self.epsilon)
            return _or_missing(p)
        p = MixtureNormal.new(params, self.num_components, self.num_continuous, epsilon=self.epsilon)
        return tfd.MixtureSameFamily(p.mixture_distribution, _or_missing(p.components_distribution))


def _or_missing(normals):
    """The same independent normals, for values of which some are not there."""
    return tfd.Independent(NormalOrMissing(normals.distribution.loc, normals.distribution.scale), 1)
