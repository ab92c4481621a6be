"""How time and memory of a section's fit grow with people and sites, on simulated data."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.experiment import Experiment


@dataclasses.dataclass(frozen=True)
class HaplotypesScale(Experiment):
    """One section of simulated haplotypes, more and more people and then sites; each measured in a process of its own."""

    name: ClassVar[str] = "haplotypes-scale"
    summary: ClassVar[str] = "document 003 at scale: time and memory with people, to 100,000 haplotypes, and sites"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"people": (30, 60), "sites": (50,), "num_steps": 10, "length": 40_000},
    }

    people: tuple = (500, 5_000, 50_000)
    sites: tuple = (250, 500, 1_000)
    num_steps: int = 300
    length: int = 400_000

    def execute(self, run):
        from tfvae.experiments.haplotype_scale_study import execute_scale

        execute_scale(self, run)
