"""Files of variants, read in chunks of phased biallelic genotypes; what is irregular is counted, never recoded."""

import collections
from pathlib import Path

import numpy as np

from tfvae.data.variant_sources import MISSING, PADDING, SEQUENCE, BCFSource, ZarrSource
from tfvae.data.vcf_text import TextSource
from tfvae.host.errors import UserError

SUFFIXES = (".vcf", ".vcf.gz", ".bcf", ".vcz", ".zarr")
_CHUNK_GENOTYPES = 2**19  # people × records held at a time

# What a record may be that is no biallelic, phased, diploid one -> (what the choice may be, what to do about it).
IRREGULAR = {
    "unphased": (("refuse", "drop"), "phase the file first"),
    "missing": (("refuse", "drop", "impute"), "impute the file first"),
    "multiallelic": (("refuse", "drop"), "split such records, as `bcftools norm -m-` does"),
    "symbolic": (("refuse", "drop"), "its ALT is not a sequence"),
    "haploid": (("refuse", "drop"), "one haplotype is not two"),
    "duplicate": (("refuse", "drop"), "the same site stands there already"),
}


def is_variant_file(path):
    """Whether the name is one of a file of variants."""
    return str(path).lower().rstrip("/").endswith(SUFFIXES)


def parse_irregular(text):
    """What to do with irregular records, from "drop", or "missing=impute,unphased=drop"; the rest is refused."""
    rules = dict.fromkeys(IRREGULAR, "refuse")
    for part in filter(None, (p.strip() for p in text.split(","))):
        kind, _, rule = part.partition("=")
        if part in ("refuse", "drop"):
            rules = dict.fromkeys(IRREGULAR, part)
        elif kind in IRREGULAR and rule in IRREGULAR[kind][0]:
            rules[kind] = rule
        else:
            allowed = "; ".join(f"{k}={'|'.join(c)}" for k, (c, _) in IRREGULAR.items())
            raise UserError(f"`irregular` {part!r} is not a rule: give refuse, drop, or some of {allowed}.")
    return rules


