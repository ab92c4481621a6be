"""Document 004: a mixture of Gaussians as prior, judged there by eye, and the questions that it leaves open."""

import abc
import dataclasses
from typing import ClassVar

from tfvae.data.images import load_images
from tfvae.experiments.study import Fit, Study

PIXELS = 784


@dataclasses.dataclass(frozen=True)
class OnDigits(Study, abc.ABC):
    """Abstract: a study of priors on digits of 0 and 1."""

    codec: ClassVar[dict] = {"images": {"shape": [28, 28], "binary": True}}
    images: ClassVar[str] = "mnist"

    num_train: int = 50_000
    num_test: int = 10_000
    batch_size: int = 100

    def check(self):
        load_images(self.images)

    def num_steps(self, epochs):
        return epochs * -(-self.num_train // self.batch_size)


@dataclasses.dataclass(frozen=True)
class MixturePriorMNIST(OnDigits):
    """The document's runs: 784-400-D ReLU, 1000 components, D_var, cross-entropy of grey pixels; and N(0, I) beside it.

    400 epochs of batch 200, Adam 1e-3 whose rate falls to a tenth every 100 epochs; ten latent dimensions, and two for the
    maps. Unlike the document's, the encoder's scales are softplus and not exp of half a log variance.
    """

    name: ClassVar[str] = "mixture-prior-mnist"
    summary: ClassVar[str] = "document 004: 1000 Gaussians as prior on MNIST, with the document's figures"
    codec: ClassVar[dict] = {"images": {"shape": [28, 28], "binary": False}}
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 1_000, "num_test": 200, "epochs": 4, "num_components": 50, "num_samples": 20,
                  "num_scored": 100},
    }  # fmt: skip

    num_seeds: int = 1
    latent_dims: tuple = (10, 2)
    num_components: int = 1000
    epochs: int = 400
    batch_size: int = 200
    num_scored: int = 2_000
    num_samples: int = 500

    def fits(self):
        return _both_priors(self, "mnist", self._make)

    def _make(self, dimension, components, seed):
        import keras

        import tfvae

        quarter = self.num_steps(self.epochs) // 4
        boundaries = [quarter, 2 * quarter, 3 * quarter]
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, [1e-3, 1e-4, 1e-5, 1e-6])
        optimizer = keras.optimizers.Adam(schedule)
        return tfvae.make_mixture_prior_vae(PIXELS, dimension, components, optimizer=optimizer, seed=seed)

    def execute(self, run):
        from tfvae.experiments.prior_studies import execute_mnist

        execute_mnist(self, run)


@dataclasses.dataclass(frozen=True)
class MixturePriorLikelihood(OnDigits):
    """Like for like: 784-300-300-10 ELU, N(0, I) against 500 components, dynamic binarization; and trained as IWAE.

    The network and budget of Stanford's CS236, homework 2, by the document's author, on the full test set.
    """

    name: ClassVar[str] = "mixture-prior-likelihood"
    summary: ClassVar[str] = "document 004's perplexity: both priors like for like, and with importance weighting"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 2_000, "num_test": 300, "epochs": 2, "num_seeds": 1, "num_scored": 100,
                  "num_samples": 20, "iwae_draws": 5, "num_components": 20},
    }  # fmt: skip

    num_seeds: int = 3
    latent_dim: int = 10
    num_components: int = 500
    epochs: int = 30
    num_scored: int = 2_000
    num_samples: int = 500
    iwae_draws: int = 50
    num_iwae_seeds: int = 1

    def fits(self):
        from tfvae.divergences import MonteCarloKL, VariationalKL
        from tfvae.objectives import ELBO, IWAE

        arms = {
            "standard": (None, ELBO, self.num_seeds),
            "mixture-monte-carlo": (self.num_components, lambda: ELBO(kl=MonteCarloKL()), self.num_seeds),
            "mixture-variational": (self.num_components, lambda: ELBO(kl=VariationalKL()), self.num_seeds),
            "standard-iwae": (None, lambda: IWAE(self.iwae_draws), self.num_iwae_seeds),
            "mixture-iwae": (self.num_components, lambda: IWAE(self.iwae_draws), self.num_iwae_seeds),
        }
        return [
            Fit(
                name,
                seed,
                lambda k=k, objective=objective, seed=seed: digits_vae(self.latent_dim, k, seed, objective()),
                "dynamic",
                self.epochs,
                self.batch_size,
            )
            for name, (k, objective, count) in arms.items()
            for seed in list(self.seeds())[:count]
        ]

    def execute(self, run):
        from tfvae.experiments.prior_studies import execute_likelihood

        execute_likelihood(self, run)


