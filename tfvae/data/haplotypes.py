"""Haplotypes: genotype files read once into a bit-packed store, and given section by section as 0 and 1."""

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfvae.data.variants import SeenSites, VariantFile, parse_irregular, regular, without_duplicates
from tfvae.host.errors import UserError

SITE_KEY = ["contig", "position", "ref", "alt"]


@dataclasses.dataclass(frozen=True, eq=False)
class Haplotypes:
    """Haplotypes in memory.

    Attributes:
        alleles: uint8 `(n, V)`, 1 for ALT; rows 2i and 2i + 1 are the left and the right haplotype of person i.
        sites: `pandas.DataFrame` of V rows: contig, position, id, ref, alt, section (an INFO field, or missing).
        samples: names of the n / 2 people.
    """

    alleles: np.ndarray
    sites: pd.DataFrame
    samples: list

    def __post_init__(self):
        n, v = self.alleles.shape
        if v != len(self.sites) or n != 2 * len(self.samples):
            raise ValueError(
                f"alleles of shape {(n, v)} need {v} sites and {n // 2} people, but got {len(self.sites)} and "
                f"{len(self.samples)}."
            )


class HaplotypeStore:
    """Haplotypes on disk, one bit an allele: `bits.u8`, `sites.tsv`, `samples.txt` and `store.json` in a folder.

    `create` reads files of variants once, in chunks; `read` gives any sites of any people, so that memory is bounded by
    the section that is worked on and not by the file.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.about = json.loads((self.path / "store.json").read_text(encoding="utf-8"))
        self.samples = (self.path / "samples.txt").read_text(encoding="utf-8").split("\n")
        text = dict.fromkeys(("contig", "id", "ref", "alt"), str)
        self.sites = pd.read_csv(
            self.path / "sites.tsv", sep="\t", dtype=text, keep_default_na=False, na_values={"section": ""}
        )
        width = -(-self.num_haplotypes // 8)
        self._bits = np.memmap(self.path / "bits.u8", "uint8", "r", shape=(len(self.sites), width))

    @classmethod
    def create(
        cls,
        path: str | Path,
        files: Any,
        *,
        samples: Any = None,
        region: str | None = None,
        irregular: str = "refuse",
        info: str | None = None,
        min_count: int = 0,
        progress: Any = None,
    ) -> Any:
        """Reads files of variants into a new store at `path`; a kill leaves none.

        Args:
            path: folder that does not exist yet.
            files: paths of .vcf, .vcf.gz, .bcf or VCF Zarr with the same people, of different contigs or stretches.
            samples: names of the people to read, in their order; None for those of the first file.
            region: see `VariantFile.chunks`.
            irregular: see `tfvae.data.variants.parse_irregular`.
            info: an INFO field by whose values sections are cut.
            min_count: int, records with fewer copies of the rarer allele among these people are left out.
            progress: function of the number of records read so far, called now and then.

        Raises:
            UserError: see `read_chunks`.
        """
        path = Path(path)
        for left in path.parent.glob(f".*-{path.name}"):  # by a kill
            shutil.rmtree(left, ignore_errors=True)
        temporary = path.with_name(f".{os.getpid()}-{path.name}")
        temporary.mkdir(parents=True)
        counts, lengths, contigs, number = {}, {}, {}, 0
        try:
            with (
                open(temporary / "bits.u8", "wb") as bits,
                open(temporary / "sites.tsv", "w", encoding="utf-8") as table,
            ):
                for chunk, people in read_chunks(files, counts, lengths, samples, region, irregular, info):
                    if min_count:
                        copies = chunk.alleles.sum(axis=(1, 2), dtype="int64")
                        common = np.minimum(copies, 2 * len(people) - copies) >= min_count
                        counts["rare"] = counts.get("rare", 0) + int((~common).sum())
                        chunk = chunk[common]
                        if not len(chunk):
                            continue
                    bits.write(np.packbits(chunk.alleles.reshape(len(chunk), -1), axis=1).tobytes())
                    chunk.sites().to_csv(table, sep="\t", index=False, header=not number)
                    number += len(chunk)
                    contigs |= dict.fromkeys(chunk.contig)
                    if progress is not None:
                        progress(number)
            if not number:
                raise UserError(f"{files[0]} has no record left to use: {_in_words(counts)} were dropped.")
            (temporary / "samples.txt").write_text("\n".join(people), encoding="utf-8")
            used = {contig: lengths.get(contig, 0) for contig in contigs}
            about = {"dropped": counts, "lengths": used, "people": len(people)}
            (temporary / "store.json").write_text(json.dumps(about), encoding="utf-8")
            os.replace(temporary, path)
        except OSError as error:  # what reading meets is told already
            raise UserError(f"{path} cannot be written ({error.strerror or error}).") from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return cls(path)

    @property
    def num_haplotypes(self) -> int:
        return 2 * self.about["people"]

    def read(self, rows: Any = slice(None), people: Any = None) -> Any:
        """The `Haplotypes` of some sites (a slice or positions in `sites`) and some people (positions in `samples`)."""
        alleles = np.unpackbits(np.asarray(self._bits[rows]), axis=1, count=self.num_haplotypes).T
        samples = self.samples
        if people is not None:
            alleles, samples = alleles[haplotypes_of(people)], [samples[p] for p in people]
        return Haplotypes(np.ascontiguousarray(alleles), self.sites.iloc[rows].reset_index(drop=True), samples)


def load_haplotypes(
    files: Any, *, samples: Any = None, region: str | None = None, irregular: str = "refuse", info: str | None = None
) -> Haplotypes:
    """The `Haplotypes` of one file of variants or of several, in memory; arguments as for `HaplotypeStore.create`."""
    files = [files] if isinstance(files, (str, Path)) else list(files)
    people, alleles, sites = [], [], []
    for chunk, people in read_chunks(files, {}, {}, samples, region, irregular, info):  # noqa: B007
        alleles.append(chunk.alleles.reshape(len(chunk), -1).astype("uint8"))
        sites.append(chunk.sites())
    if not alleles:
        raise UserError(f"{files[0]} has no record left to use: all are irregular.")
    return Haplotypes(np.concatenate(alleles).T, pd.concat(sites, ignore_index=True), people)


def read_chunks(files, counts, lengths, samples=None, region=None, irregular="refuse", info=None):
    """Yields (`Chunk` of regular records, names of the people), over all files in order.

    Args:
        files: paths.
        counts: dict, added to: kind of irregular record -> how many there were.
        lengths: dict, added to: contig -> its length.
        samples, region, irregular, info: see `HaplotypeStore.create`.

    Raises:
        UserError: for what `VariantFile` and `regular` refuse, people that a file lacks, positions that go back, an INFO
            field that a record lacks.
    """
    rules = parse_irregular(irregular) if isinstance(irregular, str) else irregular
    people, finished, last, seen = samples, set(), ("", 0), SeenSites()
    for path in files:
        file = VariantFile(path)
        lengths |= {k: v for k, v in file.lengths.items() if v or k not in lengths}
        people = list(file.samples) if people is None else people
        place = {name: k for k, name in enumerate(file.samples)}
        absent = [name for name in people if name not in place]
        if absent:
            raise UserError(f"{path} lacks {len(absent)} of {len(people)} people, the first is {absent[0]!r}.")
        for chunk in file.chunks([place[name] for name in people], region, info):
            for contig, position in zip(chunk.contig, chunk.position.tolist(), strict=True):
                if contig in finished or (contig == last[0] and position < last[1]):
                    before = f"{last[0]}:{last[1]}"
                    raise UserError(
                        f"{path}, {contig}:{position} stands after {before}: sort it, with `bcftools sort`."
                    )
                if contig != last[0]:
                    finished.add(last[0])
                last = contig, position
            if info is not None and any(s is None for s in chunk.section):
                k = next(k for k, s in enumerate(chunk.section) if s is None)
                raise UserError(f"{path}, {chunk.contig[k]}:{chunk.position[k]} has no INFO/{info} to cut sections by.")
            chunk = regular(chunk, rules, counts, path, people)
            chunk = without_duplicates(chunk, seen, rules, counts, path)
            if len(chunk):
                yield chunk, people


def haplotypes_of(people):
    """The rows of people's haplotypes: 2p and 2p + 1 for each person p."""
    people = np.asarray(people)
    return np.stack([2 * people, 2 * people + 1], axis=1).ravel()


