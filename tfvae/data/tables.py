"""Tables: read from a file, turned into what a model takes, and back into the data's units, names, order and types."""

import dataclasses
import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from tfvae.errors import UserError

_EXACT = 2**53  # float64 holds every integer below
_MOST_CATEGORIES = 100
NUMERIC, INTEGER, CATEGORICAL, CONSTANT = "numeric", "integer", "categorical", "constant"


def read_table(path):
    """The table in a .csv, .parquet, .npy or .npz file, or the data set "digits" of scikit-learn, as a DataFrame.

    Raises:
        UserError: where the file is missing, damaged, empty, or not a table.
    """
    if str(path) == "digits":
        return _digits()
    path = Path(path)
    readers = {".csv": pd.read_csv, ".parquet": _read_parquet, ".npy": _read_npy, ".npz": _read_npz}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise UserError(
            f"{path} is not a table that tfvae reads: give a .csv, .parquet, .npy or .npz file, or `digits`."
        )
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    try:
        frame = readers[suffix](path)
    except UserError:
        raise
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty.") from None
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()
        raise UserError(
            f"{path} cannot be read, it is damaged or truncated: {reason[0] if reason else error!r}."
        ) from None
    if not len(frame) or not len(frame.columns):
        raise UserError(f"{path} has no rows.")
    frame.columns = [str(c) for c in frame.columns]
    if frame.columns.has_duplicates:
        raise UserError(f"{path} has two columns named {frame.columns[frame.columns.duplicated()][0]!r}.")
    return frame


def write_table(frame, path):
    """Writes a DataFrame as .csv, .parquet, .npy or .npz (numbers only in the last two), whole or not at all."""
    path = Path(path)
    writers = {
        ".csv": lambda p: frame.to_csv(p, index=False),
        ".parquet": lambda p: _with_pyarrow(lambda: frame.to_parquet(p, index=False)),
        ".npy": lambda p: np.save(p, _numbers(frame, path)),
        ".npz": lambda p: np.savez_compressed(p, x=_numbers(frame, path), columns=np.array(frame.columns, dtype=str)),
    }
    suffix = path.suffix.lower()
    if suffix not in writers:
        raise UserError(f"{path} cannot be written: give a name that ends in .csv, .parquet, .npy or .npz.")
    temporary = path.with_name(f".writing-{path.name}")
    try:
        writers[suffix](temporary)
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}).") from None
    finally:
        temporary.unlink(missing_ok=True)


def file_hash(path):
    """SHA-256 of a file's bytes; of the table itself for a data set by name."""
    if not Path(path).is_file():
        return hashlib.sha256(read_table(path).to_csv(index=False).encode()).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_values(frame, missing="refuse"):
    """The rows without missing values; raises UserError for infinite ones, and for missing ones unless they are dropped."""
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
            "out with --missing drop."
        )
    kept = frame[~incomplete]
    if not len(kept):
        raise UserError("No row is left: every one has missing values.")
    return kept