class VariantFile:
    """One file of variants, opened and checked; `chunks` reads it once.

    Args:
        path: .vcf, .vcf.gz, .bcf, or a folder of VCF Zarr.

    Raises:
        UserError: where the file is missing, no such file, truncated, without people, or without the library it takes.
    """

    def __init__(self, path):
        self.path = Path(path)  # without a last slash
        path = self.path
        if not is_variant_file(path):
            raise UserError(f"{path} is not a file of variants: give {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
        if not self.path.exists():
            raise UserError(f"There is no file {path}.")
        suffix = self.path.suffix.lower()
        source = ZarrSource if suffix in (".vcz", ".zarr") else BCFSource if suffix == ".bcf" else TextSource
        self._source = source(self.path)
        self.samples = list(self._source.samples)
        if not self.samples:
            raise UserError(f"{path} has no people: it has no genotypes to learn from.")
        twice = [name for name, n in collections.Counter(self.samples).items() if n > 1]
        if twice:
            raise UserError(f"{path} has the sample {twice[0]!r} twice: rename one of them.")

    @property
    def lengths(self):
        """Contig -> its length in base pairs, 0 where the header has none."""
        return self._source.lengths

    def chunks(self, columns=None, region=None, info=None):
        """`Chunk`s of records in the file's order.

        Args:
            columns: the people, as positions in `samples`; None for all.
            region: "CONTIG" or "CONTIG:FIRST-LAST", positions from 1 and both within; read by the index where there is
                one, and else by going through the file.
            info: name of an INFO field that goes into `Chunk.section`.
        """
        where = None if region is None else parse_region(region)
        if where is not None and self.lengths and where[0] not in self.lengths:
            raise UserError(
                f"{self.path} has no contig {where[0]!r}; it has {', '.join(list(self.lengths)[:10])}: "
                "a region is CONTIG or CONTIG:FIRST-LAST."
            )
        size = max(1, _CHUNK_GENOTYPES // len(self.samples))
        everyone = columns is None or list(columns) == list(range(len(self.samples)))
        found = False
        for chunk in self._read(size, where, info):
            if where is not None:
                contig, first, last = where
                chunk = chunk[(chunk.contig == contig) & (chunk.position >= first) & (chunk.position <= last)]
            if len(chunk):
                found = True
                yield chunk if everyone else chunk.of_people(columns)
        if not found:
            raise UserError(f"{self.path} has no record{'' if region is None else f' in the region {region}'}.")

    def _read(self, *arguments):
        try:
            yield from self._source.chunks(*arguments)
        except OSError as error:
            raise UserError(f"{self.path} cannot be read ({error.strerror or error}).") from None


def parse_region(text):
    """("1", first, last) of "1:FIRST-LAST" or "1"."""
    contig, colon, span = text.rpartition(":")
    if not colon:
        return text, 0, np.iinfo("int64").max
    first, dash, last = span.replace(",", "").partition("-")
    if not (first.isdecimal() and last.isdecimal() and dash) or int(first) > int(last):
        raise UserError(f"{text!r} is not a region: give CONTIG or CONTIG:FIRST-LAST, such as 1:1000000-2000000.")
    return contig, int(first), int(last)


def regular(chunk, rules, counts, path, samples):
    """The biallelic, phased, diploid records of a chunk; what the others are is added to `counts`.

    Args:
        chunk: `Chunk`.
        rules: as `parse_irregular` returns them.
        counts: dict kind -> number of records, added to.
        path, samples: for messages.

    Raises:
        UserError: at the first record that the rules refuse; it names file, position and sample.
    """
    alleles = chunk.alleles
    several = _matching(chunk.alt, lambda a: "," in a)
    symbolic = _matching(chunk.alt, lambda a: "," not in a and not SEQUENCE.fullmatch(a) and a != ".")
    binary = alleles.min(initial=0) >= 0 and alleles.max(initial=0) <= 1
    if binary and chunk.phased.all() and not several.any() and not symbolic.any():
        return chunk
    bad = {
        "multiallelic": (alleles > 1).any(axis=(1, 2)) | several,
        "symbolic": symbolic,
        "haploid": (alleles == PADDING).any(axis=(1, 2)),
        "missing": (alleles == MISSING).any(axis=(1, 2)),
        "unphased": _unphased(chunk).any(axis=1),
    }
    kept = np.ones(len(chunk), bool)
    for kind, where in bad.items():
        where &= kept
        if where.any():
            _refuse_or_count(kind, where, chunk, rules, counts, path, samples)
            if rules[kind] == "drop":
                kept &= ~where
    chunk = chunk[kept]
    chunk = chunk[(chunk.alleles != MISSING).any(axis=(1, 2))]  # of what is known nowhere, nothing is imputed
    unknown = chunk.alleles == MISSING
    if unknown.any():  # the rule says impute: the commoner allele of the site
        common = (chunk.alleles == 1).sum(axis=(1, 2)) > (chunk.alleles == 0).sum(axis=(1, 2))
        chunk.alleles = np.where(unknown, common[:, None, None], chunk.alleles).astype("int8")
    return chunk


class SeenSites:
    """Tells the records of a site that has been seen, from one chunk to the next; positions do not go back."""

    def __init__(self):
        self.at, self.keys = None, set()

    def are_new(self, chunk):
        """A mask `(n,)`; from now on these sites have been seen."""
        new = np.zeros(len(chunk), bool)
        for k, key in enumerate(chunk.keys()):
            if key[:2] != self.at:
                self.at, self.keys = key[:2], set()
            new[k] = key not in self.keys
            self.keys.add(key)
        return new


def without_duplicates(chunk, seen, rules, counts, path):
    """The records whose sites are not among the `SeenSites`; other arguments as for `regular`."""
    new = seen.are_new(chunk)
    if not new.all():
        _refuse_or_count("duplicate", ~new, chunk, rules, counts, path, None)
    return chunk[new]


def _refuse_or_count(kind, where, chunk, rules, counts, path, samples):
    counts[kind] = counts.get(kind, 0) + int(where.sum())
    if rules[kind] != "refuse":
        return
    k = int(np.flatnonzero(where)[0])
    choices, remedy = IRREGULAR[kind]
    person = _first_person(kind, chunk[k : k + 1], samples)
    others = " or ".join(f'`irregular="{kind}={c}"`' for c in choices[1:])
    raise UserError(
        f"{path}, {chunk.contig[k]}:{chunk.position[k]} ({_short(chunk.ref[k])}>{_short(chunk.alt[k])}) is {kind}{person}: "
        f"{remedy}, or give {others}."
    )


def _first_person(kind, record, samples):
    tests = {
        "unphased": _unphased,
        "missing": lambda c: (c.alleles == MISSING).any(axis=2),
        "haploid": lambda c: (c.alleles == PADDING).any(axis=2),
    }
    if kind not in tests:
        return ""
    return f" in sample {samples[int(np.flatnonzero(tests[kind](record)[0])[0])]}"


def _unphased(chunk):
    """Two alleles, or one and an unknown one, without a phase; a homozygous call needs none."""
    return ~chunk.phased & (chunk.alleles[..., 0] != chunk.alleles[..., 1]) & (chunk.alleles != PADDING).all(axis=2)


def _matching(words, test):
    return np.fromiter((test(w) for w in words), bool, len(words))


def _short(allele):
    return allele if len(allele) <= 20 else f"{allele[:17]}…"
