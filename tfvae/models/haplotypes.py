"""Recipes for haplotypes, one function each: `tfvae fit FILE.vcf.gz --model NAME`."""

from tfvae.models.haplotype_vae import HaplotypeRecipe


def mixture_prior(**changes):
    """Wide networks, 32 latents and a mixture prior, trained on mosaics of the haplotypes: the recommended recipe."""
    return HaplotypeRecipe(**changes)


def standard_prior(**changes):
    """Wide networks, 32 latents and N(0, I) as prior, without mosaics."""
    return HaplotypeRecipe(**{"prior": "standard", "mosaics": 0, **changes})


def incumbent(**changes):
    """The recipe of document 003's family: three sigmoid layers from V to V / 100, dropout 0.4, N(0, I)."""
    settings = {
        "latent_dim": None, "hidden": None, "activation": "sigmoid", "dropout": (0.4, 0.4, 0.0), "prior": "standard",
        "mosaics": 0, "epochs": 1000, "patience": 30, "batch_size": 32, "learning_rate": 1e-3, "constant_rate": True,
        "warm_up": 0.0,
    }  # fmt: skip
    return HaplotypeRecipe(**{**settings, **changes})
