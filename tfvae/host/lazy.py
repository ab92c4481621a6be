"""Packages whose public names are imported when they are first asked for, as their `__init__.pyi` lists them.

Keras finds the classes in a saved model by a registry that they enter as they are imported. So whoever takes a public name
of tfvae gets all of them registered, and so does whoever imports tfvae and Keras, in either order, and loads a file.
"""

import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

import lazy_loader
import wrapt

_REGISTERED = "tfvae.models.registered"


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """(`__getattr__`, `__dir__`, `__all__`) of a package, from the stub beside its `file`.

    Args:
        package: its `__name__`.
        file: its `__file__`.
    """
    get, listing, names = lazy_loader.attach_stub(package, file)

    def get_registered(name):
        value = get(name)
        if "keras" in sys.modules:
            importlib.import_module(_REGISTERED)
        return value

    return get_registered, listing, names


class Later:
    """A module that is imported when it is first used: `keras = Later("keras")` in place of `import keras`.

    For files that are read to list what there is. (`lazy_loader.load` enters a half-made module into `sys.modules`, which
    TensorFlow Probability's own import does not survive.)
    """

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


def register_with_keras() -> None:
    """Registers every class with Keras: now where it is imported, else as soon as it is."""
    wrapt.register_post_import_hook(_register, "keras")


def _register(keras):
    """Not while a module of ours imports Keras: it is half there, and whoever asked for it registers when it is done."""
    del keras
    if not _is_importing_ours():
        importlib.import_module(_REGISTERED)


def _is_importing_ours():
    """Whether the body of a module below tfvae is on the stack."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__", "").startswith("tfvae."):
            return True
        frame = frame.f_back
    return False
