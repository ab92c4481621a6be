"""Document 003: VAEs on sections of phased haplotypes fall onto the densest modes, with a path between them."""

import dataclasses
import os
from pathlib import Path
from typing import ClassVar

from tfvae.errors import UserError
from tfvae.experiments.experiment import Experiment

_FILE = "haplotypes/1000g_chr1_sections_0-9.vcf.gz"


@dataclasses.dataclass(frozen=True)
class Haplotypes(Experiment):
    """The recipe of the document's family on ten sections of chromosome 1, then one change at a time.

    A fifth of the people is held out, a fifth of the others chooses: every arm but the last is trained on what remains, and
    stops by the validation people; the last has the settings chosen so and all training people. Sites are those whose minor
    allele has a frequency of 1 % among the training people. All arms are scored at T = 1 and β = 1.
    """

    name: ClassVar[str] = "haplotypes"
    summary: ClassVar[str] = "document 003: what cures the mode seeking of VAEs on sections of haplotypes"
    codec: ClassVar[dict] = {"haplotypes": {"irregular": "refuse"}}
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"simulated_people": 60, "num_steps": 40, "final_steps": 40, "num_samples": 20, "mosaics": 1,
                  "hidden": (32,), "num_components": 8, "incumbent_epochs": 2,
                  "arms": ("incumbent", "wide", "mixture", "final")},
    }  # fmt: skip

    simulated_people: int = 0
    arms: tuple = (
        "incumbent", "inert-dropout", "temperature", "wide", "warm-up", "iwae", "vamp", "exemplar", "mixture", "masked",
        "mosaics", "final",
    )  # fmt: skip
    num_steps: int = 6_000
    final_steps: int = 10_000
    num_samples: int = 1_000
    num_components: int = 500
    hidden: tuple = (256, 256)
    final_activation: str = "gelu"
    final_warm_up: float = 0.5
    mosaics: int = 19
    iwae_draws: int = 5
    incumbent_epochs: int = 1000
    min_maf: float = 0.01

    def check(self):
        if not self.simulated_people:
            self.file()

    @staticmethod
    def file():
        """The data: chromosome 1 of the 1000 Genomes Project, ten sections by INFO/SEC."""
        path = Path(os.environ.get("TFVAE_DATA") or "no folder") / _FILE
        if not path.is_file():
            raise UserError(
                f"The experiment haplotypes needs {_FILE} in the folder that TFVAE_DATA names; --preset quick simulates "
                "its data, and `tfvae fit FILE.vcf.gz` takes your own."
            )
        return path

    def recipes(self):
        """Arm -> its `HaplotypeRecipe`, in order: each but the first says what it changes, and in which earlier arm."""
        from tfvae.models import haplotypes

        incumbent = haplotypes.incumbent(epochs=self.incumbent_epochs)
        wide = haplotypes.standard_prior(hidden=self.hidden, activation="relu", num_steps=self.num_steps, warm_up=0.0)
        change = dataclasses.replace
        warm = change(wide, warm_up=0.3)
        mixture = change(warm, prior=f"mixture:{self.num_components}")
        mosaics = change(mixture, mosaics=self.mosaics)
        found = {
            "incumbent": incumbent,
            "inert-dropout": change(incumbent, dropout=0.0),
            "temperature": change(incumbent, temperature=0.1),
            "wide": wide,
            "warm-up": warm,
            "vamp": change(warm, prior=f"vamp:{min(self.num_components, 200)}"),
            "exemplar": change(warm, prior="exemplar"),
            "iwae": change(warm, num_draws=self.iwae_draws),
            "mixture": mixture,
            "masked": change(mixture, masked=0.1),
            "mosaics": mosaics,
            "final": change(
                mosaics,
                activation=self.final_activation,
                warm_up=self.final_warm_up,
                num_steps=self.final_steps,
                all_people=True,
            ),
        }
        return {name: found[name] for name in self.arms}

    def execute(self, run):
        from tfvae.experiments.haplotype_study import execute_haplotypes

        execute_haplotypes(self, run)


CHANGES = {
    "incumbent": "three sigmoid layers to V/100 latents, dropout 0.4, N(0, I), batch 32",
    "inert-dropout": "the same without dropout, as the published code runs: its dropout never acts",
    "temperature": "incumbent, log p(x|z) divided by T = 0.1 in training, which is β = 0.1 at a larger rate",
    "wide": "two ReLU layers of 256, 32 latents, no dropout, Adam 3e-3 falling to 0, batch 128, N(0, I)",
    "warm-up": "wide, the KL's weight rises over the first three tenths of the training",
    "iwae": "warm-up, trained as IWAE with five draws",
    "vamp": "warm-up, VampPrior of 200 pseudo-inputs",
    "exemplar": "warm-up, every training haplotype a component of the prior",
    "mixture": "warm-up, a mixture of 500 Gaussians that starts at the encodings",
    "masked": "mixture, a tenth of the sites hidden from the encoder in training",
    "mosaics": "mixture, trained on 19 mosaics for each training haplotype in their place",
    "final": "mosaics, GELU, 10,000 steps with a warm-up over half of them, trained on the validation people too",
}
