"""`tfvae fit FILE.vcf.gz` and `tfvae simulate haplotypes`."""

import dataclasses
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from tfvae.cli.app import Seed, app
from tfvae.cli.console import import_tensorflow
from tfvae.errors import UserError
from tfvae.runs import RunDirectory

BACKENDS = ("loky", "sequential", "dask", "ray")
SCORE_SAMPLES = 1000


@app.command()
def simulate(
    what: Annotated[str, typer.Argument(help="haplotypes")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the file to write: .vcf or .vcf.gz")],
    people: Annotated[int, typer.Option(min=3, help="of three populations, YRI, CEU and CHB")] = 300,
    length: Annotated[int, typer.Option(min=1000, help="base pairs")] = 500_000,
    labels: Annotated[Path | None, typer.Option(help="also write each person's population into this .tsv")] = None,
    seed: Seed = 1,
):
    """Write simulated data: haplotypes of an out-of-Africa model with recombination hotspots, as VCF (needs msprime)."""
    if what != "haplotypes":
        raise UserError(f"There is no simulation of {what!r}: give haplotypes.")
    from tfvae.data.simulation import simulate_haplotypes
    from tfvae.data.vcf_writer import write_vcf

    found, populations = simulate_haplotypes(people, length, max(1, seed))
    write_vcf(output, found.alleles, found.sites, found.samples, {"1": length}, ["Simulated by msprime."])
    if labels is not None:
        lines = [f"{s}\t{p}" for s, p in zip(found.samples, populations, strict=True)]
        labels.write_text("\n".join(["sample\tlabel", *lines]) + "\n", encoding="utf-8")
    typer.echo(f"{len(found.alleles)} haplotypes at {len(found.sites)} sites written to {output}")


def check_options(options):
    """Raises UserError for what can be told to be wrong before any file is read."""
    from tfvae.data.sections import parse_sections
    from tfvae.data.variants import parse_irregular

    parse_sections(options["sections"])
    parse_irregular(options["irregular"])
    if not 0 <= options["min_maf"] < 0.5:
        raise UserError(f"--min-maf must be from 0 to below 0.5, but is {options['min_maf']}.")
    if options["backend"] not in BACKENDS:
        raise UserError(f"--backend must be one of {', '.join(BACKENDS)}, but is {options['backend']!r}.")
    for name in ("samples", "labels"):
        if options[name] and not Path(options[name]).is_file():
            raise UserError(f"--{name}: there is no file {options[name]}.")


def fit_haplotypes(data, out, arguments, changes, running, *, overwrite, resume):
    """Reads, plans and fits.

    Args:
        data: the file's name, or several with commas between.
        out: run directory.
        arguments: the settings that the config keeps.
        changes: of the model's recipe, None for its own.
        running: the settings of this machine.
        overwrite, resume: see `RunDirectory.create`.
    """
    from tfvae.data.haplotype_codec import STORE, split_files
    from tfvae.data.haplotypes import HaplotypeStore
    from tfvae.data.sections import ByField, parse_sections
    from tfvae.data.tables import file_hash
    from tfvae.data.variants import VariantFile

    files = split_files(data)
    for path in files:
        VariantFile(path)
    about = {"sha256": ",".join(file_hash(f) if Path(f).is_file() else "folder" for f in files)}
    arguments = {
        **arguments,
        "recipe": _recipe(arguments["model"], {k: v for k, v in changes.items() if v is not None}),
    }
    config = {
        "command": "fit",
        "arguments": arguments,
        "data": about,
        "haplotypes": {"irregular": arguments["irregular"]},
    }
    if resume:
        directory = RunDirectory.create(out, config, resume=True)
        if directory.read_json("config.json")["data"]["sha256"] != about["sha256"]:
            raise UserError(f"{data} has changed since {out} was started: fit it anew into another --out.")
        store = HaplotypeStore(directory.path / STORE)
    else:
        cutter = parse_sections(arguments["sections"])
        waiting = Path(out).with_name(f".{Path(out).name}-{STORE}")
        shutil.rmtree(waiting, ignore_errors=True)
        store = HaplotypeStore.create(
            waiting, files, samples=_names(arguments["samples"]), region=arguments["region"] or None,
            irregular=arguments["irregular"], info=cutter.field if isinstance(cutter, ByField) else None,
            min_count=arguments["min_count"], progress=_show_number,
        )  # fmt: skip
        plan = _plan(store, cutter, arguments, running)
        directory = RunDirectory.create(out, config, overwrite=overwrite)
        os.replace(waiting, directory.path / STORE)
        directory.write_json("plan.json", plan)
    import_tensorflow()
    from tfvae import fitting
    from tfvae.report import write_report

    sections = directory.read_json("plan.json")["sections"]
    typer.echo(
        f"{len(sections)} sections of {min(s['sites'] for s in sections)} to {max(s['sites'] for s in sections)} sites"
    )
    done = []

    def report(row):
        done.append(row)
        value = (
            f"failed: {row['error']}" if "error" in row else f"{row['held_out_log_likelihood']:.3f} nats a haplotype"
        )
        typer.echo(f"section {row['section']} ({len(done)} of {len(sections)}): {value}", err="error" in row)

    metrics = fitting.fit_haplotypes(
        directory, running["jobs"], running["backend"], running["scheduler"], arguments["joint"], report
    )
    write_report(directory)
    for row in metrics["comparison"]:
        typer.echo(f"{row['nll']:12.4f} ± {row['standard_error']:.4f} nats  held-out −log p(x), {row['model']}")
    typer.echo(f"Report: {directory.path / 'report.html'}")
    if metrics["failed"]:
        count = f"{len(metrics['failed'])} of {len(sections)} sections"
        raise UserError(f"{count} failed; the others are finished, and --resume tries again.")


def _plan(store, cutter, arguments, running):
    """What the sections' fits are functions of."""
    from tfvae.data.sections import make_sections, section_table
    from tfvae.data.tables import split_rows

    people = split_rows(len(store.samples), arguments["holdout"], arguments["seed"])
    sections = make_sections(store.sites, cutter, arguments["min_sites"], arguments["max_sites"])
    table = section_table(store.sites, sections)
    rows = [{**row, "start": s.start, "stop": s.stop} for row, s in zip(table, sections, strict=True)]
    return {
        "seed": arguments["seed"],
        "recipe": arguments["recipe"],
        "min_maf": arguments["min_maf"],
        "num_samples": arguments["num_samples"],
        "checkpoint_seconds": running["checkpoint_seconds"],
        "people": [p.tolist() for p in people],
        "compare": True,
        "labels": _labels(arguments["labels"], store.samples),
        "sections": rows,
    }


def _recipe(model, changes):
    """The recipe of that name with the given changes, as a dict."""
    import_tensorflow()
    from tfvae.models import haplotypes

    return dataclasses.asdict(getattr(haplotypes, model.replace("-", "_"))(**changes))


def _names(path):
    """The people in a file, one a line; the first column counts."""
    if not path:
        return None
    names = [line.split()[0] for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    twice = {name for name in names if names.count(name) > 1}
    if not names or twice:
        raise UserError(f"{path} {f'has {min(twice)} twice' if twice else 'has no names'}: give a name a line.")
    return names


def _labels(path, samples):
    """Each person's label from a table whose columns are the person and the label; None without a file."""
    if not path:
        return None
    rows = [line.split("\t") for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    if any(len(row) < 2 for row in rows):
        raise UserError(f"{path} must have two columns with a tab between, the person and the label.")
    label = {row[0]: row[1] for row in rows}
    absent = [name for name in samples if name not in label]
    if absent:
        raise UserError(f"{path} has no label for {len(absent)} people, the first is {absent[0]}.")
    return [label[name] for name in samples]


def _show_number(number):
    """Says how many records are read, where someone looks."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{number:,} records read")
