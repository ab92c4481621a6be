"""How time and memory of a section's fit grow with people and sites, on simulated data."""

import dataclasses
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tfvae import plots
from tfvae.data.haplotypes import HaplotypeStore
from tfvae.data.simulation import simulate_haplotypes
from tfvae.data.vcf_writer import write_vcf
from tfvae.experiments.experiment import Experiment
from tfvae.host.lazy import Later
from tfvae.models.haplotype_recipes import HaplotypeRecipe, mixture_prior
from tfvae.runs.directory import METRICS, RunDirectory

keras, pd = Later("keras"), Later("pandas")
_STEPS = 100  # that a step is timed over
_CODE = "from tfvae.experiments.haplotypes.scale import measure; import sys; measure(*sys.argv[1:])"


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

    def execute(self, run: Any) -> None:
        """A row for each size: people grow at the middle number of sites, sites at the middle number of people."""
        people, sites = sorted(self.people), sorted(self.sites)
        middle = people[len(people) // 2], sites[len(sites) // 2]
        sizes = sorted({*((n, middle[1]) for n in people), *((middle[0], v) for v in sites)})
        rows = run.read_json(METRICS, default={"sizes": []})["sizes"]
        done = {(row["people"], row["sites_asked"]) for row in rows}
        progress = keras.utils.Progbar(len(sizes), unit_name="size")
        for n, v in sizes:
            if (n, v) not in done:
                arguments = [str(run.path / f"scratch-{n}-{v}"), n, v, self.num_steps, self.length, self.seed]
                output = subprocess.run(
                    [sys.executable, "-c", _CODE, *map(str, arguments)], capture_output=True, text=True, check=True
                ).stdout
                rows.append(json.loads(output.strip().splitlines()[-1]))
                run.write_json(METRICS, {"sizes": rows})
            progress.add(1)
        run.write_json(METRICS, {"claims": [_chromosome(rows)], "sizes": rows})
        frame = pd.DataFrame(rows)
        by_people = frame[frame["sites_asked"] == middle[1]].set_index("people")[
            ["reading_seconds", "step_milliseconds"]
        ]
        run.save_figure(
            "1-people",
            plots.grouped_bars(by_people, "One section", "seconds of reading, milliseconds a step"),
            "Seconds of reading and milliseconds of a training step, by the number of people.",
        )


def measure(folder, people, sites, num_steps, length, seed):
    """Simulates, writes, reads, trains and scores one section; writes its row as JSON to standard output."""
    from tfvae.workflows.haplotype_sections import SectionData, train_section  # which stand on TensorFlow

    people, sites, num_steps, length, seed = map(int, (people, sites, num_steps, length, seed))
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found, _ = simulate_haplotypes(people, length, seed + 1, min_count=max(3, round(0.01 * 2 * people)))
    kept = np.arange(min(sites, len(found.sites)))
    write_vcf(folder / "x.vcf.gz", found.alleles[:, kept], found.sites.iloc[kept], found.samples)
    start = time.perf_counter()
    store = HaplotypeStore.create(folder / "store", [folder / "x.vcf.gz"])
    reading = time.perf_counter() - start
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    order = np.random.default_rng(seed).permutation(people)
    parts = [np.sort(p) for p in np.split(order, [round(0.64 * people), round(0.8 * people)])]
    start = time.perf_counter()
    data = SectionData(store.read(), 0, parts, 0.01, seed, {"section": "0"})
    recipe = mixture_prior(num_steps=num_steps, prior=f"mixture:{min(500, people // 4)}")
    vae, history = train_section(RunDirectory(folder), data, recipe)
    training = time.perf_counter() - start
    rows = np.resize(data.train, (_STEPS * recipe.batch_size, data.train.shape[1]))
    for _ in range(2):  # the second time, all is compiled
        start = time.perf_counter()
        vae.fit(rows, epochs=1, batch_size=recipe.batch_size, verbose=0)
    per_step = (time.perf_counter() - start) / _STEPS
    row = {
        "people": people,
        "sites_asked": sites,
        "sites": len(kept),
        "file_megabytes": (folder / "x.vcf.gz").stat().st_size / 1e6,
        "store_megabytes": (folder / "store" / "bits.u8").stat().st_size / 1e6,
        "reading_seconds": reading,
        "million_genotypes_a_second": len(kept) * people / reading / 1e6,
        "fit_seconds": training,
        "epochs": len(history),
        "step_milliseconds": 1e3 * per_step,
        "memory_gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "memory_before_training_gigabytes": before / 1e6,
    }
    shutil.rmtree(folder)
    sys.stdout.write(json.dumps(row) + "\n")


def _chromosome(rows):
    """What 200,000 haplotypes of a chromosome would take, from the largest size measured."""
    largest = max(rows, key=lambda r: (r["people"], r["sites"]))
    variants, people, a_section = 1_000_000, 100_000, 1_000
    sections = variants // a_section
    reading = variants * people / (largest["million_genotypes_a_second"] * 1e6) / 3600
    steps = HaplotypeRecipe().num_steps
    training = steps * largest["step_milliseconds"] / 1e3 * (a_section / largest["sites"])
    return {
        "document": "(Scale is not discussed; its sections are trained one by one.)",
        "measured": f"From {2 * largest['people']:,} haplotypes at {largest['sites']} sites on {os.cpu_count()} cores: "
        f"{variants:,} variants of {2 * people:,} haplotypes are {variants * 2 * people / 8 / 1e9:.0f} GB as a store and "
        f"{reading:.1f} hours of reading by one core; {sections:,} sections of {a_section} sites take "
        f"{training / 60:.0f} minutes each at {steps:,} steps, {sections * training / 3600:.0f} hours of such a machine, or "
        f"{sections * training / 3600 / 100:.1f} hours of a hundred; a worker holds one section.",
    }
