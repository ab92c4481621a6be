"""`tfvae fit FILE.vcf.gz` and `tfvae simulate haplotypes`."""

import collections
import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from tfvae.catalogue import parse_prior
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
    seed: Seed = 0,
):
    """Write simulated data: haplotypes of an out-of-Africa model with recombination hotspots, as VCF (needs msprime)."""
    if what != "haplotypes":
        raise UserError(f"There is no simulation of {what!r}: give haplotypes.")
    from tfvae.data.simulation import simulate_haplotypes
    from tfvae.data.vcf_writer import write_vcf

    if labels is not None and not labels.absolute().parent.is_dir():
        raise UserError(f"{labels} cannot be written: there is no folder {labels.absolute().parent}.")
    found, populations = simulate_haplotypes(people, length, seed + 1)
    write_vcf(output, found.alleles, found.sites, found.samples, {"1": length}, ["Simulated by msprime."])
    if labels is not None:
        lines = [f"{s}\t{p}" for s, p in zip(found.samples, populations, strict=True)]
        labels.write_text("\n".join(["sample\tlabel", *lines]) + "\n", encoding="utf-8")
    typer.echo(f"{len(found.alleles)} haplotypes at {len(found.sites)} sites written to {output}")


def check_options(options):
    """Raises UserError for what can be told to be wrong before any file is read."""
    from tfvae.data.sections import parse_sections
    from tfvae.data.variants import parse_irregular, parse_region

    parse_sections(options["sections"])
    parse_irregular(options["irregular"])
    if options["region"]:
        parse_region(options["region"])
    if options["max_sites"] is not None and options["max_sites"] < 2 * options["min_sites"]:
        raise UserError(
            f"--max-sites must be at least twice --min-sites, {options['min_sites']}, but is {options['max_sites']}."
        )
    if options["scheduler"] and options["backend"] != "dask":
        raise UserError("--scheduler is of --backend dask.")
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
    directory = RunDirectory.create(out, config, overwrite=overwrite, resume=resume)
    if resume and directory.read_json("config.json")["data"]["sha256"] != about["sha256"]:
        raise UserError(f"{data} has changed since {out} was started: fit it anew into another --out.")
    if not (directory.path / "plan.json").exists():
        try:
            _read(directory.path / STORE, files, arguments)
            directory.write_json("plan.json", _plan(HaplotypeStore(directory.path / STORE), arguments, running))
        except BaseException:
            if not resume:
                shutil.rmtree(directory.path)  # there is nothing in it yet
            raise
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
        directory, running["jobs"], running["backend"], running["scheduler"], running["joint"], report
    )
    write_report(directory)
    for row in metrics["comparison"]:
        typer.echo(f"{row['nll']:12.4f} ± {row['standard_error']:.4f} nats  held-out −log p(x), {row['model']}")
    typer.echo(f"Report: {directory.path / 'report.html'}")
    if metrics["failed"]:
        count = f"{len(metrics['failed'])} of {len(sections)} sections"
        raise UserError(f"{count} failed; the others are finished, and --resume tries again.")


def _read(path, files, arguments):
    """The store of the run, unless it is there."""
    from tfvae.data.haplotypes import HaplotypeStore
    from tfvae.data.sections import ByField, parse_sections

    cutter = parse_sections(arguments["sections"])
    if not path.exists():
        HaplotypeStore.create(
            path, files, samples=_names(arguments["samples"]), region=arguments["region"] or None,
            irregular=arguments["irregular"], info=cutter.field if isinstance(cutter, ByField) else None,
            min_count=arguments["min_count"], progress=_show_number,
        )  # fmt: skip
        if sys.stderr.isatty():
            sys.stderr.write("\n")


def _plan(store, arguments, running):
    """What the sections' fits are functions of."""
    from tfvae.data.sections import make_sections, parse_sections, section_table
    from tfvae.data.tables import split_rows

    people = split_rows(len(store.samples), arguments["holdout"], arguments["seed"])
    sections = make_sections(
        store.sites, parse_sections(arguments["sections"]), arguments["min_sites"], arguments["max_sites"]
    )
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
    """The recipe of that name with the given changes, as a dict; what no model can be made of is told here."""
    import_tensorflow()
    from tfvae.models import haplotypes, make_haplotype_vae

    kinds = {f.name: f.default for f in dataclasses.fields(haplotypes.HaplotypeRecipe)}
    for name, value in changes.items():
        if name not in kinds:
            raise UserError(f"--recipe has no setting {name!r}; it has {', '.join(kinds)}.")
        if isinstance(value, str) and not isinstance(kinds[name], str):
            changes[name] = _number(name, value)
    try:
        recipe = getattr(haplotypes, model.replace("-", "_"))(**changes)
        parse_prior(recipe.prior)
        make_haplotype_vae(8, recipe, num_steps=1)
    except (ValueError, TypeError) as error:
        raise UserError(f"--recipe: {str(error).splitlines()[0]}") from None
    return dataclasses.asdict(recipe)


def parse_recipe(text):
    """{"temperature": "0.1", …} of "temperature=0.1,…"."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not equals or not value.strip() for _, equals, value in pairs):
        raise UserError(f"--recipe must be settings such as temperature=0.1,mosaics=0, but is {text!r}.")
    settings = {name.strip(): value.strip() for name, _, value in pairs}
    if "hidden" in settings:
        raise UserError("--recipe has no widths: give them as --hidden 256,256.")
    return settings


def _number(name, text):
    try:
        return {"True": True, "False": False}[text] if text in ("True", "False") else int(text)
    except ValueError:
        try:
            number = float(text)
            return int(number) if number.is_integer() else number  # 1e4 steps
        except ValueError:
            raise UserError(f"--recipe {name} must be a number, but is {text!r}.") from None


def _names(path):
    """The people in a file, one a line; the first column of a table counts."""
    if not path:
        return None
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    names = [line.split("\t")[0].strip() for line in lines if line.strip()]
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if not names or twice:
        raise UserError(f"{path} {f'has {twice[0]} twice' if twice else 'has no names'}: give a name a line.")
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
