"""Tables: read from a file, checked, split, and written."""

import codecs
import csv
import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd

from tfvae.data.arrays import read_arrays, reason_of
from tfvae.data.files import replacing
from tfvae.data.known_tables import KNOWN_TABLES
from tfvae.host.errors import UserError

SUFFIXES = (".csv", ".tsv", ".xlsx", ".parquet", ".npy", ".npz")  # of the files that `write_table` writes
_SEPARATORS = (",", ";", "\t", "|")
EXACT = 2**53  # float64 holds every integer below


def read_table(path: str | Path, others: str = "") -> pd.DataFrame:
    """The table in a .csv, .tsv, .xlsx, .parquet, .npy or .npz file, or one of `KNOWN_TABLES`, as a DataFrame.

    Text may be in UTF-8 or UTF-16, with commas, semicolons (and decimal commas), tabs or bars between the columns.

    Args:
        path: of the file, or the name of the set.
        others: what else may be given there, for the error of a file that is no table.

    Raises:
        UserError: where the file is missing, damaged, empty, or not a table.
    """
    if str(path) in KNOWN_TABLES:
        return KNOWN_TABLES[str(path)].load()
    path = Path(path)
    readers = {".csv": _read_text, ".tsv": _read_text, ".txt": _read_text, ".xlsx": _read_excel,
               ".parquet": _read_parquet, ".npy": _read_npy, ".npz": _read_npz}  # fmt: skip
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise UserError(
            f"{path} is not a table that tfvae reads: give a .csv, .tsv, .xlsx, .parquet, .npy or .npz file{others}."
        )
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    try:
        frame = readers[suffix](path)
    except UserError:
        raise
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty.") from None
    except (ValueError, OSError, EOFError, KeyError) as error:
        raise UserError(f"{path} cannot be read, it is damaged or truncated: {reason_of(error)}.") from None
    if not len(frame) or not len(frame.columns):
        raise UserError(f"{path} has no rows.")
    frame.columns = [str(c) for c in frame.columns]
    if frame.columns.has_duplicates:
        raise UserError(f"{path} has two columns named {frame.columns[frame.columns.duplicated()][0]!r}.")
    return frame


def write_table(frame: pd.DataFrame, path: str | Path) -> None:
    """Writes a DataFrame as .csv, .tsv, .xlsx, .parquet, .npy or .npz (numbers only in these two), whole or not at all."""
    path = Path(path)
    writers = {
        ".csv": lambda p: frame.to_csv(p, index=False),
        ".tsv": lambda p: frame.to_csv(p, index=False, sep="\t"),
        ".xlsx": lambda p: _with_extra("excel", "openpyxl", lambda: frame.to_excel(p, index=False)),
        ".parquet": lambda p: _with_extra("parquet", "pyarrow", lambda: frame.to_parquet(p, index=False)),
        ".npy": lambda p: np.save(p, _numbers(frame, path)),
        ".npz": lambda p: np.savez_compressed(p, x=_numbers(frame, path), columns=np.array(frame.columns, dtype=str)),
    }
    suffix = path.suffix.lower()
    if suffix not in writers:
        raise UserError(
            f"{path} cannot be written: give a name that ends in .csv, .tsv, .xlsx, .parquet, .npy or .npz."
        )
    try:
        with replacing(path) as temporary:
            writers[suffix](temporary)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}).") from None


