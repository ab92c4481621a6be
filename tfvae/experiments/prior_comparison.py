"""Beyond document 004: other priors on the published benchmark, and mixtures as posteriors."""

import dataclasses
from typing import ClassVar

from tfvae.data.gaussian_mixture import document_mixture, gaussian_grid
from tfvae.data.images import load_images
from tfvae.experiments.mixture_prior import PIXELS, OnDigits, digits_vae, narrow_mixture
from tfvae.experiments.study import Fit


@dataclasses.dataclass(frozen=True)
class MixturePriorStatic(OnDigits):
    """The published benchmark: 784-300-300-40 gated, static binarization, 5000 importance samples, five priors.

    The VampPrior's network and data. Shorter than its 2000 epochs: Adam whose rate falls to 0 along a cosine, a KL warm-up,
    the weights of the best validation loss.
    """

    name: ClassVar[str] = "mixture-prior-static"
    summary: ClassVar[str] = "static MNIST with 5000 importance samples: standard, mixture, VampPrior, exemplar, flow"
    images: ClassVar[str] = "binarized-mnist"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 1_000, "num_valid": 200, "num_test": 100, "epochs": 2, "warm_up_epochs": 1,
                  "priors": ("standard", "vamp"), "num_components": 20, "num_samples": 20},
    }  # fmt: skip

    num_seeds: int = 1
    num_valid: int = 10_000
    priors: tuple = ("standard", "mixture", "vamp", "flow", "exemplar")
    latent_dim: int = 40
    num_components: int = 500
    epochs: int = 120
    warm_up_epochs: int = 20
    patience: int = 50
    learning_rate: float = 1e-3
    batch_size: int = 200
    num_samples: int = 5_000
    scored_neighbors: int = 1_000

    def fits(self):
        return [
            Fit(
                prior,
                seed,
                lambda prior=prior, seed=seed: self._make(prior, seed),
                "static",
                self.epochs,
                self.batch_size,
            )
            for prior in self.priors
            for seed in self.seeds()
        ]

    def _make(self, name, seed):
        import keras

        import tfvae
        from tfvae import priors
        from tfvae.layers import IndependentBernoulli
        from tfvae.objectives import ELBO

        size = self.latent_dim
        prior = {
            "standard": lambda: None,
            "mixture": lambda: narrow_mixture(size, self.num_components, seed),
            "flow": lambda: priors.FlowPrior(size, seed=seed),
            "vamp": lambda: priors.VampPrior(size, self.num_components, PIXELS, seed=seed),
            "exemplar": lambda: priors.ExemplarPrior(
                size, self.num_train, PIXELS, scored_neighbors=self.scored_neighbors, binary=True
            ),
        }[name]()
        if name == "exemplar":
            prior.start_at(load_images(self.images).flat().x_train[: self.num_train])
        schedule = keras.optimizers.schedules.CosineDecay(self.learning_rate, self.num_steps(self.epochs))
        return tfvae.make_dense_vae(
            PIXELS,
            size,
            (300, 300),
            prior=prior,
            likelihood=IndependentBernoulli(PIXELS, "mean", name="likelihood"),
            activations="gated",
            objective=ELBO(warm_up_steps=self.num_steps(self.warm_up_epochs)),
            optimizer=keras.optimizers.Adam(schedule),
        )

    def execute(self, run):
        from tfvae.experiments.prior_comparison_studies import execute_static

        execute_static(self, run)


@dataclasses.dataclass(frozen=True)
class MixturePosterior(OnDigits):
    """The document's other choice: mixtures as prior only, as posterior only, as both; in the plane and on digits.

    The posterior's gradient is stratified on all data, and in the plane also by implicit reparameterization.
    """

    name: ClassVar[str] = "mixture-posterior"
    summary: ClassVar[str] = "document 004's question: a mixture as prior, as posterior, or as both"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_seeds": 1, "num_train": 500, "num_test": 200, "planes": ("four",), "num_points": 2_000,
                  "plane_epochs": 1, "epochs": 1, "num_scored": 100, "num_samples": 20, "num_pairs": 20},
    }  # fmt: skip

    num_seeds: int = 3
    num_components: int = 500
    posterior_components: int = 5
    planes: tuple = ("four", "grid")
    epochs: int = 20
    num_points: int = 100_000
    plane_epochs: int = 10
    plane_components: int = 16
    num_scored: int = 2_000
    num_samples: int = 500
    num_pairs: int = 500

    def fits(self):
        known = {"four": document_mixture, "grid": gaussian_grid}
        arms = {"standard": (False, None), "prior": (True, None), "posterior": (False, "stratified"),
                "both": (True, "stratified"), "posterior-implicit": (False, "implicit")}  # fmt: skip
        in_plane = [
            Fit(
                f"{data}-{arm}",
                seed,
                lambda truth=truth, prior=prior, how=how, seed=seed: self._in_plane(truth, prior, how, seed),
                truth,
                self.plane_epochs,
                100,
                {"data": data, "arm": arm},
            )
            for data, truth in ((name, known[name]()) for name in self.planes)
            for arm, (prior, how) in arms.items()
            for seed in self.seeds()
        ]
        on_digits = [
            Fit(
                f"mnist-{arm}",
                seed,
                lambda prior=prior, how=how, seed=seed: digits_vae(
                    10, self.num_components if prior else None, seed, posterior=self._posterior(10, how)
                ),
                "dynamic",
                self.epochs,
                self.batch_size,
                {"data": "mnist", "arm": arm},
            )
            for arm, (prior, how) in arms.items()
            if how != "implicit"
            for seed in self.seeds()
        ]
        return in_plane + on_digits

    def _posterior(self, dimension, how):
        from tfvae.layers import MixtureNormal

        if how is None:
            return None
        stratified = how == "stratified"
        return MixtureNormal(
            self.posterior_components, dimension, epsilon=1e-3, stratified=stratified, name="posterior"
        )

    def _in_plane(self, truth, mixture_prior, how, seed):
        """Two latent dimensions for data in the plane, and a learned scale, as in what mends document 000."""
        import tfvae
        from tfvae.layers import IndependentNormal, LearnedScale
        from tfvae.priors import MixturePrior, RandomComponents

        spread = float(truth.sample(20_000, seed=seed).std())
        prior = None
        if mixture_prior:
            k = max(self.plane_components, 2 * truth.num_modes)
            prior = MixturePrior(2, k, initializer=RandomComponents(3.0, 0.5), epsilon=1e-3, seed=seed)
        likelihood = IndependentNormal(
            2, "mean", scale=LearnedScale(initial=0.35 * spread, floor=1e-3), name="likelihood"
        )
        return tfvae.make_dense_vae(2, 2, (64, 64), prior=prior, likelihood=likelihood,
                                    posterior=self._posterior(2, how), activations="tanh")  # fmt: skip

    def execute(self, run):
        from tfvae.experiments.prior_comparison_studies import execute_posterior

        execute_posterior(self, run)
