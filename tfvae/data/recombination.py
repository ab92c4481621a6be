"""Breakpoints and recombination maps, read from tables as people publish them."""

from pathlib import Path

import numpy as np
import pandas as pd

from tfvae.host.errors import UserError


def read_breakpoints(path):
    """A table of contig and position, out of a BED file (the ends of its intervals) or a table with these columns."""
    if Path(path).suffix.lower() == ".bed":
        table = _read_table(path, header=None, comment="#")
        if len(table.columns) < 3:
            raise UserError(f"{path} is no BED file: it needs contig, start and end, without a header.")
        table = table.iloc[:, [0, 2]].set_axis(["contig", "position"], axis=1)
    else:
        table = _read_table(path)
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


def map_table(path):
    """(table of a recombination map, what its columns are called)."""
    table = _read_table(path, comment="#")
    table.columns = [c.lower() for c in table.columns]
    column = {k: next((c for c in some if c in table), None) for k, some in _MAP_COLUMNS.items()}
    if column["position"] is None or (column["map"] is None and column["rate"] is None):
        raise UserError(f"{path} is no recombination map: it needs position, and map (cM) or rate (cM/Mb).")
    return table, column


def read_map(path, contig):
    """(positions, cM at each, cM/Mb between each and the next) of a contig."""
    table, column = map_table(path)
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


def _read_table(path, **arguments):
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
