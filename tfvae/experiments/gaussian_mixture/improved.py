"""What cures the failure."""

from typing import ClassVar

import tfvae
from tfvae import layers, priors
from tfvae.data.gaussian_mixture import four_gaussians, gaussian_grid, gaussian_ring
from tfvae.experiments.gaussian_mixture.on_mixture import OnMixture
from tfvae.experiments.study import Fit


class GaussianMixtureImproved(OnMixture):
    """What cures it: a learned observation scale, the library's recipe for a mixture decoder, a mixture prior."""

    name = "gaussian-mixture-improved"
    summary = "what cures document 000: learned scale, trained-out mixture decoder, mixture prior; also ring and grid"
    presets: ClassVar[dict] = {"paper": {}, "quick": OnMixture.quick}

    def fits(self) -> list[Fit]:
        truths = {"document": four_gaussians(), "ring": gaussian_ring(), "grid": gaussian_grid()}
        common = {"epochs": 2 * self.epochs, "batch_size": 2 * self.batch_size}  # as many steps as the document takes
        large = {"epochs": 4 * self.epochs, "batch_size": 8 * self.batch_size}  # half as many
        fits = []
        for seed in self.seeds():
            learned = {"epochs": self.epochs, "batch_size": self.batch_size}
            fits.append(Fit("document-learned-scale", seed, self._learned_scale, truths["document"], **learned))
            for name, truth in truths.items():
                num_components = {"document": 16, "ring": 32, "grid": 50}[name]
                fits.append(
                    Fit(
                        f"{name}-mixture-decoder",
                        seed,
                        lambda t=truth, k=num_components, s=seed: self._mixture_decoder(t, k, s, **common),
                        truth,
                        **common,
                    )
                )
                fits.append(
                    Fit(
                        f"{name}-mixture-prior",
                        seed,
                        lambda t=truth, k=2 * num_components, s=seed: self._mixture_prior(t, k, s, **large),
                        truth,
                        **large,
                    )
                )
        return fits

    def _learned_scale(self):
        return tfvae.make_mse_vae(2, width=2 * self.num_components, scale=layers.LearnedScale(floor=1e-3))

    def _mixture_decoder(self, truth, num_components, seed, epochs, batch_size):
        """The document's networks, components started on the data, a learning rate that falls to 0."""
        likelihood = layers.MixtureNormal(num_components, 2, "mean", epsilon=1e-3 * truth.sd)
        vae = tfvae.make_tanh_vae(2, likelihood, width=32, optimizer=self.cosine_adam(epochs, batch_size))
        tfvae.initialize_mixture_decoder(vae, truth.sample(20_000, seed=seed), seed)
        return vae

    def _mixture_prior(self, truth, num_components, seed, epochs, batch_size):
        """A Gaussian decoder with one learned scale, and a mixture prior: the modes live in the latent space.

        The scale starts at a third of the data's spread, below which collapse to the mean is no longer the best solution,
        and well above the modes' own width: while it shrinks, the components find the modes.
        """

        spread = float(truth.sample(20_000, seed=seed).std())
        return tfvae.make_tanh_vae(
            2,
            layers.IndependentNormal(2, "mean", scale=layers.LearnedScale(initial=0.35 * spread, floor=1e-3)),
            width=64,
            prior=priors.MixturePrior(
                2, num_components, initializer=priors.RandomComponents(3.0, 0.5), epsilon=1e-3, seed=seed
            ),
            optimizer=self.cosine_adam(epochs, batch_size, 1e-2),
        )