def split_rows(n, holdout, seed):
    """Seeded (train, validation, held-out) row numbers; validation, for early stopping, is a ninth of the rest."""
    order = np.random.default_rng(seed).permutation(n)
    num_held_out = round(n * holdout)
    num_validation = (n - num_held_out) // 9
    if min(num_held_out, num_validation) < 2:
        raise UserError(
            f"{n} rows are too few to hold some out: give at least {int(np.ceil(25 / max(holdout, 1e-9)))}."
        )
    a, b = num_held_out, num_held_out + num_validation
    return np.sort(order[b:]), np.sort(order[a:b]), np.sort(order[:a])


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a table and what the model sees of it."""

    name: str
    kind: str
    dtype: str
    mean: float = 0.0
    sd: float = 1.0
    categories: tuple = ()
    value: object = None  # of a constant column
    low: int = 0  # the least and the largest integer seen
    high: int = 0


@dataclasses.dataclass(frozen=True)
class TableCodec:
    """Rows of a table <-> vectors for a model: first the standardized numbers, then a one-hot block for each category.

    Integers are dequantized: uniform noise in [0, 1) is added before, and the floor is taken after, within the range that
    was seen (counts stay counts). Constant columns are left out and written back.
    """

    columns: tuple

    @classmethod
    def fit(cls, frame):
        """The codec of a checked table; raises UserError for columns that no model can take."""
        columns = tuple(_column(frame[name]) for name in frame.columns)
        if all(c.kind == CONSTANT for c in columns):
            raise UserError("All columns are constant: there is nothing to learn.")
        return cls(columns)

    @property
    def numbers(self):
        return [c for c in self.columns if c.kind in (NUMERIC, INTEGER)]

    @property
    def categoricals(self):
        return [c for c in self.columns if c.kind == CATEGORICAL]

    @property
    def constants(self):
        return [c for c in self.columns if c.kind == CONSTANT]

    @property
    def num_continuous(self):
        return len(self.numbers)

    @property
    def num_categories(self):
        return [len(c.categories) for c in self.categoricals]

    @property
    def width(self):
        return self.num_continuous + sum(self.num_categories)

    @property
    def log_jacobian(self):
        """log |d standardized / d data|, by which a log density of vectors becomes one in the data's units."""
        return -float(sum(np.log(c.sd) for c in self.numbers))

    def transform(self, frame, seed=0):
        """Rows as float32 `(n, width)`; `seed` is of the integers' noise. Raises UserError for rows that do not fit."""
        missing = [c.name for c in self.columns if c.name not in frame and c.kind != CONSTANT]
        if missing:
            raise UserError(
                f"The table has no column {missing[0]!r} ({len(missing)} of {len(self.columns)} columns are missing): give "
                "the columns that the model was trained on."
            )
        for c in self.constants:
            if c.name in frame and (frame[c.name] != c.value).any():
                other = frame.loc[frame[c.name] != c.value, c.name].iloc[0]
                raise UserError(f"Column {c.name!r} was always {c.value} in the training data, but holds {other}.")
        rng = np.random.default_rng(seed)
        parts = [_standardized(frame[c.name], c, rng)[:, None] for c in self.numbers]
        parts += [_one_hot(frame[c.name], c) for c in self.categoricals]
        return np.concatenate(parts, axis=1).astype("float32")

    def inverse(self, vectors):
        """Vectors `(n, width)` as a table with the data's columns, order and types."""
        vectors = np.asarray(vectors, "float64")
        values, at = {}, self.num_continuous
        for k, c in enumerate(self.numbers):
            number = vectors[:, k] * c.sd + c.mean
            if c.kind == INTEGER:
                number = np.clip(np.floor(number), c.low, c.high)
            values[c.name] = pd.Series(number).astype(c.dtype)
        for c in self.categoricals:
            chosen = vectors[:, at : at + len(c.categories)].argmax(axis=1)
            values[c.name] = pd.Series(np.array(c.categories, dtype=object)[chosen]).astype(c.dtype)
            at += len(c.categories)
        for c in self.constants:
            values[c.name] = pd.Series([c.value] * len(vectors)).astype(c.dtype)
        return pd.DataFrame({c.name: values[c.name] for c in self.columns})

    def describe(self):
        """One sentence on how the columns are modelled."""
        kinds = {kind: [c.name for c in self.columns if c.kind == kind] for kind in (NUMERIC, INTEGER, CATEGORICAL)}
        parts = [
            f"{len(kinds[NUMERIC])} numeric (standardized)",
            f"{len(kinds[INTEGER])} integer (dequantized: a density of value + uniform noise; draws keep to the range seen)",
            f"{len(kinds[CATEGORICAL])} categorical (one-hot, categorical likelihood)",
        ]
        return "Columns: " + ", ".join(parts) + "."

    def to_config(self):
        return {"columns": [dataclasses.asdict(c) for c in self.columns]}

    @classmethod
    def from_config(cls, config):
        columns = [{**c, "categories": tuple(c["categories"])} for c in config["columns"]]
        return cls(tuple(Column(**c) for c in columns))


def _column(series):
    name, dtype = series.name, str(series.dtype)
    first = series.iloc[0]
    if not isinstance(first, (str, bool, int, float, np.generic)) or isinstance(first, (np.datetime64, np.timedelta64)):
        raise UserError(
            f"Column {name!r} holds values of type {type(first).__name__}: make them numbers or text, or leave it out "
            f"with --exclude {name}."
        )
    if series.nunique() == 1:
        return Column(name, CONSTANT, dtype, value=first.item() if hasattr(first, "item") else first)
    if pd.api.types.is_bool_dtype(series) or not pd.api.types.is_numeric_dtype(series):
        return _categorical(series, name, dtype)
    if pd.api.types.is_integer_dtype(series):
        if max(abs(int(series.min())), abs(int(series.max()))) >= _EXACT:
            raise UserError(
                f"Column {name!r} holds integers beyond ±2^53, which floating point cannot tell apart: divide or exclude it."
            )
        numbers = series.to_numpy("float64")
        # Uniform noise in [0, 1) moves the mean by 1/2 and adds 1/12 to the variance.
        mean, sd = float(numbers.mean() + 0.5), float(np.sqrt(numbers.var() + 1 / 12))
        return Column(name, INTEGER, dtype, mean, sd, low=int(series.min()), high=int(series.max()))
    numbers = series.to_numpy("float64")
    scale = np.abs(numbers).max()  # of numbers near 1e300 the square overflows
    sd = float((numbers / scale).std() * scale)
    if not np.isfinite(sd) or sd == 0:
        raise UserError(
            f"Column {name!r} cannot be standardized (its standard deviation is {sd}): rescale or exclude it."
        )
    return Column(name, NUMERIC, dtype, float((numbers / scale).mean() * scale), sd)


