"""`tfvae simulate haplotypes`."""

from pathlib import Path
from typing import Annotated

import typer

from tfvae.cli.app import Seed, app
from tfvae.data.simulation import simulate_haplotypes
from tfvae.data.vcf_writer import write_vcf
from tfvae.host.errors import UserError


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
    if labels is not None and not labels.absolute().parent.is_dir():
        raise UserError(f"{labels} cannot be written: there is no folder {labels.absolute().parent}.")
    found, populations = simulate_haplotypes(people, length, seed + 1)
    write_vcf(output, found.alleles, found.sites, found.samples, {"1": length}, ["Simulated by msprime."])
    if labels is not None:
        lines = [f"{s}\t{p}" for s, p in zip(found.samples, populations, strict=True)]
        labels.write_text("\n".join(["sample\tlabel", *lines]) + "\n", encoding="utf-8")
    typer.echo(f"{len(found.alleles)} haplotypes at {len(found.sites)} sites written to {output}")
