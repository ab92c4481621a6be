"""The Epanechnikov VAE on digits."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.epanechnikov.on_images import EpanechnikovOnImages


@dataclasses.dataclass(frozen=True)
class EpanechnikovDigits(EpanechnikovOnImages):
    """MNIST, as long as published."""

    name: ClassVar[str] = "epanechnikov-digits"
    summary: ClassVar[str] = "the Epanechnikov VAE of document 001's page: its sharpness on MNIST after 50 epochs"
    images: ClassVar[str] = "mnist"
    sharpness: ClassVar[dict] = {"vae@64": 0.0246, "evae-0.1@64": 0.0360}
