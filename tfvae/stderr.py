"""Standard error of C++ libraries, which Python's own redirection does not reach."""

import contextlib
import os
import tempfile


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