def file_hash(path):
    """SHA-256 of a file's bytes; of the table itself for a data set by name."""
    if not Path(path).is_file():
        return hashlib.sha256(read_table(path).to_csv(index=False).encode()).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def frame_hash(frame):
    """SHA-256 of a table's columns, types and values."""
    digest = hashlib.sha256(repr([(str(name), str(dtype)) for name, dtype in frame.dtypes.items()]).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def array_hash(array):
    """SHA-256 of an array's values and shape."""
    digest = hashlib.sha256(str((array.shape, array.dtype.str)).encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_values(frame, missing="refuse"):
    """The rows that are left; raises UserError for infinite values, and for missing ones where those are to be refused.

    Args:
        missing: "model" keeps rows with missing values, "drop" leaves them out, "refuse" raises.
    """
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_float_dtype(column) and np.isinf(column.to_numpy()).any():
            rows = np.flatnonzero(np.isinf(column.to_numpy()))
            raise UserError(
                f"Column {name!r} has {len(rows)} infinite values, first in row {rows[0] + 1}: remove them."
            )
    incomplete = frame.isna().any(axis=1).to_numpy()
    if incomplete.any() and missing == "refuse":
        names = ", ".join(repr(n) for n in frame.columns[frame.isna().any()][:5])
        raise UserError(
            f"{incomplete.sum()} of {len(frame)} rows have missing values (NaN), in {names}: fill them, or leave such rows "
            'out when a model is fitted, by `missing="drop"`.'
        )
    kept = frame if missing == "model" else frame[~incomplete]
    if not len(kept):
        raise UserError("No row is left: every one has missing values.")
    return kept


def split_rows(n, holdout, seed):
    """Seeded (train, validation, held-out) row numbers; validation, for early stopping, is a ninth of the rest."""
    order = np.random.default_rng(seed).permutation(n)
    num_held_out = round(n * holdout)
    num_validation = (n - num_held_out) // 9
    if min(num_held_out, num_validation) < 2:
        least = int(np.ceil(max(1.6 / holdout, 18.5 / (1 - holdout))))
        raise UserError(f"{n} rows are too few to hold some out: give at least {least}.")
    a, b = num_held_out, num_held_out + num_validation
    return np.sort(order[b:]), np.sort(order[a:b]), np.sort(order[:a])


def _read_text(path):
    """As pandas reads it, which would rename a second column of one name, and take any separator for text."""
    with open(path, "rb") as file:
        start = file.read(2**16)
    encoding = "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    text = start.decode(encoding, errors="replace")
    header = text.partition("\n")[0].strip()
    separator = max(_SEPARATORS, key=lambda s: len(next(csv.reader([header], delimiter=s), [])))
    decimal = "," if separator == ";" and re.search(r"\d,\d", text) and not re.search(r"\d\.\d", text) else "."
    how = {"sep": separator, "encoding": encoding, "decimal": decimal}
    frame = pd.read_csv(path, **how)
    names = pd.read_csv(path, header=None, nrows=1, dtype=str, **how).iloc[0].dropna()
    if names.duplicated().any():
        raise UserError(f"{path} has two columns named {names[names.duplicated()].iloc[0]!r}.")
    return frame


def _read_excel(path):
    return _with_extra("excel", "openpyxl", lambda: pd.read_excel(path, engine="openpyxl"))


def _read_parquet(path):
    return _with_extra("parquet", "pyarrow", lambda: pd.read_parquet(path, engine="pyarrow"))


def _with_extra(extra, package, act):
    try:
        return act()
    except ImportError:
        raise UserError(f"Such files need {package}: install it with `pip install tfvae[{extra}]`.") from None


def _read_npy(path):
    return _frame_of(read_arrays(path)[""], path)


def _read_npz(path):
    arrays = read_arrays(path)
    names = [n for n in ("x", "x_train", "data") if n in arrays] or list(arrays)
    if not names:
        raise UserError(f"{path} holds no array.")
    if len(names) > 1 and names[0] not in ("x", "x_train", "data"):
        raise UserError(f"{path} holds the arrays {', '.join(names)[:200]}: name the one to use `x`.")
    frame = _frame_of(arrays[names[0]], path)
    columns = arrays.get("columns", np.array([]))
    if columns.dtype.kind == "U" and columns.shape == (len(frame.columns),):
        frame.columns = columns.tolist()
    return frame


def _frame_of(array, path):
    if array.ndim == 0 or array.dtype.kind not in "fiub":
        raise UserError(f"{path} must hold rows of numbers, but holds {array.dtype} of shape {array.shape}.")
    if not array.size:
        raise UserError(f"{path} has no rows.")
    array = array.reshape(len(array), -1)
    if array.dtype == np.uint64 and len(array) and array.max() >= EXACT:
        raise UserError(f"{path} holds integers beyond ±2^53, which floating point cannot tell apart: divide them.")
    return pd.DataFrame(array, columns=[f"x{k}" for k in range(array.shape[1])])


def _numbers(frame, path):
    if not all(pd.api.types.is_numeric_dtype(frame[c]) for c in frame):
        raise UserError(f"{path} can hold numbers only, and the table has text: write a .csv or .parquet file.")
    plain = frame.astype({c: "int8" for c in frame if pd.api.types.is_bool_dtype(frame[c])})
    return np.stack([plain[c].to_numpy() for c in plain], axis=1)
