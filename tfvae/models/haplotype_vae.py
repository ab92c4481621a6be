"""A VAE of the haplotypes of one section, and what the sections of a run share."""

import dataclasses
import math

import keras
import numpy as np

from tfvae.layers import IndependentBernoulli
from tfvae.layers.distribution_layer import as_count
from tfvae.models.factories import make_dense_vae
from tfvae.objectives import ELBO, IWAE


@dataclasses.dataclass(frozen=True)
class HaplotypeRecipe:
    """The settings that all sections of a run share; sizes that are None follow from a section's number of sites V.

    Attributes:
        latent_dim: int D; None for V / 100 (at least 2).
        hidden: widths of the encoder's hidden layers; None for V / 3.2, V / 10, V / 32, the geometric series to V / 100.
        activation: of the hidden layers.
        dropout: share of the hidden units that a training step leaves out; one for all or one each.
        masked: share of the sites that a training step hides from the encoder.
        prior: "standard", "mixture:K", "vamp:K", "exemplar" or "flow", as the command takes it; K is at most a quarter of
            the number of training haplotypes.
        kl_weight: float β, the KL's weight in training.
        temperature: float T, divides log p(x|z) in training.
        num_draws: int S; above 1 the objective is IWAE(S).
        warm_up: share of the training in which the KL's weight rises to β: without it many latents collapse at the start.
        mosaics: int, how many mosaics are drawn for each training haplotype, to train on in their place: draws of the
            copying model of Li and Stephens, fitted to the training haplotypes. 0 trains on the haplotypes themselves.
        num_steps: int, optimizer steps at most.
        epochs: int or None; where given, epochs at most, instead of `num_steps`.
        patience: int or None, epochs without a better validation loss before the training stops; None for a sixth of all.
        batch_size: int.
        learning_rate: float, Adam's at the start; it falls along a cosine to 0 unless `constant_rate`.
        constant_rate: bool.
        weight_decay: float, AdamW's.
        all_people: bool, train on the validation people too, to the last step: for settings that are chosen already.
    """

    latent_dim: int | None = 32
    hidden: tuple | None = (256, 256)
    activation: str = "gelu"
    dropout: float | tuple = 0.0
    masked: float = 0.0
    prior: str = "mixture:500"
    kl_weight: float = 1.0
    temperature: float = 1.0
    num_draws: int = 1
    warm_up: float = 0.5
    mosaics: int = 19
    num_steps: int = 15_000
    epochs: int | None = None
    patience: int | None = None
    batch_size: int = 128
    learning_rate: float = 3e-3
    constant_rate: bool = False
    weight_decay: float = 0.0
    all_people: bool = False

    def __post_init__(self):
        for name in ("num_draws", "num_steps", "batch_size", "latent_dim", "epochs", "patience"):
            if getattr(self, name) is not None:
                as_count(getattr(self, name), name)
        as_count(self.mosaics, "mosaics", least=0)
        if not self.learning_rate > 0 or not 0 <= self.warm_up <= 1:
            raise ValueError(
                "`learning_rate` must be above 0 and `warm_up` from 0 to 1, but they are "
                f"{self.learning_rate!r} and {self.warm_up!r}."
            )

    def epochs_and_steps(self, num_rows):
        """(epochs, optimizer steps, patience in epochs) for `num_rows` training rows."""
        per_epoch = math.ceil(num_rows / self.batch_size)
        epochs = self.epochs or max(1, round(self.num_steps / per_epoch))
        return epochs, epochs * per_epoch, self.patience or max(3, epochs // 6)

    def sizes(self, num_sites):
        """(latent size, hidden widths) for a section of `num_sites`."""
        latent_dim = self.latent_dim or max(2, num_sites // 100)
        hidden = self.hidden or tuple(max(2, int(num_sites / 10**power)) for power in (0.5, 1.0, 1.5))
        return latent_dim, tuple(hidden)


def make_haplotype_vae(num_sites, recipe=None, *, make_prior=None, num_steps=None):
    """A compiled `VAE` of the haplotypes of one section: Bernoulli alleles from logits.

    Args:
        num_sites: int V, or a section's alleles `(n, V)`.
        recipe: `HaplotypeRecipe`; None for its defaults.
        make_prior: function from a latent size to a `Prior`; None for N(0, I) (a name in `recipe.prior` may need data:
            `tfvae.fitting` makes it).
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
    objective = ELBO(recipe.kl_weight, temperature=recipe.temperature, warm_up_steps=warm_up)
    return make_dense_vae(
        num_sites,
        latent_dim,
        hidden,
        prior=make_prior and make_prior(latent_dim),
        likelihood=IndependentBernoulli(num_sites, "mean", name="likelihood"),
        activations=recipe.activation,
        objective=IWAE(recipe.num_draws, warm_up) if recipe.num_draws > 1 else objective,
        optimizer=optimizer,
        dropout=recipe.dropout,
        masked=recipe.masked,
    )
