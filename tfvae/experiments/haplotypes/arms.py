"""One change at a time on ten sections of chromosome 1."""

import dataclasses
import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tfvae.codecs.haplotype_codec import SECTIONS, STORE
from tfvae.data.haplotypes import HaplotypeStore
from tfvae.data.sections import ByCount, ByField, make_sections, section_table
from tfvae.data.simulation import simulate_haplotypes
from tfvae.data.vcf_writer import write_vcf
from tfvae.experiments.experiment import Experiment
from tfvae.experiments.haplotypes import findings
from tfvae.host.errors import UserError
from tfvae.host.lazy import Later
from tfvae.models import haplotype_recipes
from tfvae.runs.directory import RunDirectory
from tfvae.workflows.section_jobs import run_sections

keras = Later("keras")
_FILE = "haplotypes/1000g_chr1_sections_0-9.vcf.gz"
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

    def check(self) -> None:
        if not self.simulated_people:
            self.file()

    @staticmethod
    def file() -> Path:
        """The data: chromosome 1 of the 1000 Genomes Project, ten sections by INFO/SEC."""
        path = Path(os.environ.get("TFVAE_DATA") or "no folder") / _FILE
        if not path.is_file():
            raise UserError(
                f"The experiment haplotypes needs {_FILE} in the folder that TFVAE_DATA names; --preset quick simulates "
                "its data, and `tfvae fit FILE.vcf.gz` takes your own."
            )
        return path

    def recipes(self) -> dict:
        """Arm -> its `HaplotypeRecipe`, in order: each but the first says what it changes, and in which earlier arm."""
        incumbent = haplotype_recipes.incumbent(epochs=self.incumbent_epochs)
        wide = haplotype_recipes.standard_prior(
            hidden=self.hidden, activation="relu", num_steps=self.num_steps, warm_up=0.0
        )
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

    def execute(self, run: Any) -> None:
        """Every arm on every section; a section that is finished is not trained again."""
        store, sections = _data(self, run)
        people = _people(len(store.samples), self.seed)
        table = section_table(store.sites, sections)
        plan = {
            "seed": self.seed, "min_maf": self.min_maf, "num_samples": self.num_samples, "checkpoint_seconds": 60.0,
            "people": [p.tolist() for p in people], "labels": None, "store": f"../../{STORE}",
            "sections": [{**row, "start": s.start, "stop": s.stop} for row, s in zip(table, sections, strict=True)],
        }  # fmt: skip
        names, recipes = [s.name for s in sections], self.recipes()
        progress = keras.utils.Progbar(len(names) * len(recipes), unit_name="section")
        rows = []
        for arm, recipe in recipes.items():
            part = RunDirectory(run.path / "arms" / arm)
            compare = arm == list(recipes)[-1]
            part.write_json("plan.json", {**plan, "recipe": dataclasses.asdict(recipe), "compare": compare})
            found, failed = run_sections(part, names, report=lambda row: progress.add(1))
            if failed:
                raise RuntimeError(f"{arm}: {failed}")
            rows += [{"arm": arm, **row} for row in found]
            findings.write(run, rows, names, CHANGES)
        _link_last(run, part)
        findings.draw(run, rows, list(recipes), names)


def _data(study, run):
    """(`HaplotypeStore`, sections) of the run: read once."""
    folder = run.path / STORE
    cutter = ByCount(120) if study.simulated_people else ByField("SEC")
    if not folder.exists():
        if study.simulated_people:
            found, _ = simulate_haplotypes(study.simulated_people, 60_000, seed=study.seed + 1)
            path = run.path / "simulated.vcf"
            write_vcf(path, found.alleles, found.sites, found.samples)
            HaplotypeStore.create(folder, [path])
        else:
            HaplotypeStore.create(folder, [study.file()], info="SEC")
    store = HaplotypeStore(folder)
    return store, make_sections(store.sites, cutter, 20 if study.simulated_people else 2)


def _people(n, seed):
    """(training, validation, held-out) people: a fifth held out, a fifth of the others for validation."""
    order = np.random.default_rng(seed).permutation(n)
    held_out, rest = np.split(order, [n // 5])
    validation, train = np.split(rest, [round(len(rest) / 5)])
    return np.sort(train), np.sort(validation), np.sort(held_out)


def _link_last(run, part):
    """The last arm's sections as the run's own, for `tfvae sample` and the other commands."""
    target = run.path / SECTIONS
    if not target.exists():
        target.symlink_to((part.path / SECTIONS).relative_to(run.path), target_is_directory=True)
