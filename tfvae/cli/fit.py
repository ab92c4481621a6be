"""`tfvae fit`: a model for the user's own table, images or haplotypes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tfvae import catalogue
from tfvae.cli import haplotypes
from tfvae.cli.app import Data, Overwrite, Resume, Seed, app
from tfvae.cli.console import import_tensorflow
from tfvae.data.images import KNOWN
from tfvae.data.variants import is_variant_file
from tfvae.errors import UserError
from tfvae.runs import RunDirectory

_ONLY_FOR = {  # kind of data -> (what it is called, the options that only it has)
    "haplotypes": ("files of variants", (
        "sections", "samples", "labels", "region", "irregular", "min_count", "min_maf", "min_sites", "max_sites", "recipe",
        "joint", "jobs", "backend", "scheduler",
    )),
    "tables": ("tables", ("columns", "exclude", "label", "missing")),
    "images": ("images", ("image_size",)),
}  # fmt: skip
IMAGE_SETS = set(KNOWN) - {"digits"}  # which is a table of small counts too, and taken as one


@app.command()
def fit(
    context: typer.Context,
    data: Data,
    model: Annotated[str, typer.Option(help="see `tfvae list`")] = "mixture-prior",
    out: Annotated[Path | None, typer.Option(help="run directory; runs/NAME-MODEL by default")] = None,
    columns: Annotated[str, typer.Option(help="model these only: names with commas between")] = "",
    exclude: Annotated[str, typer.Option(help="leave these out: names with commas between")] = "",
    label: Annotated[str, typer.Option(help="a column that is not modelled but colours the figures")] = "",
    missing: Annotated[str, typer.Option(help="rows with missing values: refuse or drop")] = "refuse",
    holdout: Annotated[float, typer.Option(help="share of the rows held out for evaluation")] = 0.1,
    image_size: Annotated[
        int | None,
        typer.Option(min=1, help="height and width that a folder's images are resized to; the first one's by default"),
    ] = None,
    latent_dim: Annotated[
        int | None, typer.Option(min=1, help="half the number of columns, 2 to 16, by default; 16 for images")
    ] = None,
    num_components: Annotated[int | None, typer.Option(min=1, help="of the mixture")] = None,
    prior: Annotated[
        str,
        typer.Option(help="instead of the model's own: standard, mixture:K, vamp:K, exemplar, flow"),
    ] = "",
    hidden: Annotated[
        str, typer.Option(help="widths of the hidden layers; 128,128 for tables, 512,256 for images")
    ] = "",
    learning_rate: Annotated[float | None, typer.Option(help="of Adam; 0.001 by default")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="at most; 300 by default, for haplotypes the recipe's")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="64 by default, for haplotypes the recipe's")] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="epochs without a better validation loss before stopping; 30 by default")
    ] = None,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="least time between two checkpoints")] = 10.0,
    sections: Annotated[
        str,
        typer.Option(
            help="of variants: count:SITES, bp:LENGTH, cm:MAP:CM, hotspots:MAP[:RATE], breaks:FILE, info:FIELD"
        ),
    ] = "",
    samples: Annotated[str, typer.Option(help="of variants: a file with the people to read, one a line")] = "",
    labels: Annotated[str, typer.Option(help="of variants: a .tsv of person and label, which colours figures")] = "",
    region: Annotated[str, typer.Option(help="of variants: CONTIG or CONTIG:FIRST-LAST")] = "",
    irregular: Annotated[
        str, typer.Option(help="of variants: refuse, drop, or such as missing=impute,unphased=drop")
    ] = "refuse",
    min_count: Annotated[int, typer.Option(min=0, help="of variants: fewest copies of the rarer allele")] = 0,
    min_maf: Annotated[float, typer.Option(help="of variants: least frequency of it among the training people")] = 0.01,
    min_sites: Annotated[int, typer.Option(min=2, help="of variants: of a section, before the frequency counts")] = 50,
    max_sites: Annotated[int | None, typer.Option(min=4, help="of variants: a longer section is cut")] = None,
    recipe: Annotated[
        str, typer.Option(help="of variants: other settings, such as temperature=0.1,dropout=0.1,mosaics=0")
    ] = "",
    joint: Annotated[bool, typer.Option("--joint", help="of variants: also a density over all sections")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="of variants: sections at once; all cores by default")] = None,
    backend: Annotated[str, typer.Option(help="of variants: loky, sequential, dask or ray")] = "loky",
    scheduler: Annotated[str | None, typer.Option(help="of variants: address of a Dask scheduler")] = None,
    seed: Seed = 0,
    resume: Resume = False,
    overwrite: Overwrite = False,
):
    """Fit a model to your own table, images or haplotypes."""
    kind = _kind(data)
    _check_options(model, kind, num_components, missing, holdout, learning_rate)
    _check_belongs(context, kind)
    if prior:
        _check_prior(model, prior, num_components, latent_dim)
    name = Path(data).name.split(".")[0] if kind == "haplotypes" else Path(data).stem
    out = out or Path("runs") / f"{name}-{model}"
    RunDirectory.check_free(out, overwrite=overwrite, resume=resume)
    if kind == "haplotypes":
        settings = {
            "sections": sections or "count:1000", "samples": samples, "labels": labels, "region": region,
            "irregular": irregular, "min_count": min_count, "min_maf": min_maf, "min_sites": min_sites,
            "max_sites": max_sites, "num_samples": haplotypes.SCORE_SAMPLES,
        }  # fmt: skip
        changes = {
            "latent_dim": latent_dim, "hidden": _widths(hidden), "epochs": epochs, "batch_size": batch_size,
            "patience": patience, "learning_rate": learning_rate,
            "prior": prior or (f"mixture:{num_components}" if num_components else None),
        }  # fmt: skip
        if num_components and (prior or model != "mixture-prior"):
            raise UserError("--num-components is of the mixture prior: give --prior NAME:NUMBER.")
        changes |= haplotypes.parse_recipe(recipe)
        running = {"jobs": jobs, "backend": backend, "scheduler": scheduler, "joint": joint,
                   "checkpoint_seconds": checkpoint_seconds}  # fmt: skip
        haplotypes.check_options({**settings, **running})
        arguments = {"data": data, "model": model, "holdout": holdout, "seed": seed, **settings}
        haplotypes.fit_haplotypes(data, out, arguments, changes, running, overwrite=overwrite, resume=resume)
        return
    arguments = {
        "data": data, "model": model, "holdout": holdout, "latent_dim": latent_dim, "num_components": num_components,
        "prior": prior, "hidden": _widths(hidden), "learning_rate": learning_rate or 1e-3, "epochs": epochs or 300,
        "batch_size": batch_size or 64, "patience": patience or 30, "seed": seed,
    }  # fmt: skip
    if kind == "tables":
        arguments |= {"columns": columns, "exclude": exclude, "label": label, "missing": missing}
        codec, about, prepared = _prepare_table(data, arguments)
    else:
        if image_size is not None and data in IMAGE_SETS:
            raise UserError(f"--image-size is for a folder of images, but {data} is a set of one size.")
        arguments |= {"image_size": image_size}
        codec, about, prepared = _prepare_images(data, arguments)
    config = {"command": "fit", "arguments": arguments, "data": about, codec.kind: codec.to_config()}
    directory = RunDirectory.create(out, config, overwrite=overwrite, resume=resume)
    if resume and directory.read_json("config.json")["data"]["sha256"] != about["sha256"]:
        raise UserError(f"{data} has changed since {out} was started: fit it anew into another --out.")
    import_tensorflow()
    from tfvae import fitting
    from tfvae.report import write_report

    options = {**arguments, "verbose": "auto" if sys.stdout.isatty() else 0, "checkpoint_seconds": checkpoint_seconds}
    metrics = getattr(fitting, f"fit_{kind}")(directory, codec, *prepared, options)
    write_report(directory)
    for row in metrics["comparison"]:
        typer.echo(f"{row['nll']:12.4f} ± {row['standard_error']:.4f} nats  held-out −log p(x), {row['model']}")
    typer.echo(f"Report: {directory.path / 'report.html'}")


def _kind(data):
    if is_variant_file(data.split(",")[0]):
        return "haplotypes"
    return "images" if data in IMAGE_SETS or Path(data).is_dir() else "tables"


def _check_belongs(context, kind):
    came = {"tables": "a table", "images": "images", "haplotypes": "variants"}[kind]
    for owner, (what, names) in _ONLY_FOR.items():
        given = [n for n in names if context.get_parameter_source(n).name == "COMMANDLINE"]
        if given and kind != owner:
            raise UserError(f"--{given[0].replace('_', '-')} is for {what}, but the data are {came}.")


def _check_options(model, kind, num_components, missing, holdout, learning_rate):
    if model not in catalogue.models(kind):
        raise UserError(f"There is no model {model!r} for {kind}: choose one of {', '.join(catalogue.models(kind))}.")
    if (
        kind != "haplotypes"
        and num_components is not None
        and "num_components" not in catalogue.model_arguments(kind, model)
    ):
        raise UserError(f"--num-components is not an option of the model {model}.")
    if missing not in ("refuse", "drop"):
        raise UserError(f"--missing must be refuse or drop, but is {missing!r}.")
    if not 0 < holdout < 1:
        raise UserError(f"--holdout must be between 0 and 1, but is {holdout}.")
    if learning_rate is not None and not learning_rate > 0:
        raise UserError(f"--learning-rate must be above 0, but is {learning_rate}.")


def _check_prior(model, prior, num_components, latent_dim):
    name, _ = catalogue.parse_prior(prior)
    if num_components is not None and model == "mixture-prior":
        raise UserError(f"--num-components is of the prior that --prior {prior} replaces: leave it out.")
    if name == "flow" and latent_dim == 1:
        raise UserError("--prior flow needs a --latent-dim of at least 2.")


def _prepare_table(data, arguments):
    """(codec, what the config says of the data, (table, labels)); completes `arguments`."""
    from tfvae.data.table_codec import TableCodec
    from tfvae.data.tables import check_values, file_hash, read_table

    if data == "digits" and not arguments["label"]:
        arguments["label"] = "digit"
    frame, labels = _select(read_table(data), arguments["columns"], arguments["exclude"], arguments["label"])
    rows = len(frame)
    frame = check_values(frame, arguments["missing"])
    labels = labels.loc[frame.index] if labels is not None else None
    _check_rows(len(frame), arguments)
    codec = TableCodec.fit(frame)
    for column in codec.constants:
        typer.echo(
            f"Column {column.name!r} is constant: it is left out of the model and written back in samples.", err=True
        )
    about = {"sha256": file_hash(data), "rows": rows, "rows_used": len(frame)}
    return codec, about, (frame.reset_index(drop=True), labels)


def _prepare_images(data, arguments):
    """(codec, what the config says of the data, (images,))."""
    from tfvae.data.image_codec import ImageCodec, read_images
    from tfvae.data.images import image_files
    from tfvae.data.tables import array_hash

    if data not in IMAGE_SETS:
        _check_rows(len(image_files(data)), arguments)
        import_tensorflow()  # which reads a folder's images
    images = read_images(data, arguments["image_size"])
    codec = ImageCodec.fit(images.x_train)
    x = images.x_train
    return codec, {"sha256": array_hash(x), "images": len(x), "labelled": images.y_train is not None}, (images,)


def _check_rows(n, arguments):
    """UserError where n rows are too few to hold some out, or the rest for the prior."""
    from tfvae.data.tables import split_rows

    train, *_ = split_rows(n, arguments["holdout"], arguments["seed"])
    if arguments["prior"]:
        catalogue.check_rows(arguments["prior"], len(train))


def _select(frame, columns, exclude, label):
    """The modelled columns, and the label column or None."""
    chosen = [c.strip() for c in columns.split(",") if c.strip()]
    without = [c.strip() for c in exclude.split(",") if c.strip()]
    unknown = [c for c in [*chosen, *without, *([label] if label else [])] if c not in frame]
    if unknown:
        raise UserError(
            f"There is no column {unknown[0]!r}; the columns are {', '.join(map(str, frame.columns[:20]))}."
        )
    labels = frame[label] if label else None
    kept = [c for c in (chosen or frame.columns) if c not in without and c != label]
    if not kept:
        raise UserError("No column is left to model.")
    return frame[kept], labels


def _widths(hidden):
    """ "128,128" as a list; None where nothing is given."""
    if not hidden:
        return None
    try:
        widths = [int(w) for w in hidden.split(",") if w.strip()]
    except ValueError:
        widths = []
    if not widths or min(widths) < 1:
        raise UserError(f"--hidden must be widths with commas between, such as 128,128, but is {hidden!r}.")
    return widths
