"""What there is to choose from, read from the sources, so that the command lists it without importing TensorFlow."""

import ast
from importlib import resources

from tfvae.data.images import KNOWN
from tfvae.errors import UserError

# name -> (what its number says, its least, the number where none is given, what it is), for `--prior NAME:NUMBER`
PRIORS = {
    "standard": (None, None, None, "N(0, I)."),
    "mixture": ("components", 1, 100, "A mixture of Gaussians, MixturePrior."),
    "vamp": ("pseudo-inputs", 1, 100, "A mixture of the posteriors of learned pseudo-inputs, VampPrior."),
    "exemplar": (
        "training examples at most",
        2,
        50_000,
        "Gaussians of one learned width around the codes of training examples, ExemplarPrior.",
    ),
    "flow": ("couplings", 2, 6, "A normalizing flow, FlowPrior."),
}


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


def parse_prior(text):
    """(name, number) of a prior as the command takes it: "mixture:500"; UserError where there is no such."""
    name, _, number = text.partition(":")
    if name not in PRIORS:
        raise UserError(f"There is no prior {name!r}: choose one of {', '.join(PRIORS)}, such as mixture:500.")
    what, least, default, _ = PRIORS[name]
    if what is None and number:
        raise UserError(f"The prior {name} takes no number, but got {text!r}.")
    if not number:
        return name, default
    if not number.isdecimal() or int(number) < least:
        raise UserError(f"--prior {name}:NUMBER takes the number of {what}, at least {least}, but got {text!r}.")
    return name, int(number)


def check_rows(prior, rows):
    """UserError where the prior of the command needs more rows than there are to train on."""
    name, number = parse_prior(prior)
    if name == "vamp" and number > rows:
        raise UserError(f"--prior {prior} starts from {number} rows, but there are only {rows} to train on.")


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
