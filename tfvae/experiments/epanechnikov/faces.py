"""The Epanechnikov VAE on faces."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.epanechnikov.on_images import EpanechnikovOnImages


@dataclasses.dataclass(frozen=True)
class EpanechnikovFaces(EpanechnikovOnImages):
    """CelebA at 64 × 64, a quarter of the published width, for the same few epochs."""

    name: ClassVar[str] = "epanechnikov-faces"
    summary: ClassVar[str] = "the Epanechnikov VAE on faces of 64 × 64, smaller and shorter than published"
    images: ClassVar[str] = "celeba-faces"
    codec: ClassVar[dict] = {"images": {"shape": [64, 64, 3], "binary": False}}
    side: ClassVar[int] = 64
    sharpness: ClassVar[dict] = {"vae@64": 0.0163, "evae-0.1@64": 0.0167}

    arms: tuple[str, ...] = ("vae@64", "evae-0.1@64", "beta-0.1@64", "wae@64")
    num_train: int = 22_000
    width: int = 16
    epochs: int = 8
