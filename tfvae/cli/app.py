"""The command's application, and the arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from tfvae.version import __version__

app = typer.Typer(
    help="Variational autoencoders for data with many modes: run the experiments, or fit your own data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

RunPath = Annotated[Path, typer.Argument(help="a run directory", metavar="RUN")]
Data = Annotated[
    str,
    typer.Argument(
        help="a .csv, .parquet, .npy or .npz file, a folder of images, a set by name, or a .vcf, .vcf.gz or .bcf",
        metavar="DATA",
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        help="the file to write: .csv, .parquet, .npy, .npz; .png for images, .vcf or .vcf.gz for haplotypes",
    ),
]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="of all randomness")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace an earlier run in --out")]
Resume = Annotated[bool, typer.Option("--resume", help="continue the interrupted run in --out")]
ModelName = Annotated[str | None, typer.Option("--model", help="which model, in a run that has several")]


def _show_version(asked: bool):
    if asked:
        typer.echo(f"tfvae {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False,
    version: Annotated[bool, typer.Option("--version", help="show it", callback=_show_version, is_eager=True)] = False,
):
    del version
    del debug  # read in `main`, which also serves errors in the arguments themselves


def names_in(text: str) -> tuple[str, ...]:
    """The names in a text with commas between."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
