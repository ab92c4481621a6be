"""Arrays read from .npy and .npz files that nobody vouches for: whole, of numbers, and no larger than memory."""

import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.host.errors import UserError

_MESSAGE = 200  # characters of a library's error that are shown


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """name -> array of a .npz file, in its order; {"": array} of a .npy file.

    Raises:
        UserError: where the file is damaged, truncated or followed by other bytes, holds no numbers, or says that it holds
            more than fits into memory.
    """
    try:
        if path.suffix.lower() == ".npy":
            with open(path, "rb") as file:
                return {"": _read(file, path.stat().st_size)}
        with zipfile.ZipFile(path) as archive:
            found = {}
            for info in archive.infolist():
                if info.filename.endswith(".npy"):
                    with archive.open(info) as file:
                        found[info.filename.removesuffix(".npy")] = _read(file, info.file_size)
            return found
    except UserError as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    except Exception as error:  # numpy and zipfile parse what a file says of itself, and fail in a dozen ways
        raise UserError(f"{path} cannot be read, it is damaged or truncated: {reason_of(error)}.") from None


def reason_of(error: Exception) -> str:
    """The first line of an error, short: some quote thousands of characters of the file."""
    first = [*str(error).strip().splitlines(), repr(error)][0].rstrip(".")
    return first if len(first) <= _MESSAGE else f"{first[:_MESSAGE]}…"


def _read(file: Any, size: int) -> np.ndarray:
    """The array in a stream of `size` bytes, of which the last is read too, so that a zip file's checksum is compared."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise UserError(f"its format is of version {version}, which numpy does not know")
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(file)
    if dtype.hasobject:
        raise UserError("it holds no array of numbers")
    expected, held = math.prod(shape) * dtype.itemsize, size - file.tell()
    if min(shape, default=0) < 0 or expected != held:
        raise UserError(
            f"its header says {expected:,} bytes of data and it has {held:,}, so that it is damaged or truncated"
        )
    if expected > _memory():
        raise UserError(f"its {expected:,} bytes do not fit into memory")
    data = file.read(expected)
    if len(data) != expected or file.read(1):
        raise UserError("it is damaged or truncated")
    array = np.frombuffer(data, dtype)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def _memory() -> float:
    """Half of this machine's memory, in bytes; no limit where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2
    except (AttributeError, ValueError, OSError):
        return math.inf
