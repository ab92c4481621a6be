"""p(z): distributions without an input, as Keras layers that are never called."""

from tfvae.priors.mixture import MixturePrior
from tfvae.priors.prior import Prior
from tfvae.priors.standard_normal import StandardNormal

__all__ = ["MixturePrior", "Prior", "StandardNormal"]
