"""The two ways between a user's data and what a model takes."""

import abc
from typing import ClassVar

import numpy as np
import pandas as pd

from tfvae.data.tables import check_values, read_table, write_table
from tfvae.errors import UserError


class Codec(abc.ABC):
    """Abstract: rows as the user has them <-> vectors as a model takes them. A run keeps it in its config, under `kind`."""

    kind: ClassVar[str]
    suffixes: ClassVar[tuple] = (".csv", ".parquet", ".npy", ".npz")  # of the files that `write` can write
    log_jacobian = 0.0  # log |d vectors / d data|, by which a log density of vectors becomes one in the data's units

    @abc.abstractmethod
    def read(self, data):
        """The rows in a file, folder or known set, checked; raises UserError where they cannot be used."""

    @abc.abstractmethod
    def write(self, rows, path):
        """Writes rows to a file, whole or not at all; raises UserError where it cannot."""

    @abc.abstractmethod
    def transform(self, rows, seed=0):
        """Rows as float32 `(n, D)`; `seed` is of any noise that is added."""

    @abc.abstractmethod
    def inverse(self, vectors):
        """Vectors `(n, D)` as rows."""

    @abc.abstractmethod
    def to_config(self):
        """As data; `from_config` is the inverse."""

    @classmethod
    @abc.abstractmethod
    def from_config(cls, config, folder=None, model=None):
        """The codec of that config, of the run in `folder`, for its model of that name (None: the whole run)."""

    def takes_draws(self, path):
        """Whether a file of that name holds data alone, and no means."""
        del path
        return False


class VectorCodec(Codec):
    """Rows of numbers, as they are: the codec of a run that has no other."""

    kind = "vectors"

    def read(self, data):
        return self.check(check_values(read_table(data)), "the data")

    @staticmethod
    def check(frame, what):
        """The frame, where it holds nothing but numbers; UserError elsewhere."""
        for name in frame:
            if not pd.api.types.is_numeric_dtype(frame[name]):
                raise UserError(f"Column {name!r} of {what} must hold numbers, but holds {frame[name].iloc[0]!r}.")
        return frame

    def write(self, rows, path):
        write_table(rows, path)

    def transform(self, rows, seed=0):
        return rows.to_numpy("float32")

    def inverse(self, vectors):
        return pd.DataFrame(np.asarray(vectors), columns=[f"x{d}" for d in range(np.shape(vectors)[1])])

    def to_config(self):
        return {}

    @classmethod
    def from_config(cls, config, folder=None, model=None):
        return cls()


def codec_of(config, folder=None, model=None):
    """The `Codec` of the run in `folder` with that config; see `Codec.from_config`."""
    from tfvae.data import haplotype_codec, image_codec, table_codec  # noqa: F401  (they define the classes)

    for cls in Codec.__subclasses__():
        if cls.kind in config:
            return cls.from_config(config[cls.kind], folder, model)
    return VectorCodec()
