"""Does an adversarial term help a Gaussian-mixture prior, and the other way round?"""

import abc
import dataclasses
from typing import Any, ClassVar

import tfvae
from tfvae import layers, networks, priors
from tfvae.experiments.gamix.on_images import OnImages
from tfvae.experiments.study import Fit
from tfvae.host.lazy import Later

keras = Later("keras")
_ADVERSARIES = {"none": "no adversary", "reconstructions": "of reconstructions", "both": "of reconstructions and draws"}


@dataclasses.dataclass(frozen=True)
class GANVAE(OnImages, abc.ABC):
    """Abstract: prior {N(0, I), mixture} × adversary {none, of reconstructions, also of draws}, on one network."""

    document: ClassVar[str] = "There are other approaches, like GAN-VAE."
    more: ClassVar[tuple[str, ...]] = ("nll", "nll_standard_error")
    cures: ClassVar[tuple[str, ...]] = ("standard-none",)
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 256, "num_test": 64, "epochs": 1, "num_seeds": 1, "widths": (4, 8), "latent_dim": 4,
                  "num_components": 10, "num_scored": 16, "num_samples": 5, "feature_epochs": 1,
                  "arms": ("standard-none", "mixture-both")},
    }  # fmt: skip

    arms: tuple[str, ...] = tuple(
        f"{prior}-{adversary}" for prior in ("standard", "mixture") for adversary in _ADVERSARIES
    )
    latent_dim: int = 32
    widths: tuple[int, ...] = (32, 64)
    adversarial_weight: float = 20.0
    batch_size: int = 100
    num_scored: int = 500
    num_samples: int = 200

    def fits(self) -> list[Fit]:
        return [
            dataclasses.replace(fit, settings=dict(zip(("prior", "adversary"), fit.variant.split("-"), strict=True)))
            for fit in super().fits()
        ]

    def title(self, arm: str) -> str:
        prior, _, adversary = arm.partition("-")
        return f"{prior} prior, {_ADVERSARIES[adversary]}"

    def make(self, arm: str, seed: int) -> Any:
        prior, _, adversary = arm.partition("-")
        shape = self.data.train.shape[1:]
        posterior = layers.IndependentNormal(self.latent_dim, name="posterior")
        scale = layers.LearnedScale(initial=0.2, floor=1e-2)
        likelihood = layers.IndependentNormal(shape, "mean", scale=scale, name="likelihood")
        over_z = priors.MixturePrior(self.latent_dim, self.num_components, seed=seed) if prior == "mixture" else None
        encoder = networks.convolutional_encoder(shape, self.widths, posterior)
        decoder = networks.convolutional_decoder(self.latent_dim, shape, tuple(reversed(self.widths)), likelihood)
        optimizer = keras.optimizers.Adam(self.learning_rate)
        if adversary == "none":
            vae = tfvae.VAE(encoder, decoder, over_z)
            vae.compile(optimizer)
            return vae
        discriminator = networks.convolutional_discriminator(shape, self.widths)
        vae = tfvae.AdversarialVAE(encoder, decoder, discriminator, over_z, fakes=adversary,
                                   adversarial_weight=self.adversarial_weight)  # fmt: skip
        vae.compile(optimizer, keras.optimizers.Adam(self.learning_rate / 4, beta_1=0.5))
        return vae

    def more_measures(self, model: Any, real: Any, fit: Fit, quality: Any) -> dict:
        """The likelihood, which all of these models still have."""
        del quality
        estimate = model.log_likelihood(real[: self.num_scored], self.num_samples, fit.seed)
        return {"nll": -estimate.mean, "nll_standard_error": estimate.mean_standard_error}