def minor_allele_frequency(alleles):
    """Of each site, `(V,)`, from haplotypes `(n, V)`."""
    frequency = alleles.mean(axis=0, dtype="float64")
    return np.minimum(frequency, 1 - frequency)


def match_sites(haplotypes, sites, what):
    """The alleles of `haplotypes` at the given sites, `(n, len(sites))`.

    Raises:
        UserError: where a site is missing or its alleles differ, swapped above all; it names the first one.
    """
    place = {key: k for k, key in enumerate(haplotypes.sites[SITE_KEY].itertuples(index=False, name=None))}
    wanted = list(sites[SITE_KEY].itertuples(index=False, name=None))
    for contig, position, ref, alt in wanted:
        if (contig, position, ref, alt) in place:
            continue
        here = haplotypes.sites[(haplotypes.sites["contig"] == contig) & (haplotypes.sites["position"] == position)]
        site = f"{contig}:{position} ({ref}>{alt})"
        if ((here["ref"] == alt) & (here["alt"] == ref)).any():
            raise UserError(f"{what} has {site} with REF and ALT swapped: turn it to the model's reference first.")
        if len(here):
            other = here.iloc[0]
            raise UserError(f"{what} has other alleles at {site}: {other['ref']}>{other['alt']}.")
        known = set(haplotypes.sites["contig"])
        hint = f"; its contigs are {', '.join(sorted(known)[:5])}" if contig not in known else ""
        raise UserError(f"{what} lacks the site {site}, which the model was trained on{hint}.")
    return haplotypes.alleles[:, [place[key] for key in wanted]]


def _in_words(counts):
    return ", ".join(f"{n} {kind}" for kind, n in counts.items() if n) or "none"
