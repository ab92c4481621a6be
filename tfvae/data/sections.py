"""Sections: stretches of neighbouring sites, one model each."""

import abc
import dataclasses
import itertools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tfvae.data.recombination import map_table, read_breakpoints, read_map
from tfvae.host.errors import UserError


class Section(NamedTuple):
    """Rows `start` to `stop` (without it) of a table of sites."""

    name: str
    start: int
    stop: int

    def __len__(self):
        return self.stop - self.start


class Cutter(abc.ABC):
    """Abstract: says after which sites a section may, or must, end."""

    @abc.abstractmethod
    def cut(self, sites):
        """Rows of `sites`, all of one contig, at which a new section begins: increasing, between 1 and len(sites) − 1."""


@dataclasses.dataclass(frozen=True)
class ByCount(Cutter):
    """`size` sites each."""

    size: int

    def cut(self, sites):
        return np.arange(self.size, len(sites), self.size)


@dataclasses.dataclass(frozen=True)
class ByLength(Cutter):
    """`size` base pairs each, counted from the contig's first site."""

    size: int

    def cut(self, sites):
        position = sites["position"].to_numpy()
        return _changes((position - position[0]) // self.size)


@dataclasses.dataclass(frozen=True)
class ByBreakpoints(Cutter):
    """At given positions: a section ends with the last site at or before each.

    Args:
        path: a BED file (the ends of its intervals are the breakpoints), or a table with columns `contig` and `position`.
    """

    path: str

    def cut(self, sites):
        contig = sites["contig"].iloc[0]
        table = read_breakpoints(self.path)
        if contig not in set(table["contig"]):
            raise UserError(f"{self.path} has no breakpoint on contig {contig!r}.")
        at = table.loc[table["contig"] == contig, "position"].to_numpy()
        return np.unique(np.searchsorted(sites["position"].to_numpy(), at, side="right"))


@dataclasses.dataclass(frozen=True)
class ByGeneticLength(Cutter):
    """`size` centimorgans each, along a recombination map.

    Args:
        path: a table with columns position and map (cM), or position and rate (cM/Mb), and contig where it has several.
        size: float, cM.
    """

    path: str
    size: float

    def cut(self, sites):
        position, centimorgans, _ = read_map(self.path, sites["contig"].iloc[0])
        at = np.interp(sites["position"].to_numpy(), position, centimorgans)
        return _changes(((at - at[0]) // self.size).astype("int64"))


@dataclasses.dataclass(frozen=True)
class ByHotspots(Cutter):
    """At recombination hotspots: where a map's rate exceeds `rate`; of hotspots within 10 kb only the strongest counts.

    Args:
        path: a recombination map, see `ByGeneticLength`.
        rate: float, cM/Mb.

    Source: H2G2's sections (Halldorsson et al. 2019's map, hotspots above 5 cM/Mb).
    """

    path: str
    rate: float = 5.0

    def cut(self, sites):
        position, _, rates = read_map(self.path, sites["contig"].iloc[0])
        middles = (position[:-1] + position[1:]) / 2
        hot = [k for k in np.argsort(-rates, kind="stable") if rates[k] > self.rate]
        kept = []
        for k in hot:
            if all(abs(middles[k] - middles[j]) > 10_000 for j in kept):
                kept.append(k)
        return np.unique(np.searchsorted(sites["position"].to_numpy(), np.sort(middles[kept]), side="right"))


@dataclasses.dataclass(frozen=True)
class ByField(Cutter):
    """Where the INFO field changes that the sites were read with."""

    field: str

    def cut(self, sites):
        values = sites["section"].to_numpy()
        starts = _changes(values)
        again = pd.Series(values[np.concatenate([[0], starts]).astype(int)])
        if again.duplicated().any():
            raise UserError(
                f"INFO/{self.field} has the value {again[again.duplicated()].iloc[0]} in two stretches of contig "
                f"{sites['contig'].iloc[0]}: a section is one stretch."
            )
        return starts


def parse_sections(text: str) -> Cutter:
    """The `Cutter` that the text names.

    count:1000 (sites), bp:50000, cm:MAP:0.2, hotspots:MAP or hotspots:MAP:5 (cM/Mb), breaks:FILE, info:FIELD.
    """
    kind, _, rest = text.partition(":")
    try:
        if kind == "count":
            return ByCount(_positive(int(rest)))
        if kind == "bp":
            return ByLength(_positive(int(rest)))
        if kind == "cm":
            path, _, size = rest.rpartition(":")
            return ByGeneticLength(_checked(path, map_table), _positive(float(size)))
        if kind == "hotspots":
            path, _, rate = rest.rpartition(":")
            number = _positive(float(rate)) if path else 5.0
            return ByHotspots(_checked(path or rest, map_table), number)
        if kind == "breaks":
            return ByBreakpoints(_checked(rest, read_breakpoints))
        if kind == "info" and rest:
            return ByField(rest)
    except ValueError as error:
        if isinstance(error, UserError):
            raise
    raise UserError(
        f"`sections` {text!r} is not one of count:SITES, bp:LENGTH, cm:MAP:CENTIMORGANS, hotspots:MAP[:RATE], breaks:FILE "
        "and info:FIELD."
    )


def make_sections(sites: pd.DataFrame, cutter: Any, minimum: int = 2, maximum: Any = None) -> list:
    """The `Section`s of a table of sites, none across contigs.

    Args:
        sites: `pandas.DataFrame` with contig, position and section, sorted as read.
        cutter: `Cutter`.
        minimum: int, sites: a section goes on past its end until it has as many; a last one with fewer joins the one
            before it.
        maximum: int or None, sites: a longer section is cut into equal parts.

    Raises:
        UserError: where a contig has fewer than `minimum` sites.
    """
    if maximum is not None and maximum < 2 * minimum:
        raise UserError(f"The maximum must be at least twice the minimum of {minimum} sites, but is {maximum}.")
    found, contigs = [], sites["contig"].to_numpy()
    bounds = [0, *_changes(contigs), len(sites)]
    for first, last in itertools.pairwise(bounds):
        if last - first < minimum:
            raise UserError(
                f"Contig {contigs[first]} has {last - first} sites, fewer than the minimum of {minimum} for a section."
            )
        starts = [first]
        for start in (first + cutter.cut(sites.iloc[first:last])).tolist():
            if start - starts[-1] >= minimum and start < last:
                starts.append(start)
        if len(starts) > 1 and last - starts[-1] < minimum:
            starts.pop()
        for start, stop in zip(starts, [*starts[1:], last], strict=True):
            parts = 1 if maximum is None else -(-(stop - start) // maximum)
            edges = np.linspace(start, stop, parts + 1).round().astype(int).tolist()
            found += itertools.pairwise(edges)
    width = len(str(len(found) - 1))
    return [Section(f"{k:0{width}d}", *rows) for k, rows in enumerate(found)]


def section_table(sites, sections):
    """A row for each section: name, contig, first and last position, number of sites."""
    position, contig = sites["position"].to_numpy(), sites["contig"].to_numpy()
    return [
        {
            "section": s.name,
            "contig": contig[s.start],
            "first": int(position[s.start]),
            "last": int(position[s.stop - 1]),
            "sites": len(s),
        }
        for s in sections
    ]


def _changes(values):
    return np.flatnonzero(values[1:] != values[:-1]) + 1


def _positive(value):
    if not value > 0:
        raise ValueError(value)
    return value


def _checked(path, read):
    if not Path(path).is_file():
        raise UserError(f"There is no file {path}.")
    read(path)
    return path