@dataclasses.dataclass(frozen=True)
class MixturePriorLatentSize(OnDigits):
    """The document's claim that the mixture matters more as the latent space grows: 784-300-300-D, both priors."""

    name: ClassVar[str] = "mixture-prior-latent-size"
    summary: ClassVar[str] = "document 004's claim: the mixture prior matters more as the latent space grows"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 1_000, "num_test": 300, "epochs": 1, "num_seeds": 1, "latent_dims": (2, 5),
                  "num_scored": 100, "num_samples": 20, "num_components": 20, "num_drawn": 200},
    }  # fmt: skip

    num_seeds: int = 3
    latent_dims: tuple = (2, 5, 10, 20, 40)
    num_components: int = 500
    epochs: int = 30
    num_scored: int = 2_000
    num_samples: int = 500
    num_drawn: int = 5_000

    def fits(self):
        return _both_priors(self, "dynamic", digits_vae)

    def execute(self, run):
        from tfvae.experiments.prior_studies import execute_latent_size

        execute_latent_size(self, run)


@dataclasses.dataclass(frozen=True)
class MixturePriorCIFAR10(Study):
    """What the document could not show: photographs. Convolutions, discretized logistic, N(0, I) against a mixture."""

    name: ClassVar[str] = "mixture-prior-cifar10"
    summary: ClassVar[str] = "document 004's open question: does the mixture prior help on CIFAR-10?"
    codec: ClassVar[dict] = {"images": {"shape": [32, 32, 3], "binary": False}}
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 512, "num_test": 64, "epochs": 1, "num_samples": 10, "num_scored": 32,
                  "num_components": 10, "latent_dim": 8},
    }  # fmt: skip

    num_seeds: int = 1
    num_train: int = 50_000
    num_test: int = 10_000
    latent_dim: int = 64
    num_components: int = 500
    epochs: int = 20
    batch_size: int = 128
    num_scored: int = 1_000
    num_samples: int = 500

    def check(self):
        load_images("cifar10")

    def fits(self):
        return [
            Fit(name, seed, lambda k=k, seed=seed: self._make(k, seed), "cifar10", self.epochs, self.batch_size)
            for name, k in (("standard", None), ("mixture", self.num_components))
            for seed in self.seeds()
        ]

    def _make(self, num_components, seed):
        import keras

        import tfvae

        prior = num_components and narrow_mixture(self.latent_dim, num_components, seed)
        steps = self.epochs * -(-self.num_train // self.batch_size)
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps))
        return tfvae.make_convolutional_vae((32, 32, 3), self.latent_dim, prior=prior, optimizer=optimizer)

    def execute(self, run):
        from tfvae.experiments.prior_studies import execute_cifar10

        execute_cifar10(self, run)


def _both_priors(study, data, make):
    """A fit of each prior at each latent size: `make(latent_dim, num_components, seed)`, None components for N(0, I)."""
    return [
        Fit(
            f"{prior}-{dimension}",
            seed,
            lambda d=dimension, k=components, seed=seed: make(d, k, seed),
            data,
            study.epochs,
            study.batch_size,
            {"prior": prior, "latent_dim": dimension},
        )
        for dimension in study.latent_dims
        for prior, components in (("standard", None), ("mixture", study.num_components))
        for seed in study.seeds()
    ]


def digits_vae(latent_dim, num_components, seed, objective=None, posterior=None):
    """784-300-300-D ELU with Bernoulli pixels: CS236's network and its mixture, whose KL is Monte Carlo."""
    import tfvae
    from tfvae.layers import IndependentBernoulli

    prior = num_components and narrow_mixture(latent_dim, num_components, seed)
    likelihood = IndependentBernoulli(PIXELS, "mean", name="likelihood")
    return tfvae.make_dense_vae(PIXELS, latent_dim, (300, 300), prior=prior, likelihood=likelihood,
                                posterior=posterior, activations="elu", objective=objective)  # fmt: skip


def narrow_mixture(latent_dim, num_components, seed):
    """CS236's prior: equal weights, and components that start together, where the codes of any number of dimensions are."""
    from tfvae.priors import MixturePrior, NarrowComponents

    return MixturePrior(latent_dim, num_components, False, NarrowComponents(), seed=seed)
