"""What there is to choose from, read from the sources, so that the command lists it without importing TensorFlow."""

import ast
from importlib import resources

from tfvae.data.images import KNOWN


def models(kind):
    """name -> one line, of the models that `tfvae fit` offers for a kind of data: the functions of `tfvae/models/KIND.py`.

    Args:
        kind: "tables" or "images".
    """
    functions = _functions(f"models/{kind}.py")
    return {name.replace("_", "-"): ast.get_docstring(node) for name, node in functions.items()}


def model_arguments(kind, name):
    """The arguments that a model of `models(kind)` takes."""
    return [a.arg for a in _functions(f"models/{kind}.py")[name.replace("-", "_")].args.args]


def datasets():
    """name -> one line, of the data sets that need no file."""
    known = {name: f"{what} (tfvae fit {name})." for name, (_, what) in KNOWN.items()}
    synthetic = _functions("data/gaussian_mixture.py")
    known |= {f"tfvae.data.{name}": ast.get_docstring(node) for name, node in synthetic.items()}
    return known | {"tfvae.data.SCurve": "Document 002's S-shaped curve, with optional noise."}


def _functions(path):
    tree = ast.parse(resources.files("tfvae").joinpath(path).read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    return {node.name: node for node in found}
