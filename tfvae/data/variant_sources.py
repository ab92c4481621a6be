"""Binary sources of records: .bcf by cyvcf2, VCF Zarr by zarr; and the `Chunk` that all sources give."""

import dataclasses
import itertools
import re

import numpy as np
import pandas as pd

from tfvae.host.errors import UserError
from tfvae.host.requirements import require
from tfvae.host.stderr import captured

SEQUENCE = re.compile(r"[ACGTNacgtn]+")
MISSING, PADDING = -1, -2  # as cyvcf2 and VCF Zarr write an unknown allele, and the second one of a haploid call
_END_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")  # of every whole BGZF file


@dataclasses.dataclass
class Chunk:
    """Some records of one file, in its order.

    Attributes:
        contig, position, id, ref, alt, section: `(n,)` object arrays, positions int64; alternative alleles with commas
            between; the value of the INFO field that was asked for, or None.
        alleles: `(n, people, 2)` int8: 0 for REF, 1 and above for ALT, `MISSING`, `PADDING`.
        phased: `(n, people)` bool.
    """

    contig: np.ndarray
    position: np.ndarray
    id: np.ndarray
    ref: np.ndarray
    alt: np.ndarray
    section: np.ndarray
    alleles: np.ndarray
    phased: np.ndarray

    def __len__(self):
        return len(self.position)

    def __getitem__(self, rows):
        return Chunk(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))

    def sites(self):
        """A row for each record: contig, position, id, ref, alt, section."""
        names = ("contig", "position", "id", "ref", "alt", "section")
        return pd.DataFrame({name: getattr(self, name) for name in names})

    def of_people(self, columns):
        """The same records of some people, by their positions."""
        return dataclasses.replace(self, alleles=self.alleles[:, columns], phased=self.phased[:, columns])

    def keys(self):
        """(contig, position, REF, ALT) of each record, which names a site."""
        return list(zip(self.contig, self.position.tolist(), self.ref, self.alt, strict=True))


class BCFSource:
    """.bcf by cyvcf2, whose text reader can crash on damaged files: text is read by `TextSource`."""

    def __init__(self, path):
        cyvcf2 = require("cyvcf2", "vcf")
        check_whole(path)
        self.path = path
        with captured() as said:
            try:
                self._reader = cyvcf2.VCF(str(path))
            except Exception as error:
                raise UserError(f"{path} cannot be read as BCF: {_last_reason(said()) or error}.") from None
        self.samples = self._reader.samples
        try:
            self.lengths = dict(zip(self._reader.seqnames, self._reader.seqlens, strict=True))
        except AttributeError:  # lengths that the header does not have
            self.lengths = dict.fromkeys(self._reader.seqnames, 0)

    def chunks(self, size, where, info):
        if where is not None and has_index(self.path):
            contig, first, last = where
            last = min(last, 2**31 - 2)
            records = self._reader(f"{contig}:{max(first, 1)}-{last}")
        else:
            records = iter(self._reader)
        last = "its header"
        while True:
            with captured() as said:
                try:
                    some = [_record(v, info) for v in itertools.islice(records, size)]
                except Exception as error:
                    raise UserError(
                        f"{self.path} is damaged or truncated after {last}: {_last_reason(said()) or error}."
                    ) from None
            if not some:
                return
            *sites, genotypes = zip(*some, strict=True)
            last = f"{sites[0][-1]}:{sites[1][-1]}"
            widths = {g.shape[1] for g in genotypes}
            if max(widths) > 3:
                k = next(k for k, g in enumerate(genotypes) if g.shape[1] > 3)
                raise UserError(
                    f"{self.path}, {sites[0][k]}:{sites[1][k]} has more than two alleles a person: "
                    "only diploid files are read."
                )
            if widths != {3}:
                genotypes = [_paired(g) for g in genotypes]
            alleles = np.empty((len(some), len(self.samples), 2), "int8")
            phased = np.empty((len(some), len(self.samples)), bool)
            for k, table in enumerate(genotypes):
                np.clip(table[:, :2], PADDING, 127, out=alleles[k], casting="unsafe")
                phased[k] = table[:, 2]
            contig, position, *words = sites
            columns_of = (objects(words_of) for words_of in words)
            yield Chunk(objects(contig), np.array(position, "int64"), *columns_of, alleles, phased)


