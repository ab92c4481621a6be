"""Latent sizes and widths of the Epanechnikov VAE on digits."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.epanechnikov.on_images import EpanechnikovOnImages


@dataclasses.dataclass(frozen=True)
class EpanechnikovDigitsArms(EpanechnikovOnImages):
    """MNIST, every latent size and width of the prior for the same few epochs."""

    name: ClassVar[str] = "epanechnikov-digits-arms"
    summary: ClassVar[str] = "latent sizes and widths of the Epanechnikov VAE on MNIST for the same few epochs"
    images: ClassVar[str] = "mnist"
    sharpness: ClassVar[dict] = {
        "vae@8": 0.0211, "evae-0.1@8": 0.0243, "vae@16": 0.0252, "evae-0.1@16": 0.0305, "vae@32": 0.0249,
        "evae-0.1@32": 0.0338, "vae@64": 0.0246, "evae-0.1@64": 0.0360,
    }  # fmt: skip

    arms: tuple[str, ...] = (
        *(f"{method}@{d}" for d in (8, 16, 32, 64) for method in ("vae", "evae-0.1")),
        *(f"{method}@64" for method in ("evae-1", "evae-10", "normal-0.1", "beta-0.1")),
    )
    epochs: int = 5
