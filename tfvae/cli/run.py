"""`tfvae list`, `run` and `report`."""

from pathlib import Path
from typing import Annotated

import typer

from tfvae.cli.app import Overwrite, Resume, RunPath, Seed, app
from tfvae.data.gaussian_mixture import four_gaussians, gaussian_grid, gaussian_ring, random_mixture
from tfvae.data.images import KNOWN
from tfvae.data.known_tables import KNOWN_TABLES
from tfvae.data.s_curve import SCurve
from tfvae.experiments.experiment import all_experiments, find_experiment
from tfvae.models.haplotype_recipes import RECIPES
from tfvae.models.image_models import MODELS as IMAGE_MODELS
from tfvae.models.table_models import MODELS as TABLE_MODELS
from tfvae.priors.by_name import PRIORS
from tfvae.runs.directory import RunDirectory
from tfvae.runs.report import write_report


@app.command("list")
def list_all():
    """Experiments, models and data sets, one line each."""
    priors = {p.name: p.summary + (f" NUMBER: {p.counts}, {p.default} by default." if p.counts else "") for p in PRIORS}
    synthetic = (four_gaussians, gaussian_grid, gaussian_ring, random_mixture, SCurve)
    known = {name: what for name, (_, what) in KNOWN.items()} | {name: t.about for name, t in KNOWN_TABLES.items()}
    datasets = {name: f"{what} (tfvae fit {name})." for name, what in known.items()}
    sections = {
        "Experiments (tfvae run NAME)": {name: cls.summary for name, cls in all_experiments().items()},
        "Models for tables (tfvae fit DATA --model NAME)": _lines(TABLE_MODELS),
        "Models for images (tfvae fit IMAGES --model NAME)": _lines(IMAGE_MODELS),
        "Models for haplotypes (tfvae fit FILE.vcf.gz --model NAME)": _lines(RECIPES),
        "Priors (tfvae fit … --prior NAME:NUMBER)": priors,
        "Data sets": datasets | {f"tfvae.data.{o.__name__}": _first_line(o) for o in synthetic},
    }
    for title, entries in sections.items():
        typer.echo(f"{title}:")
        width = max(map(len, entries))
        for name, line in entries.items():
            typer.echo(f"  {name:<{width}}  {line}")


def _lines(functions):
    return {name: _first_line(function) for name, function in functions.items()}


def _first_line(thing):
    return thing.__doc__.strip().splitlines()[0]


@app.command()
def run(
    experiment: Annotated[str, typer.Argument(help="its name: see `tfvae list`")],
    preset: Annotated[
        str, typer.Option(help="quick (shows that it runs), paper (the findings), or another of its own")
    ] = "paper",
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="run directory; runs/EXPERIMENT-PRESET-SEED by default")] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
):
    """Run an experiment into a run directory, with a report."""
    chosen = find_experiment(experiment).with_preset(preset, seed=seed)
    out = out or Path("runs") / f"{experiment}-{preset}-{seed}"
    directory = chosen.run(out, preset=preset, overwrite=overwrite, resume=resume)
    typer.echo(f"Report: {directory.path / 'report.html'}")


@app.command()
def report(run: RunPath):
    """Rebuild report.html of a run."""
    typer.echo(f"Report: {write_report(RunDirectory.open(run))}")
