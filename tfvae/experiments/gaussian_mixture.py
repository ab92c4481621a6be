"""Document 000: a VAE on a two-dimensional Gaussian mixture draws only centroids and the edges between them."""

import abc
import dataclasses
from typing import ClassVar

from tfvae.data.gaussian_mixture import document_mixture, gaussian_grid, gaussian_ring
from tfvae.experiments.study import Fit, Study


@dataclasses.dataclass(frozen=True)
class GaussianMixtureStudy(Study, abc.ABC):
    """Abstract: variants trained on a known mixture over several seeds, each measured in the same way."""

    num_points: int = 100_000
    epochs: int = 10
    batch_size: int = 32
    num_components: int = 16
    num_test: int = 20_000
    num_samples: int = 200

    quick: ClassVar[dict] = {"num_points": 4_000, "epochs": 2, "num_seeds": 1, "num_test": 1_000, "num_samples": 20}

    def execute(self, run):
        from tfvae.experiments.mixture_study import execute_study

        execute_study(self, run)

    def cosine_adam(self, epochs, batch_size, learning_rate=1e-3):
        """Adam whose learning rate falls to 0 along a cosine over the whole fit."""
        import keras

        steps = epochs * -(-self.num_points // batch_size)
        return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))


class GaussianMixtureExperiment(GaussianMixtureStudy):
    """The document: MSE and mixture decoders, shallow and deep, with the KL once and, as on tf_keras, twice."""

    name = "gaussian-mixture"
    summary = "document 000: MSE and MixtureNormal decoders, shallow and deep, the KL counted once and twice"
    presets: ClassVar[dict] = {"paper": {}, "quick": GaussianMixtureStudy.quick}

    def fits(self):
        import tfvae

        truth = document_mixture()
        factories = {"mse": tfvae.make_mse_vae, "mixture": tfvae.make_mixture_decoder_vae}
        return [
            Fit(
                f"{decoder}-{'deep' if deep else 'shallow'}-kl{weight}",
                seed,
                lambda factory=factory, deep=deep, weight=weight: factory(
                    2, self.num_components, deep=deep, kl_weight=float(weight)
                ),
                truth,
                self.epochs,
                self.batch_size,
                {"decoder": decoder, "deep": deep, "kl_weight": weight},
            )
            for decoder, factory in factories.items()
            for deep in (False, True)
            for weight in (2, 1)
            for seed in self.seeds()
        ]


class GaussianMixtureSweep(GaussianMixtureStudy):
    """The document's other questions: how many components, which width, which KL weight."""

    name = "gaussian-mixture-sweep"
    summary = "document 000's other questions: number of components, width, KL weight, random reconstructions"
    presets: ClassVar[dict] = {"paper": {}, "quick": GaussianMixtureStudy.quick}

    def fits(self):
        import tfvae
        from tfvae.layers import IndependentNormal, MixtureNormal

        def mixture(num_components=self.num_components, width=32, kl_weight=1.0):
            likelihood = MixtureNormal(num_components, 2, "mean")
            return tfvae.make_document_vae(2, likelihood, width=width, kl_weight=kl_weight)

        def mse(kl_weight):
            return tfvae.make_document_vae(2, IndependentNormal(2, "mean", scale=1.0), width=32, kl_weight=kl_weight)

        truth = document_mixture()
        sweeps = [
            *(("components", k, lambda k=k: mixture(num_components=k)) for k in (4, 8, 16, 32)),
            *(("width", w, lambda w=w: mixture(width=w)) for w in (8, 32, 128)),
            *(("kl_weight_mixture", b, lambda b=b: mixture(kl_weight=b)) for b in (0.01, 0.1, 0.5, 1.0, 2.0)),
            *(("kl_weight_mse", b, lambda b=b: mse(b)) for b in (0.01, 0.1, 0.5, 1.0, 2.0)),
        ]
        return [
            Fit(f"{what}-{value}", seed, make, truth, self.epochs, self.batch_size, {what: value})
            for what, value, make in sweeps
            for seed in self.seeds()
        ]


class GaussianMixtureImproved(GaussianMixtureStudy):
    """What mends it: a learned observation scale, the library's recipe for a mixture decoder, a mixture prior."""

    name = "gaussian-mixture-improved"
    summary = "what mends document 000: learned scale, trained-out mixture decoder, mixture prior; also ring and grid"
    presets: ClassVar[dict] = {"paper": {}, "quick": GaussianMixtureStudy.quick}

    def fits(self):
        truths = {"document": document_mixture(), "ring": gaussian_ring(), "grid": gaussian_grid()}
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
        import tfvae
        from tfvae.layers import LearnedScale

        return tfvae.make_mse_vae(2, self.num_components, scale=LearnedScale(floor=1e-3))

    def _mixture_decoder(self, truth, num_components, seed, epochs, batch_size):
        """The document's networks, components started on the data, a learning rate that falls to 0."""
        import tfvae
        from tfvae.layers import MixtureNormal

        likelihood = MixtureNormal(num_components, 2, "mean", epsilon=1e-3 * truth.sd)
        vae = tfvae.make_document_vae(2, likelihood, width=32, optimizer=self.cosine_adam(epochs, batch_size))
        tfvae.initialize_mixture_decoder(vae, truth.sample(20_000, seed=seed), seed)
        return vae

    def _mixture_prior(self, truth, num_components, seed, epochs, batch_size):
        """A Gaussian decoder with one learned scale, and a mixture prior: the modes live in the latent space.

        The scale starts at a third of the data's spread, below which collapse to the mean is no longer the best solution,
        and well above the modes' own width: while it shrinks, the components find the modes.
        """
        import tfvae
        from tfvae.layers import IndependentNormal, LearnedScale
        from tfvae.priors import MixturePrior, RandomComponents

        spread = float(truth.sample(20_000, seed=seed).std())
        return tfvae.make_document_vae(
            2,
            IndependentNormal(2, "mean", scale=LearnedScale(initial=0.35 * spread, floor=1e-3)),
            width=64,
            prior=MixturePrior(2, num_components, initializer=RandomComponents(3.0, 0.5), epsilon=1e-3, seed=seed),
            optimizer=self.cosine_adam(epochs, batch_size, 1e-2),
        )
