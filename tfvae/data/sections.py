"""Sections: stretches of neighbouring sites, one model each."""

import abc
import dataclasses
import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tfvae.errors import UserError


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
        table = _breakpoints(self.path)
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
        position, centimorgans, _ = _map(self.path, sites["contig"].iloc[0])
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
        position, _, rates = _map(self.path, sites["contig"].iloc[0])
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


def parse_sections(text):
    """The `Cutter` that `--sections` names.

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
            return ByGeneticLength(_checked(path, _map_table), _positive(float(size)))
        if kind == "hotspots":
            path, _, rate = rest.rpartition(":")
            number = _positive(float(rate)) if path else 5.0
            return ByHotspots(_checked(path or rest, _map_table), number)
        if kind == "breaks":
            return ByBreakpoints(_checked(rest, _breakpoints))
        if kind == "info" and rest:
            return ByField(rest)
    except ValueError as error:
        if isinstance(error, UserError):
            raise
    raise UserError(
        f"--sections {text!r} is not one of count:SITES, bp:LENGTH, cm:MAP:CENTIMORGANS, hotspots:MAP[:RATE], breaks:FILE "
        "and info:FIELD."
    )


def make_sections(sites, cutter, minimum=2, maximum=None):
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


def _breakpoints(path):
    if Path(path).suffix.lower() == ".bed":
        table = _read(path, header=None, comment="#")
        if len(table.columns) < 3:
            raise UserError(f"{path} is no BED file: it needs contig, start and end, without a header.")
        table = table.iloc[:, [0, 2]].set_axis(["contig", "position"], axis=1)
    else:
        table = _read(path)
        table.columns = [c.lower() for c in table.columns]
        if not {"contig", "position"} <= set(table.columns):
            raise UserError(f"{path} needs the columns contig and position; it has {', '.join(table.columns)}.")
    table["contig"] = table["contig"].astype(str)
    table["position"] = _numbers(table["position"], path)
    for contig, group in table.groupby("contig", sort=False):
        back = np.flatnonzero(np.diff(group["position"]) <= 0)
        if len(back):
            a, b = group["position"].iloc[back[0]], group["position"].iloc[back[0] + 1]
            raise UserError(f"{path} has its breakpoints out of order: {contig}:{b:.0f} stands after {contig}:{a:.0f}.")
    return table


_MAP_COLUMNS = {  # what maps call them
    "contig": ("contig", "chrom", "chr", "chromosome"),
    "position": ("position", "pos", "position(bp)"),
    "map": ("map", "cm", "map(cm)"),
    "rate": ("rate", "rate(cm/mb)", "cm/mb"),
}


def _map_table(path):
    """(table of a recombination map, what its columns are called)."""
    table = _read(path, comment="#")
    table.columns = [c.lower() for c in table.columns]
    column = {k: next((c for c in some if c in table), None) for k, some in _MAP_COLUMNS.items()}
    if column["position"] is None or (column["map"] is None and column["rate"] is None):
        raise UserError(f"{path} is no recombination map: it needs position, and map (cM) or rate (cM/Mb).")
    return table, column


def _map(path, contig):
    """(positions, cM at each, cM/Mb between each and the next) of a contig."""
    table, column = _map_table(path)
    if column["contig"] is not None:
        contigs = table[column["contig"]].astype(str).str.removeprefix("chr")
        table = table[contigs == str(contig).removeprefix("chr")]
    if len(table) < 2:
        raise UserError(f"{path} has fewer than two positions on contig {contig}.")
    position = _numbers(table[column["position"]], path)
    if (np.diff(position) <= 0).any():
        k = int(np.flatnonzero(np.diff(position) <= 0)[0])
        raise UserError(f"{path} has its positions out of order: {position[k + 1]:.0f} stands after {position[k]:.0f}.")
    spans = np.diff(position) / 1e6
    if column["map"] is None:
        rates = _numbers(table[column["rate"]], path)[:-1]
        if (rates < 0).any():
            raise UserError(f"{path} has negative rates of recombination.")
        return position, np.concatenate([[0.0], np.cumsum(rates * spans)]), rates
    centimorgans = _numbers(table[column["map"]], path)
    if (np.diff(centimorgans) < 0).any():
        raise UserError(f"{path} has a map that falls: centimorgans only grow with the position.")
    return position, centimorgans, np.diff(centimorgans) / spans


def _read(path, **arguments):
    try:
        table = pd.read_csv(path, sep=r"\s+|,", engine="python", **arguments)
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise UserError(f"{path} cannot be read as a table: {str(error).splitlines()[0]}") from None
    if not len(table):
        raise UserError(f"{path} has no rows.")
    return table


def _numbers(column, path):
    values = pd.to_numeric(column, errors="coerce").to_numpy("float64")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise UserError(f"{path} has {column.iloc[row]!r} where a number is expected, in row {row + 1}.")
    return values
