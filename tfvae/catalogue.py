"""What there is to choose from, read from the sources, so that the command lists it without importing TensorFlow."""

import ast
from importlib import resources


def models():
    """name -> one line, of the models that `tfvae fit` offers: the public functions of `tfvae/models/tables.py`."""
    return {name.replace("_", "-"): ast.get_docstring(node) for name, node in _functions("models/tables.py").items()}


def model_arguments(name):
    """The arguments that a model of `models()` takes."""
    return [a.arg for a in _functions("models/tables.py")[name.replace("-", "_")].args.args]


def datasets():
    """name -> one line, of the data sets that need no file."""
    known = {"digits": "scikit-learn's 1797 handwritten digits, 8 x 8 pixels (tfvae fit digits)."}
    synthetic = _functions("data/gaussian_mixture.py")
    return known | {f"tfvae.data.{name}": ast.get_docstring(node) for name, node in synthetic.items()}


def _functions(path):
    tree = ast.parse(resources.files("tfvae").joinpath(path).read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    return {node.name: node for node in found}
