"""Widths, latent sizes and rivals of the Epanechnikov VAE."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.epanechnikov.on_images import EpanechnikovOnImages

_ARMS = (
    *(f"{method}@64" for method in ("vae", "evae-0.01", "evae-0.1", "evae-1", "evae-10", "evae-20", "normal-0.1",
                                    "beta-0.1", "beta-5", "iwae", "wae")),
    *(f"{method}@{d}" for d in (8, 16, 32) for method in ("vae", "evae-0.1")),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class EpanechnikovArms(EpanechnikovOnImages):
    """Every width of the prior, every latent size and every rival, all for the same few epochs."""

    name: ClassVar[str] = "epanechnikov-arms"
    summary: ClassVar[str] = (
        "every arm of its tables on Fashion-MNIST for the same few epochs: what the kernel does alone"
    )
    images: ClassVar[str] = "fashion-mnist"
    sharpness: ClassVar[dict] = {
        "vae@64": 0.0161, "evae-0.1@64": 0.0267, "evae-10@64": 0.019, "beta-0.1@64": 0.023, "beta-5@64": 0.010,
        "iwae@64": 0.020, "wae@64": 0.021, "vae@8": 0.0157, "evae-0.1@8": 0.0176, "vae@16": 0.0159,
        "evae-0.1@16": 0.0216, "vae@32": 0.0163, "evae-0.1@32": 0.0251,
    }  # fmt: skip

    arms: tuple[str, ...] = _ARMS
    epochs: int = 5
