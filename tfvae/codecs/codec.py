"""The two ways between a user's data and what a model takes."""

import abc
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tfvae.data.files import check_folder
from tfvae.data.tables import SUFFIXES, check_values, read_table, write_table
from tfvae.host.errors import UserError


class Codec(abc.ABC):
    """Abstract: rows as the user has them <-> vectors as a model takes them. A run keeps it in its config, under `kind`."""

    kind: ClassVar[str]
    suffixes: ClassVar[tuple] = SUFFIXES  # of the files that `write` can write

    @abc.abstractmethod
    def read(self, data: Any) -> Any:
        """The rows in a file, folder or known set, checked; raises UserError where they cannot be used."""

    @abc.abstractmethod
    def check(self, rows: Any) -> Any:
        """Rows that are at hand, as `read` gives them; raises UserError where they cannot be used."""

    def rows(self, data: Any) -> Any:
        """The rows in a file, folder or known set, or those that `data` itself is."""
        return self.read(data) if isinstance(data, str | Path) else self.check(data)

    def check_path(self, path: str | Path) -> None:
        """UserError where `write` could not write a file of that name."""
        path = Path(path)
        if not path.name.lower().endswith(self.suffixes):
            names = f"{', '.join(self.suffixes[:-1])} or {self.suffixes[-1]}"
            raise UserError(f"{path} cannot be written: give a name that ends in {names}.")
        check_folder(path)

    @abc.abstractmethod
    def write(self, rows: Any, path: str | Path) -> None:
        """Writes rows to a file, whole or not at all; raises UserError where it cannot."""

    @abc.abstractmethod
    def transform(self, rows: Any, seed: int = 0) -> np.ndarray:
        """Rows as float32 `(n, D)`; `seed` is of any noise that is added."""

    @abc.abstractmethod
    def inverse(self, vectors: np.ndarray) -> Any:
        """Vectors `(n, D)` as rows."""

    def log_jacobian(self, vectors: np.ndarray) -> np.ndarray:
        """log |d vector / d row| of each vector, `(n,)`: what a log density of vectors lacks to be one of rows."""
        return np.zeros(len(vectors))

    def faults(self, rows: Any) -> pd.Series:
        """For each row why the model gives it the probability 0; empty where it does not."""
        return pd.Series("", index=range(len(rows)), dtype=object)

    def remarks(self, rows: Any, scores: pd.Series, metrics: dict) -> dict[str, Any]:
        """Columns, by name, that a table of the rows' scores has beside them; `metrics` are the run's."""
        del rows, scores, metrics
        return {}

    @abc.abstractmethod
    def to_config(self) -> dict:
        """As data; `from_config` is the inverse."""

    @classmethod
    @abc.abstractmethod
    def from_config(cls, config: dict, folder: Any = None, model: str | None = None) -> Any:
        """The codec of that config, of the run in `folder`, for its model of that name (None: the whole run)."""

    def takes_draws(self, path: str | Path) -> bool:
        """Whether a file of that name holds data alone, and no means."""
        del path
        return False


class VectorCodec(Codec):
    """Rows of numbers, as they are: the codec of a run that has no other."""

    kind = "vectors"

    def read(self, data: Any) -> Any:
        return self.check(read_table(data))

    def check(self, rows: Any) -> Any:
        frame = check_values(pd.DataFrame(rows).rename(columns=str))
        for name in frame:
            if not pd.api.types.is_numeric_dtype(frame[name]):
                raise UserError(f"Column {name!r} must hold numbers, but holds {frame[name].iloc[0]!r}.")
        return frame

    def write(self, rows: Any, path: str | Path) -> None:
        write_table(rows, path)

    def transform(self, rows: Any, seed: int = 0) -> np.ndarray:
        return rows.to_numpy("float32")

    def inverse(self, vectors: np.ndarray) -> Any:
        return pd.DataFrame(np.asarray(vectors), columns=[f"x{d}" for d in range(np.shape(vectors)[1])])

    def to_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config: dict, folder: Any = None, model: str | None = None) -> Any:
        return cls()