def _categorical(series, name, dtype):
    values = series.unique().tolist()
    overflowing = not isinstance(series.dtype, pd.CategoricalDtype)
    if overflowing and any(isinstance(v, int) and not isinstance(v, bool) for v in values):
        raise UserError(f"Column {name!r} holds integers that overflow 64 bits: divide or exclude it.")
    if len(values) > _MOST_CATEGORIES or len(values) > max(2, len(series) // 2):
        raise UserError(
            f"Column {name!r} is text with {len(values)} different values in {len(series)} rows: where numbers were meant "
            f"mend it, else leave it out with --exclude {name}."
        )
    return Column(name, CATEGORICAL, dtype, categories=tuple(sorted(values, key=str)))


def _standardized(series, column, rng):
    if not pd.api.types.is_numeric_dtype(series):
        raise UserError(f"Column {column.name!r} must hold numbers, but holds text such as {series.iloc[0]!r}.")
    numbers = series.to_numpy("float64")
    if column.kind == INTEGER:
        if (numbers != np.floor(numbers)).any():
            raise UserError(f"Column {column.name!r} must hold integers, as the training data did.")
        numbers = numbers + rng.random(len(numbers))
    return (numbers - column.mean) / column.sd


def _one_hot(series, column):
    codes = pd.Index(list(column.categories), dtype=object).get_indexer(series.astype(object))
    if (codes < 0).any():
        unknown = series[codes < 0].iloc[0]
        raise UserError(f"Column {column.name!r} has the value {unknown!r}, which was not in the training data.")
    return np.eye(len(column.categories))[codes]


def _digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    frame = pd.DataFrame(data.data.astype("int64"), columns=[f"pixel_{r}_{c}" for r in range(8) for c in range(8)])
    return frame.assign(digit=data.target)


def _read_parquet(path):
    return _with_pyarrow(lambda: pd.read_parquet(path, engine="pyarrow"))


def _with_pyarrow(act):
    try:
        return act()
    except ImportError:
        raise UserError("Parquet files need pyarrow: install it with `pip install tfvae[parquet]`.") from None


def _read_npy(path):
    return _frame_of(np.load(path, allow_pickle=False), path)


def _read_npz(path):
    with np.load(path, allow_pickle=False) as arrays:
        names = [n for n in ("x", "x_train", "data") if n in arrays] or list(arrays)
        if len(names) > 1 and names[0] not in ("x", "x_train", "data"):
            raise UserError(f"{path} holds the arrays {', '.join(names)}: name the one to use `x`.")
        frame = _frame_of(arrays[names[0]], path)
        if "columns" in arrays and len(arrays["columns"]) == len(frame.columns):
            frame.columns = arrays["columns"].tolist()
        return frame


def _frame_of(array, path):
    if array.ndim == 0 or array.dtype.kind not in "fiub":
        raise UserError(f"{path} must hold rows of numbers, but holds {array.dtype} of shape {array.shape}.")
    array = array.reshape(len(array), -1)
    if array.dtype == np.uint64 and len(array) and array.max() >= _EXACT:
        raise UserError(f"{path} holds integers beyond ±2^53, which floating point cannot tell apart: divide them.")
    return pd.DataFrame(array, columns=[f"x{k}" for k in range(array.shape[1])])


def _numbers(frame, path):
    if not all(pd.api.types.is_numeric_dtype(frame[c]) for c in frame):
        raise UserError(f"{path} can hold numbers only, and the table has text: write a .csv or .parquet file.")
    plain = frame.astype({c: "int8" for c in frame if pd.api.types.is_bool_dtype(frame[c])})
    return np.stack([plain[c].to_numpy() for c in plain], axis=1)
