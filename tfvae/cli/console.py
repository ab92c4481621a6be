"""The console script: every error is one sentence on standard error, with exit status 2."""

import os
import sys
import traceback
from pathlib import Path

from typer.exceptions import TyperException

from tfvae.cli.app import app
from tfvae.errors import UserError
from tfvae.stderr import captured


def main():
    """The console script: every error is one sentence on standard error, with exit status 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # of TensorFlow itself: errors in our words are enough
    debug = "--debug" in sys.argv
    try:
        status = app(standalone_mode=False)
    except (KeyboardInterrupt, EOFError):
        sys.exit(130)
    except Exception as error:
        if debug:
            traceback.print_exc()
        elif isinstance(error, TyperException):
            sys.stderr.write(f"tfvae: {_sentence(error)} (tfvae --help)\n")
        elif isinstance(error, UserError) or _is_said_by_us(error):
            sys.stderr.write(f"tfvae: {error}\n")
        else:
            line = (str(error).strip().splitlines() or [""])[0]
            sys.stderr.write(f"tfvae: {type(error).__name__}: {line} (`tfvae --debug …` shows where)\n")
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def import_tensorflow():
    """Imports TensorFlow without what its C++ parts say of the machine; if it fails, with."""
    try:
        with captured() as said:
            import tfvae.models  # noqa: F401
    except BaseException:
        sys.stderr.write(said())
        raise


def _is_said_by_us(error):
    """Whether it is a ValueError that tfvae has raised itself: a sentence of ours, for Python's users and the command's."""
    last = traceback.extract_tb(error.__traceback__)[-1]  # of what C++ raises, the line of ours that called it
    ours = Path(last.filename).is_relative_to(Path(__file__).parents[1]) and last.line.startswith("raise ")
    return isinstance(error, ValueError) and ours


def _sentence(error):
    return error.format_message() if hasattr(error, "format_message") else str(error)
