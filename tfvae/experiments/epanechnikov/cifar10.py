"""The Epanechnikov VAE on small photographs."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.epanechnikov.on_images import EpanechnikovOnImages


@dataclasses.dataclass(frozen=True)
class EpanechnikovCIFAR10(EpanechnikovOnImages):
    """CIFAR-10 (JPEG copies), every rival at 64 latents for the same few epochs."""

    name: ClassVar[str] = "epanechnikov-cifar10"
    summary: ClassVar[str] = "the Epanechnikov VAE and its rivals on CIFAR-10 for the same few epochs"
    images: ClassVar[str] = "cifar10"
    codec: ClassVar[dict] = {"images": {"shape": [32, 32, 3], "binary": False}}
    sharpness: ClassVar[dict] = {
        "vae@64": 0.0355, "evae-0.1@64": 0.0369, "evae-10@64": 0.035, "beta-0.1@64": 0.035, "beta-5@64": 0.034,
        "iwae@64": 0.036, "wae@64": 0.034,
    }  # fmt: skip

    arms: tuple[str, ...] = ("vae@64", "evae-0.1@64", "evae-10@64", "normal-0.1@64", "beta-0.1@64", "beta-5@64", "iwae@64",
                             "wae@64")  # fmt: skip
    num_train: int = 50_000
    epochs: int = 5
