"""GAMIX-VAE on photographs."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.gamix.on_images import OnImages


@dataclasses.dataclass(frozen=True)
class GamixCIFAR10(OnImages):
    """CIFAR-10, the main arms."""

    name: ClassVar[str] = "gamix-cifar10"
    summary: ClassVar[str] = "document 001's claim on CIFAR-10: GAMIX-VAE against a VAE and its peers"
    images: ClassVar[str] = "cifar10"
    codec: ClassVar[dict] = {"images": {"shape": [32, 32, 3], "binary": False}}

    num_train: int = 30_000
    num_test: int = 5_000
    epochs: int = 3
