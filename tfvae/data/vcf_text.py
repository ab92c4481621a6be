"""Records out of VCF as text: strict, and faster than parsing it field by field."""

import contextlib
import gzip
import itertools
import re
import zlib

import numpy as np

from tfvae.data.variant_sources import MISSING, PADDING, SEQUENCE, Chunk, check_whole, has_index, objects
from tfvae.host.errors import UserError
from tfvae.host.requirements import require

_FIXED = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
_CONTIG = re.compile(r"##contig=<.*?\bID=([^,>]+)(?:.*?\blength=(\d+))?")
_CALL = re.compile(rb"(0|[1-9]\d*|\.)(?:([|/])(0|[1-9]\d*|\.))?")
_POSITION = re.compile(r"[0-9]{1,10}")
_NAME = re.compile(r"[!-~]+")  # printable, no space
_LAST = 2**29 - 1  # the last position that a tabix index holds
_LOOKUP = np.full(256, 127, "int8")  # a byte of a call -> its allele
_LOOKUP[[ord("0"), ord("1"), ord(".")]] = 0, 1, MISSING


class TextSource:
    """.vcf and .vcf.gz.

    A call of "0|1" or the like takes three bytes: where all calls of a line do and nothing but GT is there, the line is
    looked at as an array of bytes; any other is split call by call.
    """

    def __init__(self, path):
        check_whole(path)
        self.path = path
        self.lengths = {}
        with self._open() as file, _reading(path, lambda: "its header"):
            self.samples, self._body = self._header(file)

    def _open(self):
        with open(self.path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        return gzip.open(self.path, "rb") if packed else open(self.path, "rb")

    def _header(self, file):
        """(samples, number of the first line after the header)."""
        for number, line in enumerate(file, 1):
            text = self._decoded(line, number).rstrip("\r\n")
            if number == 1 and not text.startswith("##fileformat=VCF"):
                raise UserError(f"{self.path} is not VCF: its first line is not ##fileformat=VCF….")
            if text.startswith("##contig"):
                contig = _CONTIG.match(text)
                if contig:
                    self.lengths[contig[1]] = int(contig[2] or 0)
            elif not text.startswith("##"):
                names = text.split("\t")
                if names[:8] != _FIXED[:8] or (len(names) > 8 and names[8] != "FORMAT"):
                    raise UserError(f"{self.path}, line {number} must be the line of columns, #CHROM to FORMAT.")
                unnamed = [k for k, name in enumerate(names[9:], 10) if not name]
                if unnamed:
                    raise UserError(f"{self.path}, line {number} has no name in column {unnamed[0]}.")
                return names[9:], number
        raise UserError(f"{self.path} ends within its header.")

    def chunks(self, size, where, info):
        if where is not None and has_index(self.path):
            lines, numbers = self._fetched(where), itertools.repeat(None)
        else:
            lines, numbers = self._lines(), itertools.count(self._body + 1)
        numbered = zip(lines, numbers, strict=False)
        while some := [self._parsed(line, number, info) for line, number in itertools.islice(numbered, size)]:
            *sites, calls, alone, at = zip(*some, strict=True)
            alleles, phased = self._called(calls, alone, sites[4], at)
            contig, position, *words = sites
            yield Chunk(objects(contig), np.array(position, "int64"), *map(objects, words), alleles, phased)

    def _lines(self):
        number = 0
        with self._open() as file, _reading(self.path, lambda: f"line {number}"):
            for number, line in enumerate(file, 1):
                if number > self._body:
                    yield line.rstrip(b"\r\n")

    def _fetched(self, where):
        pysam = require("pysam", "vcf")
        contig, first, last = where
        pysam.set_verbosity(0)  # its errors are ours to tell
        try:
            with pysam.TabixFile(str(self.path), encoding="utf-8") as file:
                if contig in file.contigs and first < _LAST:
                    for line in file.fetch(contig, max(first - 1, 0), min(last, _LAST)):
                        yield line.encode()
        except (OSError, ValueError, NotImplementedError):
            raise UserError(
                f"The index of {self.path} does not fit the file: index it again, with `tabix -f -p vcf`."
            ) from None

    def _decoded(self, data, number):
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise UserError(f"{self.path}, {_at(number)} is not text: the file is damaged.") from None

    def _parsed(self, line, number, info):
        """(contig, position, id, ref, alt, section, the bytes of the calls, whether GT stands alone, where it is)."""
        fields = line.split(b"\t", 9)
        if len(fields) < 10:
            raise UserError(f"{self.path}, {_at(number)} has {len(fields)} columns instead of {9 + len(self.samples)}.")
        head = self._decoded(b"\t".join(fields[:9]), number).split("\t")
        contig, position, name, ref, alt, _, _, about, form = head
        if not _POSITION.fullmatch(position) or not _NAME.fullmatch(contig):
            raise UserError(
                f"{self.path}, {_at(number)} has no contig and position, but {contig[:20]!r}, {position[:20]!r}."
            )
        where = f"{_at(number)} ({contig}:{position})" if number else f"{contig}:{position}"
        if (
            not SEQUENCE.fullmatch(ref)
            or not all(_NAME.fullmatch(a) for a in alt.split(","))
            or not _NAME.fullmatch(name)
        ):
            raise UserError(
                f"{self.path}, {where} has no valid ID, REF and ALT: {name[:20]!r}, {ref[:20]!r}, {alt[:20]!r}."
            )
        if form.split(":")[0] != "GT":
            raise UserError(
                f"{self.path}, {where} has no genotypes: its FORMAT is {form[:40]!r} and does not begin with GT."
            )
        return contig, int(position), name, ref, alt, _info(about, info), fields[9], form == "GT", where

    def _called(self, calls, alone, alternatives, at):
        """Alleles `(n, people, 2)` and phased `(n, people)` of the bytes of some lines; `alone`: FORMAT is GT alone."""
        people = len(self.samples)
        alleles = np.empty((len(calls), people, 2), "int8")
        phased = np.empty((len(calls), people), bool)
        quick = [k for k, c in enumerate(calls) if alone[k] and len(c) == 4 * people - 1]
        table = np.frombuffer(b"".join(calls[k] + b"\t" for k in quick), "uint8").reshape(-1, people, 4)
        bar = table[..., 1] == ord("|")
        found = _LOOKUP[table[..., ::2]]
        plain = (table[..., 3] == 9).all(axis=1) & (bar | (table[..., 1] == ord("/"))).all(axis=1)
        plain &= (found < 127).all(axis=(1, 2))
        quick = np.array(quick, int)
        alleles[quick[plain]], phased[quick[plain]] = found[plain], bar[plain]
        for k in sorted(set(range(len(calls))) - set(quick[plain].tolist())):
            number = 0 if alternatives[k] == "." else alternatives[k].count(",") + 1
            alleles[k], phased[k] = self._split(calls[k], number, at[k])
        none = [k for k in np.flatnonzero((alleles > 0).any(axis=(1, 2))) if alternatives[k] == "."]
        if none:
            raise UserError(f"{self.path}, {at[none[0]]} has the allele 1, but no ALT.")
        return alleles, phased

    def _split(self, calls, num_alternatives, where):
        """The alleles and phases of one line, call by call."""
        fields = calls.split(b"\t")
        if len(fields) != len(self.samples):
            raise UserError(f"{self.path}, {where} has {len(fields)} genotypes for {len(self.samples)} people.")
        alleles, phased = np.full((len(fields), 2), PADDING, "int8"), np.ones(len(fields), bool)
        for k, field in enumerate(fields):
            call = field.partition(b":")[0]
            match = _CALL.fullmatch(call)
            if not match:
                more = "more than two alleles" if re.fullmatch(rb"[\d.]+([|/][\d.]+){2,}", call) else "no genotype"
                raise UserError(
                    f"{self.path}, {where} has {more} in sample {self.samples[k]}: {call[:20].decode(errors='replace')!r}."
                )
            for side, allele in enumerate((match[1], match[3])):
                if allele is not None:
                    value = MISSING if allele == b"." else int(allele)
                    if value > num_alternatives:
                        raise UserError(f"{self.path}, {where} has the allele {value}, but {num_alternatives} ALT.")
                    alleles[k, side] = min(value, 127)
            phased[k] = match[2] != b"/"
            if call == b".":
                alleles[k] = MISSING
        return alleles, phased


@contextlib.contextmanager
def _reading(path, place):
    """Turns what a damaged file does to Python's readers into one sentence; `place()` says after what it came."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UserError(f"{path} is damaged or truncated after {place()}: its compressed data end early.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from None


def _at(number):
    return "the record" if number is None else f"line {number}"


def _info(about, name):
    """The value of an INFO field, as a number where it is one."""
    if name is None:
        return None
    for part in about.split(";"):
        key, _, value = part.partition("=")
        if key == name:
            try:
                return int(value)
            except ValueError:
                return value
    return None
