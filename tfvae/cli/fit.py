"""`tfvae fit`: a model for the user's own table, images or haplotypes."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tfvae.cli.app import Data, Overwrite, Resume, Seed, app, names_in
from tfvae.data.images import KNOWN
from tfvae.data.known_tables import KNOWN_TABLES
from tfvae.data.variants import is_variant_file
from tfvae.host.errors import UserError
from tfvae.models.haplotype_recipes import HaplotypeRecipe
from tfvae.workflows.fit_haplotypes import fit_haplotypes
from tfvae.workflows.fit_images import fit_images
from tfvae.workflows.fit_tables import fit_table
from tfvae.workflows.haplotype_options import HaplotypeOptions
from tfvae.workflows.options import ImageOptions, TableOptions
from tfvae.workflows.section_jobs import BACKENDS

IMAGE_SETS = set(KNOWN) - set(KNOWN_TABLES)  # the digits are a table of small counts too, and taken as one
_MODEL, _TABLES, _IMAGES, _VARIANTS = "Model and training", "Tables", "Images", "Variants (VCF, BCF, VCF-Zarr)"


def _option(panel: str, text: str, *names: str, **kwargs: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, **kwargs)


@app.command()
def fit(
    context: typer.Context,
    data: Data,
    out: Annotated[Path | None, typer.Option(help="run directory; runs/NAME or runs/NAME-MODEL by default")] = None,
    seed: Seed = 0,
    resume: Resume = False,
    overwrite: Overwrite = False,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="least time between two checkpoints")] = 10.0,
    holdout: Annotated[float, typer.Option(help="share of the rows or people held out for evaluation")] = 0.1,
    model: Annotated[
        str,
        _option(
            _MODEL,
            "see `tfvae list`; by default the better of two for a table, convolutional for a folder, else mixture-prior",
        ),
    ] = "",
    prior: Annotated[
        str, _option(_MODEL, "in place of the model's own: standard, mixture:K, vamp:K, exemplar, flow")
    ] = "",
    latent_dim: Annotated[
        int | None,
        _option(
            _MODEL,
            "half the columns, 2 to 16, or as many for modes; 16 for images, 32 with convolutions and haplotypes",
            min=1,
        ),
    ] = None,
    num_components: Annotated[int | None, _option(_MODEL, "of the mixture", min=1)] = None,
    hidden: Annotated[
        str,
        _option(
            _MODEL, "widths of the layers; 128,128 for tables, 512,256 for images, 32,64,128 channels, else 256,256"
        ),
    ] = "",
    learning_rate: Annotated[
        float | None, _option(_MODEL, "the model's own by default: 0.001 for most, 0.003 for haplotypes")
    ] = None,
    epochs: Annotated[
        int | None, _option(_MODEL, "at most; 300 by default, for haplotypes by the recipe's steps", min=1)
    ] = None,
    batch_size: Annotated[int | None, _option(_MODEL, "64 by default, 128 for haplotypes", min=1)] = None,
    patience: Annotated[
        int | None, _option(_MODEL, "epochs without a better validation loss before stopping; 30 by default", min=1)
    ] = None,
    tune: Annotated[
        int, _option(_TABLES, "models that are fitted for the validation rows to choose from, up to 10", min=1)
    ] = 2,
    columns: Annotated[str, _option(_TABLES, "model these only: names with commas between")] = "",
    exclude: Annotated[str, _option(_TABLES, "leave these out: names with commas between")] = "",
    label: Annotated[str, _option(_TABLES, "a column that is not modelled but colours the figures")] = "",
    missing: Annotated[str, _option(_TABLES, "missing values: model, or drop or refuse such rows")] = "model",
    image_size: Annotated[
        int | None,
        _option(_IMAGES, "height and width of a folder's images, cropped at the centre; at most 64 by default", min=1),
    ] = None,
    latent_density: Annotated[
        str | None,
        _option(
            _IMAGES,
            "what is fitted to the codes afterwards and becomes the prior: mixture, mixture:K, flow or none; mixture for "
            "convolutional by default, unless a --prior is given",
        ),
    ] = None,
    sections: Annotated[
        str,
        _option(
            _VARIANTS, "count:SITES, bp:LENGTH, cm:MAP:CM, hotspots:MAP or hotspots:MAP:RATE, breaks:FILE, info:FIELD"
        ),
    ] = "count:1000",
    samples: Annotated[str, _option(_VARIANTS, "a file with the people to read, one a line")] = "",
    labels: Annotated[str, _option(_VARIANTS, "a .tsv of person and label, which colours figures")] = "",
    region: Annotated[str, _option(_VARIANTS, "CONTIG or CONTIG:FIRST-LAST")] = "",
    irregular: Annotated[
        str, _option(_VARIANTS, "irregular records: refuse, drop, or such as missing=impute,unphased=drop")
    ] = "refuse",
    min_count: Annotated[int, _option(_VARIANTS, "fewest copies of the rarer allele", min=0)] = 0,
    min_maf: Annotated[float, _option(_VARIANTS, "least frequency of it among the training people")] = 0.01,
    min_sites: Annotated[int, _option(_VARIANTS, "of a section, before the frequency counts", min=2)] = 50,
    max_sites: Annotated[int | None, _option(_VARIANTS, "a longer section is cut", min=4)] = None,
    recipe: Annotated[str, _option(_VARIANTS, "other settings, such as temperature=0.1,dropout=0.1,mosaics=0")] = "",
    joint: Annotated[bool, _option(_VARIANTS, "also a density over all sections", "--joint")] = False,
    jobs: Annotated[int | None, _option(_VARIANTS, "sections at once; all cores by default", min=1)] = None,
    backend: Annotated[str, _option(_VARIANTS, ", ".join(BACKENDS))] = "loky",
    scheduler: Annotated[str | None, _option(_VARIANTS, "address of a Dask scheduler")] = None,
):
    """Fit a model to your own table, images or haplotypes."""
    given = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name).name == "COMMANDLINE" and value is not None
    }
    kind = _kind(data)
    _check_belongs(given, kind)
    changes = {name: given[name] for name in given if name in _OPTIONS[kind]}
    for name in {"columns", "exclude"} & set(changes):
        changes[name] = names_in(changes[name])
    if hidden:
        changes["hidden"] = _widths(hidden)
    name = Path(data).name.split(".")[0] if kind == "haplotypes" else Path(data).stem
    folder = f"{name}-{model}" if model else name
    where = {"out": out or Path("runs") / folder, "overwrite": overwrite, "resume": resume}
    where["checkpoint_seconds"] = checkpoint_seconds
    if kind == "tables":
        run = fit_table(data, **where, say=lambda text: typer.echo(text, err=True), **changes)
    elif kind == "images":
        run = fit_images(data, **where, **changes)
    else:
        if num_components is not None:
            if prior or model not in ("", "mixture-prior"):
                raise UserError("`num_components` is of the mixture prior: give `prior` NAME:NUMBER.")
            changes["prior"] = f"mixture:{num_components}"
        changes |= _recipe(recipe)
        engine = {"joint": joint, "jobs": jobs, "backend": backend, "scheduler": scheduler}
        run = _fit_haplotypes(data, {**where, **engine}, changes)
    for row in run.metrics["comparison"]:
        typer.echo(f"{row['nll']:12.4f} ± {row['standard_error']:.4f} nats  held-out −log p(x), {row['model']}")
    typer.echo(f"Report: {run.directory.path / 'report.html'}")
    failed = run.metrics.get("failed")
    if failed:
        raise UserError(f"{len(failed)} sections failed; the others are finished, and `resume=True` tries again.")


def _names(cls):
    return {field.name for field in dataclasses.fields(cls)}


_ENGINE = {"joint", "jobs", "backend", "scheduler"}
_SHARED = {"context", "data", "out", "resume", "overwrite", "checkpoint_seconds", "num_components"}
_OPTIONS = {  # kind of data -> the options that are passed on by their names
    "tables": _names(TableOptions),
    "images": _names(ImageOptions),
    "haplotypes": (_names(HaplotypeOptions) | _names(HaplotypeRecipe)) - {"recipe"},
}
_CALLED = {"tables": "tables", "images": "images", "haplotypes": "files of variants"}


def _kind(data):
    if is_variant_file(data.split(",")[0]):
        return "haplotypes"
    return "images" if data in IMAGE_SETS or Path(data).is_dir() else "tables"


def _check_belongs(given, kind):
    """UserError for an option of another kind of data."""
    taken = {
        k: names | _SHARED | (_ENGINE | {"recipe"} if k == "haplotypes" else set()) for k, names in _OPTIONS.items()
    }
    came = {"tables": "a table", "images": "images", "haplotypes": "variants"}[kind]
    for name in given:
        if name not in taken[kind]:
            owner = next(k for k, names in taken.items() if name in names)
            raise UserError(f"`{name}` is for {_CALLED[owner]}, but the data are {came}.")


def _fit_haplotypes(data, where, changes):
    """The run, with a line for each section as it comes."""
    count, done = 0, 0

    def planned(sections):
        nonlocal count
        count, sizes = len(sections), [s["sites"] for s in sections]
        if sys.stderr.isatty():
            sys.stderr.write("\n")
        typer.echo(f"{count} sections of {min(sizes)} to {max(sizes)} sites")

    def report(row):
        nonlocal done
        done += 1
        failed = "error" in row
        value = f"failed: {row['error']}" if failed else f"{row['held_out_log_likelihood']:.3f} nats a haplotype"
        typer.echo(f"section {row['section']} ({done} of {count}): {value}", err=failed)

    def progress(number):
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{number:,} records read")

    return fit_haplotypes(data, **where, progress=progress, planned=planned, report=report, **changes)


def _widths(hidden):
    """ "128,128" as a tuple."""
    try:
        widths = tuple(int(w) for w in hidden.split(",") if w.strip())
    except ValueError:
        widths = ()
    if not widths or min(widths) < 1:
        raise UserError(f"`hidden` must be widths with commas between, such as 128,128, but is {hidden!r}.")
    return widths


def _recipe(text):
    """{"temperature": 0.1, …} of "temperature=0.1,…"."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if any(not equals or not value.strip() for _, equals, value in pairs):
        raise UserError(f"`recipe` must be settings such as temperature=0.1,mosaics=0, but is {text!r}.")
    settings = {name.strip(): value.strip() for name, _, value in pairs}
    if "hidden" in settings:
        raise UserError("`recipe` has no widths: give them as --hidden 256,256.")
    kinds = {field.name: field.default for field in dataclasses.fields(HaplotypeRecipe)}
    for name, value in settings.items():
        if name not in kinds:
            raise UserError(f"`recipe` has no setting {name!r}; it has {', '.join(kinds)}.")
        if not isinstance(kinds[name], str):
            settings[name] = _number(name, value)
    return settings


def _number(name, text):
    try:
        return {"True": True, "False": False}[text] if text in ("True", "False") else int(text)
    except ValueError:
        try:
            number = float(text)
            return int(number) if number.is_integer() else number  # 1e4 steps
        except ValueError:
            raise UserError(f"`recipe` {name} must be a number, but is {text!r}.") from None
