"""How many Gaussians close the holes under the prior?"""

import dataclasses
from typing import Any, ClassVar

import tfvae
from tfvae.experiments.gamix.gan_vae_digits import GANVAEDigits

_MEASURES = ("frechet_distance", "coverage")


@dataclasses.dataclass(frozen=True)
class GamixHoles(GANVAEDigits):
    """The plain VAE of the GAN-VAE comparison, with mixtures of several sizes fitted to its codes afterwards."""

    name: ClassVar[str] = "gamix-holes"
    summary: ClassVar[str] = "how large a mixture fitted afterwards must be until draws are as good as reconstructions"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {**GANVAEDigits.presets["quick"], "arms": ("standard-none",), "components": (1, 2)},
    }

    arms: tuple[str, ...] = ("standard-none",)
    components: tuple[int, ...] = (1, 30, 50, 100)  # beside the 10 of all comparisons

    @property
    def more(self) -> tuple[str, ...]:  # type: ignore[override]
        """The measures of each size."""
        return tuple(f"mixture_{k}_draws_{name}" for k in self.components for name in _MEASURES)

    def more_measures(self, model: Any, real: Any, fit: Any, quality: Any) -> dict:
        """FD-cnn and coverage of decoder means at draws of each mixture."""
        found: dict = {}
        for k in self.components:
            fitted = tfvae.fit_latent_density(model, self.data.train, f"mixture:{k}", seed=fit.seed)
            found |= quality(fitted.sample(len(real), seed=fit.seed, mean=True), f"mixture_{k}_draws_", fit.seed)
        return {name: found[name] for name in self.more}
