"""What tfvae stands on, checked at import without importing it."""

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path

from tfvae.host.errors import UserError

_PACKAGES = {
    "tensorflow": "tensorflow",
    "keras": "keras",
    "tensorflow_probability": "tensorflow-probability",
    "tf_keras": "tf_keras",
}


def check_host():
    """Raises ImportError, in one sentence, when Keras, its backend or TFP cannot serve tfvae."""
    missing = [pip for module, pip in _PACKAGES.items() if not _found(module)]
    if sys.version_info >= (3, 12) and not _found("distutils") and not _found("setuptools"):
        missing.append("setuptools")  # TFP 0.25 imports distutils, which Python 3.12 dropped
    if missing:
        raise ImportError(f"tfvae needs {', '.join(missing)}: install with `pip install {' '.join(missing)}`.")
    backend = _keras_backend()
    if backend != "tensorflow":
        raise ImportError(
            f"tfvae runs on Keras' TensorFlow backend, but Keras is set to {backend!r}: "
            "set the environment variable KERAS_BACKEND=tensorflow before Keras is imported."
        )


def require(module, extra):
    """The module, or a UserError that says which extra brings it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.split(".")[0]
        raise UserError(f"This needs the package {package}: install it with `pip install tfvae[{extra}]`.") from None


def _found(module):
    return module in sys.modules or importlib.util.find_spec(module) is not None


def _keras_backend():
    """The backend that Keras has, or will choose: environment, then its file, then its default."""
    if "keras" in sys.modules:
        return sys.modules["keras"].backend.backend()
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"]
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        return json.loads((Path(home) / "keras.json").read_text()).get("backend", "tensorflow")
    except (OSError, ValueError):
        return "tensorflow"
