"""A VAE of the haplotypes of one section."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfvae.layers.independent import IndependentBernoulli
from tfvae.models.factories import make_dense_vae
from tfvae.models.haplotype_recipes import HaplotypeRecipe
from tfvae.models.vae import VAE
from tfvae.objectives.elbo import ELBO
from tfvae.objectives.importance_weighted import IWAE
from tfvae.training.schedules import LinearWarmUp


def make_haplotype_vae(
    num_sites: Any,
    recipe: HaplotypeRecipe | None = None,
    *,
    make_prior: Callable | None = None,
    num_steps: int | None = None,
) -> VAE:
    """A compiled `VAE` of the haplotypes of one section: Bernoulli alleles from logits.

    Args:
        num_sites: int V, or a section's alleles `(n, V)`.
        recipe: `HaplotypeRecipe`; None for its defaults.
        make_prior: function from a latent size to a `Prior`; None for N(0, I) (a name in `recipe.prior` may need data:
            `tfvae.fit_haplotypes` makes it).
        num_steps: int, optimizer steps that the learning rate falls over and the warm-up is a share of; None for neither.
    """
    recipe = HaplotypeRecipe() if recipe is None else recipe
    num_sites = int(num_sites) if np.ndim(num_sites) == 0 else num_sites.shape[1]
    if recipe.num_draws > 1 and (recipe.kl_weight, recipe.temperature) != (1, 1):
        raise ValueError(
            "`kl_weight` and `temperature` are of the ELBO: leave them at 1 where num_draws is above 1 (IWAE)."
        )
    latent_dim, hidden = recipe.sizes(num_sites)
    rate = recipe.learning_rate
    if num_steps is not None and not recipe.constant_rate:
        rate = keras.optimizers.schedules.CosineDecay(rate, max(1, math.ceil(num_steps)))
    optimizer = keras.optimizers.Adam(rate)
    if recipe.weight_decay:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    warm_up = round(recipe.warm_up * (num_steps or 0))
    beta = LinearWarmUp(warm_up, recipe.kl_weight) if warm_up else recipe.kl_weight
    objective = ELBO(beta, temperature=recipe.temperature)
    return make_dense_vae(
        num_sites,
        latent_dim,
        hidden,
        prior=make_prior and make_prior(latent_dim),
        likelihood=IndependentBernoulli(num_sites, "mean", name="likelihood"),
        activations=recipe.activation,
        objective=IWAE(recipe.num_draws, beta=beta) if recipe.num_draws > 1 else objective,
        optimizer=optimizer,
        dropout=recipe.dropout,
        masked=recipe.masked,
    )
