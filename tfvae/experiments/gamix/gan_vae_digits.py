"""GAN-VAE on digits."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.gamix.gan_vae import GANVAE


@dataclasses.dataclass(frozen=True)
class GANVAEDigits(GANVAE):
    """MNIST: priors and adversaries on one network."""

    name: ClassVar[str] = "gan-vae-digits"
    summary: ClassVar[str] = (
        "document 004's other approach, which it did not try: a GAN beside the mixture prior, on MNIST"
    )
    images: ClassVar[str] = "mnist"
    codec: ClassVar[dict] = {"images": {"shape": [28, 28, 1], "binary": False}}

    num_train: int = 30_000
    num_test: int = 5_000
    epochs: int = 5
