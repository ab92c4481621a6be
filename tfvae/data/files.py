"""Files written whole or not at all."""

import contextlib
import os
from pathlib import Path

from tfvae.host.errors import UserError


def check_folder(path):
    """UserError where the folder of a file that is to be written is not there."""
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise UserError(f"{path} cannot be written: there is no folder {folder}.")


@contextlib.contextmanager
def replacing(path):
    """A temporary path beside `path`, moved onto it when the block ends well: a kill leaves the old file or the new."""
    path = Path(path)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
