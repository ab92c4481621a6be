"""The Epanechnikov VAE's published tables: one pair of networks, the kernel's noise and its rivals'."""

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np

import tfvae
from tfvae import layers, networks, objectives
from tfvae.experiments.gamix.on_images import OnImages, Parts, parts_of
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")
_TITLES = {
    "vae": "N(0, I) and the ELBO",
    "evae": "the kernel, with B =",
    "normal": "the kernel and normal noise, with B =",
    "beta": "the ELBO with β =",
    "iwae": "IWAE of 5 draws",
    "wae": "WAE-MMD",
}


@dataclasses.dataclass(frozen=True)
class EpanechnikovOnImages(OnImages, abc.ABC):
    """Abstract: arms such as "evae-0.1@64", a method, its number and the latent size, at the published settings.

    Attributes:
        sharpness: of reconstructions as published, arm -> value.
        side: rows and columns that images are resized to.
    """

    side: ClassVar[int] = 32
    sharpness: ClassVar[dict] = {}
    cures: ClassVar[tuple[str, ...]] = ("vae@64",)
    document: ClassVar[str] = (
        "The kernel gives sharper reconstructions than a VAE, and a better FID of reconstructions."
    )
    codec: ClassVar[dict] = {"images": {"shape": [32, 32, 1], "binary": False}}
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 200, "num_test": 60, "epochs": 1, "num_seeds": 1, "width": 2, "feature_epochs": 1,
                  "arms": ("vae@4", "evae-0.1@4")},
    }  # fmt: skip

    arms: tuple[str, ...] = ("vae@64", "evae-0.1@64")
    num_seeds: int = 1
    num_train: int = 60_000
    num_test: int = 5_000
    width: int = 32
    learning_rate: float = 3e-4
    epochs: int = 50
    batch_size: int = 100

    def parts(self) -> Parts:
        found = parts_of(self.images, self.num_train, self.num_test)
        scaled = {name: _resized(getattr(found, name), self.side) for name in ("train", "real", "others")}
        return found._replace(**scaled)

    def title(self, arm: str) -> str:
        method, _, size = arm.partition("@")
        name, _, number = method.partition("-")
        return f"{_TITLES[name]} {number}".strip() + f", {size} latents"

    def make(self, arm: str, seed: int) -> Any:
        method, _, size = arm.partition("@")
        name, _, number = method.partition("-")
        d, shape = int(size), self.data.train.shape[1:]
        optimizer = keras.optimizers.Adam(self.learning_rate)
        if name in ("evae", "normal"):
            return tfvae.make_epanechnikov_vae(
                shape, d, width=float(number), noise={"evae": "uniform"}.get(name, name), channels=self.width,
                optimizer=optimizer,
            )  # fmt: skip
        posterior, objective = {
            "vae": lambda: (layers.LogVarianceNormal(d), objectives.ELBO()),
            "beta": lambda: (layers.LogVarianceNormal(d), objectives.ELBO(float(number))),
            "iwae": lambda: (layers.LogVarianceNormal(d), objectives.IWAE(5)),
            "wae": lambda: (layers.IndependentDeterministic(d), objectives.WAE(10.0)),
        }[name]()
        likelihood = layers.IndependentBernoulli(shape, "mean", name="likelihood")
        kernel_size = 5 if self.side == 64 else 4  # as published
        vae = tfvae.VAE(
            networks.strided_encoder(shape, posterior, self.width, kernel_size),
            networks.strided_decoder(d, shape, likelihood, self.width, kernel_size),
            objective=objective,
        )
        vae.compile(optimizer)
        return vae

    def claims(self, rows: Any, floor: dict) -> list[dict]:
        """The published sharpness beside the measured one."""
        mean = rows.groupby("variant")["reconstructions_sharpness"].mean()
        words = "; ".join(
            f"{arm} {mean[arm]:.4f} ({value:.4f})" for arm, value in self.sharpness.items() if arm in mean
        )
        measured = f"Sharpness of reconstructions, published in brackets: {words or 'not in this run'}."
        return [{"document": self.document, "measured": measured}, *super().claims(rows, floor)]


def _resized(images: np.ndarray, side: int) -> np.ndarray:
    """(n, H, W, C) as (n, side, side, C), bilinear."""
    if images.shape[1:3] == (side, side):
        return images
    pieces = [tf.image.resize(some, (side, side)).numpy() for some in np.array_split(images, -(-len(images) // 5_000))]
    return np.concatenate(pieces)
