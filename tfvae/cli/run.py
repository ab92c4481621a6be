"""`tfvae list`, `run` and `report`."""

from pathlib import Path
from typing import Annotated

import typer

from tfvae.cli.app import Overwrite, Resume, RunPath, Seed, app
from tfvae.cli.console import import_tensorflow


@app.command("list")
def list_all():
    """Experiments, models and data sets, one line each."""
    from tfvae import catalogue
    from tfvae.experiments import all_experiments

    sections = {
        "Experiments (tfvae run NAME)": {name: cls.summary for name, cls in all_experiments().items()},
        "Models for tables (tfvae fit DATA --model NAME)": catalogue.models("tables"),
        "Models for images (tfvae fit IMAGES --model NAME)": catalogue.models("images"),
        "Models for haplotypes (tfvae fit FILE.vcf.gz --model NAME)": catalogue.models("haplotypes"),
        "Priors (tfvae fit … --prior NAME:NUMBER)": {
            name: what + (f" NUMBER: {of}, {n} by default." if of else "")
            for name, (of, _, n, what) in catalogue.PRIORS.items()
        },
        "Data sets": catalogue.datasets(),
    }
    for title, entries in sections.items():
        typer.echo(f"{title}:")
        width = max(map(len, entries))
        for name, line in entries.items():
            typer.echo(f"  {name:<{width}}  {line}")


@app.command()
def run(
    experiment: Annotated[str, typer.Argument(help="its name: see `tfvae list`")],
    preset: Annotated[str, typer.Option(help="quick (shows that it runs) or paper (the findings)")] = "paper",
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="run directory; runs/EXPERIMENT-PRESET-SEED by default")] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
):
    """Run an experiment into a run directory, with a report."""
    from tfvae.experiments import find_experiment

    chosen = find_experiment(experiment).with_preset(preset, seed=seed)
    out = out or Path("runs") / f"{experiment}-{preset}-{seed}"
    directory = chosen.create_run(out, preset=preset, overwrite=overwrite, resume=resume)
    import_tensorflow()
    chosen.fill(directory)
    typer.echo(f"Report: {directory.path / 'report.html'}")


@app.command()
def report(run: RunPath):
    """Rebuild report.html of a run."""
    from tfvae.report import write_report
    from tfvae.runs import RunDirectory

    typer.echo(f"Report: {write_report(RunDirectory.open(run))}")
