"""Standard error of C++ libraries, which Python's own redirection does not reach."""

import contextlib
import importlib
import os
import sys
import tempfile
from types import ModuleType


@contextlib.contextmanager
def captured():
    """Keeps what is written to file descriptor 2 in the meantime; gives a function that returns it, also afterwards."""
    text = ""

    def said():
        nonlocal text
        if not file.closed:
            file.seek(0)
            text = file.read().decode(errors="replace")
        return text

    with tempfile.TemporaryFile() as file:
        stderr = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            said()


def import_quietly(module: str) -> ModuleType:
    """Imports a module without what its C++ parts say of the machine; if it fails, with."""
    if module in sys.modules:
        return sys.modules[module]
    try:
        with captured() as said:
            return importlib.import_module(module)
    except BaseException:
        sys.stderr.write(said())
        raise


def start_tensorflow() -> None:
    """Imports what the models stand on, and has TensorFlow say once, unheard, what it says of the machine it finds."""
    if "tfvae.models.registered" in sys.modules:
        return
    import_quietly("tfvae.models.registered")
    tensorflow = sys.modules["tensorflow"]
    with captured():
        tensorflow.constant(0.0)
