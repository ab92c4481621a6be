"""Variational autoencoders for data with many modes, on Keras 3 and TensorFlow Probability."""

import importlib
import sys
from pathlib import Path

from tfvae.requirements import check_host
from tfvae.version import __version__ as __version__

check_host()

_HOMES = {
    "tfvae.tensors": ("DistributionTensor",),
    "tfvae.objectives": ("ELBO", "NegativeLogProb"),
    "tfvae.training": ("FastFitModel", "KLWarmUp"),
    "tfvae.models": (
        "VAE",
        "HaplotypeRecipe",
        "Restarts",
        "initialize_mixture_decoder",
        "initialize_prior",
        "make_convolutional_vae",
        "make_dense_vae",
        "make_document_vae",
        "make_haplotype_vae",
        "make_manifold_vae",
        "make_mixture_decoder_vae",
        "make_mixture_prior_vae",
        "make_mse_vae",
        "make_vae",
    ),
    "tfvae.runs": ("load_run",),
}
_ROOMS = (
    "callbacks",
    "data",
    "distributions",
    "divergences",
    "errors",
    "evaluation",
    "experiments",
    "importance",
    "layers",
    "models",
    "networks",
    "objectives",
    "plots",
    "priors",
    "report",
    "runs",
    "saving",
    "tensorboard",
    "tensors",
    "training",
)
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(["__version__", *_HOME_OF, *_ROOMS])


def __getattr__(name):
    if name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"tfvae.{name}")
    else:
        raise AttributeError(f"module 'tfvae' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return [*globals(), *__all__]


# Importing the classes registers them with Keras, so that `keras.models.load_model` finds them. Only the command, which
# answers --help, list and mistakes at once, waits until it needs TensorFlow.
if Path(sys.argv[0]).stem != "tfvae" and sys.orig_argv[1:3] != ["-m", "tfvae"]:
    from tfvae import layers, models, objectives, priors, training  # noqa: F401
