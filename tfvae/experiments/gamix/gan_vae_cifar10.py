"""GAN-VAE on photographs."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.gamix.gan_vae import GANVAE


@dataclasses.dataclass(frozen=True)
class GANVAECIFAR10(GANVAE):
    """CIFAR-10: priors and adversaries on one network."""

    name: ClassVar[str] = "gan-vae-cifar10"
    summary: ClassVar[str] = (
        "document 004's other approach, which it did not try: a GAN beside the mixture prior, on CIFAR-10"
    )
    images: ClassVar[str] = "cifar10"
    codec: ClassVar[dict] = {"images": {"shape": [32, 32, 3], "binary": False}}

    num_train: int = 30_000
    num_test: int = 5_000
    epochs: int = 4
