"""Haplotypes as a valid VCF: the sites they were learned at, two haplotypes a person, counts made anew."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfvae.data.files import replacing
from tfvae.host.errors import UserError
from tfvae.host.requirements import require
from tfvae.version import __version__

_HEADER = """\
##fileformat=VCFv4.2
##source=tfvae {version}
{notes}##FILTER=<ID=PASS,Description="All filters passed">
{contigs}##INFO=<ID=AC,Number=A,Type=Integer,Description="Copies of ALT">
##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency of ALT">
##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles in all">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype">
"""


def write_vcf(
    path: str | Path,
    alleles: np.ndarray,
    sites: pd.DataFrame,
    samples: Any = None,
    lengths: Any = None,
    notes: Sequence[str] = (),
) -> None:
    """Writes haplotypes as phased VCF, whole or not at all.

    Args:
        path: .vcf, or .vcf.gz, which is compressed by BGZF and gets a tabix index beside it.
        alleles: `(n, V)` of 0 and 1, n even: rows 2i and 2i + 1 are one person.
        sites: `pandas.DataFrame` of V rows with contig, position, id, ref, alt, sorted.
        samples: names of the n / 2 people; None for SYN_0001, SYN_0002, …
        lengths: contig -> base pairs, for the header.
        notes: sentences for the header.

    Raises:
        UserError: for an odd number of haplotypes, another file name, a folder that is not there.
    """
    path, alleles = Path(path), np.asarray(alleles)
    if not alleles.size:
        raise UserError("There is no haplotype to write.")
    if len(alleles) % 2:
        raise UserError(
            f"Two haplotypes make a person, so that {len(alleles)} cannot be written: ask for an even number."
        )
    if not np.isin(alleles, (0, 1)).all():
        raise ValueError("Alleles must be 0 or 1: write draws, and not the means of p(x|z).")
    if not path.name.lower().endswith((".vcf", ".vcf.gz")):
        raise UserError(f"{path} cannot be written: give a name that ends in .vcf or .vcf.gz.")
    pysam = require("pysam", "vcf") if path.suffix.lower() == ".gz" else None
    people = len(alleles) // 2
    if samples is not None and len(samples) != people:
        raise ValueError(f"{len(alleles)} haplotypes are of {people} people, but got {len(samples)} names.")
    samples = [f"SYN_{k:0{max(4, len(str(people)))}d}" for k in range(1, people + 1)] if samples is None else samples
    try:
        with replacing(path) as temporary:
            with pysam.BGZFile(str(temporary), "wb") if pysam else open(temporary, "wb") as file:
                file.write(_header(sites, samples, lengths or {}, notes).encode())
                for record in _records(alleles.astype("uint8"), sites):
                    file.write(record)
            if pysam:
                pysam.tabix_index(str(temporary), preset="vcf", force=True, keep_original=True)
        if pysam:  # after the file: a kill between the two leaves an index that is older than its file
            index = path.with_name(path.name + ".tbi")
            temporary.with_name(temporary.name + ".tbi").replace(index)
            index.touch()
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}).") from None


def _header(sites, samples, lengths, notes):
    contigs = dict.fromkeys(sites["contig"])
    lines = [f"##contig=<ID={c}{f',length={lengths[c]}' if lengths.get(c) else ''}>\n" for c in contigs]
    words = "".join(f"##tfvae_note={note}\n" for note in notes)
    header = _HEADER.format(version=__version__, notes=words, contigs="".join(lines))
    names = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
    return header + "\t".join(names) + "\n"


def _records(alleles, sites):
    n = len(alleles)
    line = np.frombuffer(b"\t0|0" * (n // 2), "uint8").copy().reshape(-1, 4)
    columns = [sites[name] for name in ("contig", "position", "id", "ref", "alt")]
    for k, (contig, position, name, ref, alt) in enumerate(zip(*columns, strict=True)):
        line[:, 1], line[:, 3] = alleles[0::2, k] + 48, alleles[1::2, k] + 48
        copies = int(alleles[:, k].sum())
        info = f"AC={copies};AF={copies / n:.6g};AN={n}"
        yield f"{contig}\t{position}\t{name}\t{ref}\t{alt}\t.\tPASS\t{info}\tGT".encode() + line.tobytes() + b"\n"