def _record(variant, info):
    section = None if info is None else variant.INFO.get(info)
    alt = ",".join(variant.ALT) or "."
    site = variant.CHROM, variant.POS, variant.ID or ".", variant.REF, alt, section
    return *site, variant.genotype.array()


def _paired(genotypes):
    """A record of haploid calls alone, (people, 2), as one of diploid calls whose second allele is padding."""
    if genotypes.shape[1] == 3:
        return genotypes
    padding = np.full_like(genotypes[:, :1], PADDING)
    return np.concatenate([genotypes[:, :1], padding, genotypes[:, 1:]], axis=1)


class ZarrSource:
    """A folder of VCF Zarr (GigaScience 2025, giaf049), as bio2zarr writes it."""

    def __init__(self, path):
        zarr = require("zarr", "zarr")
        self.path = path
        try:
            self._group = zarr.open(str(path), mode="r")
            needed = ("call_genotype", "call_genotype_phased", "variant_position", "variant_allele", "variant_contig")
            missing = [name for name in (*needed, "sample_id", "contig_id") if name not in self._group]
        except Exception as error:
            raise UserError(f"{path} cannot be read as VCF Zarr: {str(error).splitlines()[0]}.") from None
        if missing:
            raise UserError(f"{path} is not VCF Zarr with phased genotypes: it has no array {missing[0]}.")
        self.samples = [str(s) for s in self._group["sample_id"][:]]
        contigs = [str(c) for c in self._group["contig_id"][:]]
        lengths = self._group["contig_length"][:] if "contig_length" in self._group else [0] * len(contigs)
        self.lengths = dict(zip(contigs, map(int, lengths), strict=True))

    def chunks(self, size, where, info):
        del where  # the caller chooses among what is read
        group, contigs = self._group, np.array(list(self.lengths), object)
        if group["call_genotype"].shape[2] != 2:
            raise UserError(
                f"{self.path} has {group['call_genotype'].shape[2]} alleles a person: only diploid is read."
            )
        field = f"variant_{info}"
        for start in range(0, group["call_genotype"].shape[0], size):
            rows = slice(start, start + size)
            words = [[str(a) for a in alleles if str(a)] for alleles in group["variant_allele"][rows]]
            n = len(words)
            ids = group["variant_id"][rows] if "variant_id" in group else ["."] * n
            yield Chunk(
                contigs[group["variant_contig"][rows]],
                group["variant_position"][rows].astype("int64"),
                objects([str(i) for i in ids]),
                objects([w[0] for w in words]),
                objects([",".join(w[1:]) or "." for w in words]),
                objects(group[field][rows].tolist() if info and field in group else [None] * n),
                group["call_genotype"][rows],
                group["call_genotype_phased"][rows],
            )


def objects(values):
    array = np.empty(len(values), object)
    array[:] = list(values)
    return array


def has_index(path):
    """Whether there is a .tbi or .csi beside a file of BGZF; UserError where it is older than the file."""
    if not is_bgzf(path):
        return False
    for suffix in (".tbi", ".csi"):
        index = path.with_name(path.name + suffix)
        if index.exists():
            if int(index.stat().st_mtime) < int(path.stat().st_mtime):
                raise UserError(f"{index} is older than {path.name}: index it again, with `bcftools index -f`.")
            return True
    return False


def is_bgzf(path):
    with open(path, "rb") as file:
        head = file.read(18)
    return head[:4] == b"\x1f\x8b\x08\x04" and head[12:14] == b"BC"


def check_whole(path):
    """Refuses an empty file, and a BGZF file without its end block: cut between blocks, it would read without an error."""
    size = path.stat().st_size
    if not size:
        raise UserError(f"{path} is empty.")
    try:
        with open(path, "rb") as file:
            file.seek(max(0, size - len(_END_BLOCK)))
            tail = file.read()
        cut = is_bgzf(path) and tail != _END_BLOCK
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None
    if cut:
        raise UserError(f"{path} is truncated: it does not end in a BGZF end block. Copy or compress it again.")


def _last_reason(said):
    """Of what htslib has written to standard error."""
    lines = [line for line in said.splitlines() if line.startswith("[E::")]
    return lines[-1].partition("] ")[2] if lines else ""
