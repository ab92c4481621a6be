"""The console script: every error is one sentence on standard error, with exit status 2."""

import os
import re
import shlex
import sys
import traceback
import warnings
from pathlib import Path

from typer.exceptions import TyperException
from typer.main import get_command

from tfvae.cli.app import app
from tfvae.host.errors import UserError


def main():
    """Runs the command that the arguments name."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # of TensorFlow itself: errors in our words are enough
    warnings.showwarning = _show_warning
    debug = "--debug" in sys.argv
    try:
        status = app(standalone_mode=False)
    except (KeyboardInterrupt, EOFError):
        if {"fit", "run"} & set(sys.argv[1:2]):
            again = [word for word in sys.argv[1:] if word not in ("--overwrite", "--resume")]
            sys.stderr.write(f"\ntfvae: interrupted. To go on: {shlex.join(['tfvae', *again, '--resume'])}\n")
        sys.exit(130)
    except Exception as error:
        if debug:
            traceback.print_exc()
        elif isinstance(error, TyperException):
            said = error.format_message() if hasattr(error, "format_message") else str(error)
            sys.stderr.write(f"tfvae: {said} (tfvae --help)\n")
        elif isinstance(error, UserError) or _is_said_by_us(error):
            sys.stderr.write(f"tfvae: {in_options(str(error))}\n")
        else:
            line = (str(error).strip().splitlines() or [""])[0]
            sys.stderr.write(f"tfvae: {type(error).__name__}: {line} (`tfvae --debug …` shows where)\n")
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def in_options(sentence):
    """A sentence of the library with its arguments as options: `holdout` as --holdout.

    Options of the command that was given come first; another's may be named too: a run that `sample` finds unfinished is
    continued by `fit --resume`.
    """
    commands = get_command(app).commands
    given = [commands[word] for word in sys.argv[1:] if word in commands][:1]
    params = {param.name: param for command in (*commands.values(), *given) for param in command.params}
    options = {name: max(p.opts, key=len) for name, p in params.items() if p.param_type_name == "option"}

    def option(match):
        name, value = match.group("name"), match.group("value")
        if name not in options:
            return match.group(0)
        shown = options[name]
        return shown if value in (None, "True") else f"{shown} {value}"

    return re.sub(r"`(?P<name>\w+)(?:=[\"']?(?P<value>[^`\"']*)[\"']?)?`", option, sentence)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """A warning of ours as a sentence; of others, which speak of code that the user has not written, nothing."""
    del category, lineno, file, line
    if _is_ours(filename) or not str(filename).endswith(".py") or "site-packages" not in str(filename):
        sys.stderr.write(f"tfvae: {in_options(str(message))}\n")


def _is_said_by_us(error):
    """Whether it is a ValueError that tfvae has raised itself: a sentence of ours, for Python's users and the command's."""
    last = traceback.extract_tb(error.__traceback__)[-1]  # of what C++ raises, the line of ours that called it
    return isinstance(error, ValueError) and _is_ours(last.filename) and last.line.startswith("raise ")


def _is_ours(filename):
    return Path(filename).is_relative_to(Path(__file__).parents[1])
