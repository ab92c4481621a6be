"""The settings that the sections of a run share, and the recipes that a user chooses by name."""

import dataclasses
import math

from tfvae.host.arguments import as_count


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

    def epochs_and_steps(self, num_rows: int) -> tuple[int, int, int]:
        """(epochs, optimizer steps, patience in epochs) for `num_rows` training rows."""
        per_epoch = math.ceil(num_rows / self.batch_size)
        epochs = self.epochs or max(1, round(self.num_steps / per_epoch))
        return epochs, epochs * per_epoch, self.patience or max(3, epochs // 6)

    def sizes(self, num_sites: int) -> tuple[int, tuple[int, ...]]:
        """(latent size, hidden widths) for a section of `num_sites`."""
        latent_dim = self.latent_dim or max(2, num_sites // 100)
        hidden = self.hidden or tuple(max(2, int(num_sites / 10**power)) for power in (0.5, 1.0, 1.5))
        return latent_dim, tuple(hidden)


def mixture_prior(**changes):
    """Wide networks, 32 latents and a mixture prior, trained on mosaics of the haplotypes: the recommended recipe."""
    return HaplotypeRecipe(**changes)


def standard_prior(**changes):
    """Wide networks, 32 latents and N(0, I) as prior, without mosaics."""
    return HaplotypeRecipe(**{"prior": "standard", "mosaics": 0, **changes})


def incumbent(**changes):
    """What genotype autoencoders have used: three sigmoid layers from V to V / 100, dropout 0.4, N(0, I)."""
    settings = {
        "latent_dim": None, "hidden": None, "activation": "sigmoid", "dropout": (0.4, 0.4, 0.0), "prior": "standard",
        "mosaics": 0, "epochs": 1000, "patience": 30, "batch_size": 32, "learning_rate": 1e-3, "constant_rate": True,
        "warm_up": 0.0,
    }  # fmt: skip
    return HaplotypeRecipe(**{**settings, **changes})


RECIPES = {"mixture-prior": mixture_prior, "standard-prior": standard_prior, "incumbent": incumbent}
