"""p(z): distributions without an input, as Keras layers that are never called."""

from tfvae.priors.components import Components, NarrowComponents, RandomComponents, UniformComponents
from tfvae.priors.exemplar import ExemplarPrior
from tfvae.priors.flow import FlowPrior
from tfvae.priors.mixture import MixturePrior
from tfvae.priors.prior import EncodedPrior, Prior
from tfvae.priors.standard_normal import StandardNormal
from tfvae.priors.vamp import VampPrior

__all__ = [
    "Components",
    "EncodedPrior",
    "ExemplarPrior",
    "FlowPrior",
    "MixturePrior",
    "NarrowComponents",
    "Prior",
    "RandomComponents",
    "StandardNormal",
    "UniformComponents",
    "VampPrior",
]
