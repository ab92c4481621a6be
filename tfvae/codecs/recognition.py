"""What a column of a table is: a number, a few values, a constant, or nothing that a model can learn."""

import dataclasses
import re

import numpy as np
import pandas as pd

from tfvae.codecs.columns import CategoryColumn, Column, ConstantColumn
from tfvae.codecs.dates import date_format, seconds_of
from tfvae.codecs.normal_scores import NormalScores
from tfvae.codecs.number_column import NumberColumn
from tfvae.data.tables import EXACT
from tfvae.host.errors import UserError

IDENTIFIER = "an identifier: another value in every row"
_FEW_VALUES = 12  # different numbers, at most, that are taken for categories, where none of them is rare
_MOST_CATEGORIES = 500
_DECIMALS = 6
_MOST_ATOMS, _LEAST_REPEATS = 20, 10
_ATOM_SHARE = 0.01  # of a column without a grid, in which values do not repeat by chance
_REPEATING_ATOM_SHARE = 0.1  # of one whose values nearly all repeat
_GRID_ATOM_SHARE, _GRID_ATOM_EXCESS = 0.02, 2.5  # of one with a grid: and this many times either neighbour's
_ERRORS = 4  # standard errors of the difference, at least
_ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|key|index)$", re.I)
_DAY = 86_400


def column_of(series: pd.Series, plain: bool = False, wanted: bool = False) -> Column | str:
    """How a column is modelled, from its training rows; or the reason why it is left out.

    Args:
        series: with missing values or without.
        plain: bool, standardize numbers and do no more: no atoms, no categories of numbers, no spline.
        wanted: bool, integers are modelled although they look like identifiers.

    Raises:
        UserError: for values that no model can take.
    """
    series = series.infer_objects()  # columns of Python's numbers
    name, dtype = str(series.name), str(series.dtype)
    present = series.dropna()
    if not len(present):
        return "empty"
    first = present.iloc[0]
    if isinstance(first, (np.timedelta64, pd.Timedelta)) or not isinstance(
        first, (str, bool, int, float, np.generic, pd.Timestamp)
    ):
        raise UserError(
            f"Column {name!r} holds values of type {type(first).__name__}: make them numbers or text, or leave it out "
            f"by `exclude={name!r}`."
        )
    values = present.nunique()
    if values == 1 and len(present) == len(series):
        return ConstantColumn(name, dtype, first.item() if hasattr(first, "item") else first)
    if pd.api.types.is_bool_dtype(present) or values == 1:
        return CategoryColumn.of(series)
    if date := date_format(present):
        return _number_column(series, seconds_of(present, date), date=date)
    if not pd.api.types.is_numeric_dtype(present):
        return _text_column(series, present, values)
    numbers = present.to_numpy("float64")
    if pd.api.types.is_integer_dtype(present):
        if not wanted and _is_identifier(name, numbers):
            return IDENTIFIER
        if max(abs(int(present.min())), abs(int(present.max()))) >= EXACT:
            raise UserError(
                f"Column {name!r} holds integers beyond ±2^53, which floating point cannot tell apart: divide or exclude it."
            )
    if not plain and values <= _FEW_VALUES and present.value_counts().min() >= _LEAST_REPEATS:
        return CategoryColumn.of(series)
    return _number_column(series, numbers, plain=plain)


def _text_column(series, present, values):
    if not isinstance(series.dtype, pd.CategoricalDtype) and any(
        isinstance(v, int) and not isinstance(v, bool) for v in present.unique().tolist()
    ):
        raise UserError(f"Column {series.name!r} holds integers that overflow 64 bits: divide or exclude it.")
    if values > _MOST_CATEGORIES or values > max(2, len(present) // 2):
        text = present[pd.to_numeric(present, errors="coerce").isna()]
        if not len(text):
            return "numbers that are written as text: make them numbers by pandas.to_numeric"
        if len(text) < 0.5 * len(present):
            return f"numbers with text such as {text.iloc[0]!r} between them"
        if values == len(present) and not present.astype("string").str.contains(r"\s").mean() > 0.5:
            return IDENTIFIER
        return f"text with {values:,} different values in {len(present):,} rows"
    return CategoryColumn.of(series)


def _number_column(series, numbers, date="", plain=False):
    """The column of these numbers, which are there in the rows where the series has a value."""
    name = series.name
    size = np.abs(numbers).max() or 1.0
    with np.errstate(invalid="ignore"):  # of infinite values
        deviation = (numbers / size).std()
    if not np.isfinite(deviation * size) or deviation == 0:
        raise UserError(
            f"Column {name!r} cannot be standardized (its standard deviation is 0 or infinite): rescale or exclude it."
        )
    step, decimals = _grid(series, numbers, date, plain)
    atoms = () if plain else _atoms(numbers, step)
    free = numbers[~np.isin(numbers, atoms)]
    if len(np.unique(free)) < 3:
        atoms, free = (), numbers
    support = () if step or plain or len(free) < 2 * len(np.unique(free)) else tuple(np.unique(free).tolist())
    column = NumberColumn(
        str(name),
        str(series.dtype),
        NormalScores.standardizing(free),
        step,
        decimals,
        support,
        low=float(free.min()),
        high=float(free.max()),
        atoms=tuple(map(float, atoms)),
        missing=bool(series.isna().any()),
        date=date,
    )
    line = column.on_the_line(free, np.random.default_rng(0))
    return dataclasses.replace(column, scores=(NormalScores.standardizing if plain else NormalScores.fit)(line))


def _grid(series, numbers, date, plain):
    """(step, decimals) of the grid that the values lie on; a step of 0 for none."""
    if date:
        return (_DAY if (numbers % _DAY == 0).all() else 1.0 if (numbers % 1 == 0).all() else 0.0), 6
    integers = pd.api.types.is_integer_dtype(series.dtype)
    for decimals in range(1 if integers else _DECIMALS + 1):
        if (plain and not integers) or np.abs(numbers).max() * 10.0**decimals > EXACT:
            break
        if (np.round(numbers, decimals) == numbers).all():
            # Of values rounded to hundreds, 100: all are multiples of the greatest common divisor.
            common = np.gcd.reduce(np.round(numbers * 10.0**decimals).astype("int64"))
            return float(common) / 10.0**decimals, decimals
    return 0.0, 0


def _atoms(numbers, step):
    """The values that repeat: any often enough; on a grid, where all repeat, those that stand out from their neighbours."""
    values, counts = np.unique(numbers, return_counts=True)
    repeating = 2 * len(values) <= len(numbers)  # no grid, and yet values that come again: so do they all
    least = _GRID_ATOM_SHARE if step else _REPEATING_ATOM_SHARE if repeating else _ATOM_SHARE
    chosen = (counts >= _LEAST_REPEATS) & (counts >= least * len(numbers))
    if step:
        near = np.diff(values) < 1.5 * step
        beside = np.maximum(np.append(near * counts[1:], 0), np.insert(near * counts[:-1], 0, 0))
        chosen &= counts >= np.maximum(_GRID_ATOM_EXCESS * beside, beside + _ERRORS * np.sqrt(counts + beside))
    order = np.argsort(-counts[chosen], kind="stable")[:_MOST_ATOMS]
    return np.sort(values[chosen][order])


def _is_identifier(name, numbers):
    if len(np.unique(numbers)) < len(numbers) or len(numbers) < 20:
        return False
    contiguous = numbers.max() - numbers.min() + 1 == len(numbers)
    return bool(contiguous or (np.diff(numbers) > 0).all() or _ID_NAME.search(name))
