"""What the experiments on digits share: data, networks, fits."""

import abc
import dataclasses
from typing import ClassVar

import tfvae
from tfvae import layers, priors
from tfvae.data.images import binarize, dynamically_binarized, load_images
from tfvae.experiments.mixture_prior.scoring import TEST_SEED
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


def both_priors(study, data, make):
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

    prior = num_components and narrow_mixture(latent_dim, num_components, seed)
    likelihood = layers.IndependentBernoulli(PIXELS, "mean", name="likelihood")
    return tfvae.make_dense_vae(PIXELS, latent_dim, (300, 300), prior=prior, likelihood=likelihood,
                                posterior=posterior, activations="elu", objective=objective)  # fmt: skip


def narrow_mixture(latent_dim, num_components, seed):
    """CS236's prior: equal weights, and components that start together, where the codes of any number of dimensions are."""

    return priors.MixturePrior(latent_dim, num_components, False, priors.NarrowComponents(), seed=seed)


def digits(study):
    """(training digits as probabilities, test digits binarized once, their labels)."""
    data = load_images("mnist").flat()
    test = binarize(data.x_test, TEST_SEED)[: study.num_test]
    return data.x_train[: study.num_train], test, data.y_test[: study.num_test]


def dynamic(train, batch_size, seed):
    """The training data of a fit, binarized anew in each epoch, as `fit_in_run` takes them."""
    return lambda epoch: dynamically_binarized(train, batch_size, seed, initial_epoch=epoch)
