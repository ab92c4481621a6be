"""Writes a page for each room of the library, from its public names and their docstrings."""

import inspect
import re

ROOMS = {
    "layers": "distribution layers",
    "models": "models, and the functions that make them",
    "priors": "p(z)",
    "objectives": "what is minimized",
    "divergences": "KL divergences and their estimators",
    "importance": "log p(x) from importance weights",
    "distributions": "distributions beyond TFP's",
    "networks": "encoders, decoders, discriminators",
    "training": "callbacks, schedules, the fused fit",
    "evaluation": "measures of models and draws",
    "data": "data sets, tables, images, haplotypes",
    "codecs": "between the data's units and the model's",
    "plots": "figures",
    "workflows": "a fit of one's own data, and its options",
    "explorer": "a look into a latent space",
    "runs": "run directories",
    "experiments": "the documents' experiments",
}


def write_pages(folder):
    """`index.md`, a page of the top level and one for each room, into `folder`; only what has changed is written."""
    import tfvae

    folder.mkdir(exist_ok=True)
    homes = {}
    for name, title in ROOMS.items():
        room, path = getattr(tfvae, name), f"tfvae.{name}"
        names = _public(room, path)
        homes |= {id(getattr(room, n)): f"{path}.{n}" for n in names}
        _write_page(
            folder / f"{name}.md", f"{path}: {title}", room, [_entry(f"{path}.{n}", getattr(room, n)) for n in names]
        )
    top = [(n, getattr(tfvae, n)) for n in _public(tfvae, "tfvae")]
    elsewhere = [f"* :py:obj:`tfvae.{n} <{homes[id(v)]}>`: {_first_line(v)}" for n, v in top if id(v) in homes]
    here = [_entry(f"tfvae.{n}", v) for n, v in top if id(v) not in homes]
    _write_page(folder / "tfvae.md", "tfvae: what most people need", tfvae, [*elsewhere, "", *here])
    entries = "\n".join(["tfvae", *ROOMS])
    _write(folder / "index.md", f"# API reference\n\n```{{toctree}}\n:maxdepth: 1\n\n{entries}\n```\n")


def as_rst(app, what, name, thing, options, lines):
    """Docstrings are plain text: `code` stays code, and |, * and _ outside of it mean themselves."""
    del app, what, name, thing, options
    pieces = re.split(r"(`+[^`]+`+)", "\n".join(lines))
    for k, piece in enumerate(pieces):
        if k % 2:
            pieces[k] = re.sub(r"\n *", " ", piece)
            if k + 1 < len(pieces) and re.match(r"\w", pieces[k + 1]):
                pieces[k] += "\\ "  # a plural s
        else:
            pieces[k] = re.sub(r"[|]|(?<=[\s(\[])\*(?=\S)", lambda found: "\\" + found[0], piece)
    lines[:] = "".join(pieces).split("\n")


def _public(room, path):
    names = getattr(room, "__all__", None) or [n for n, v in vars(room).items() if getattr(v, "__module__", "") == path]
    return sorted(n for n in names if not n.startswith("_") and not inspect.ismodule(getattr(room, n)))


def _first_line(thing):
    return (inspect.getdoc(thing) or "").split("\n")[0].replace("|", "\\|")


def _entry(path, thing):
    if inspect.isclass(thing):
        return f".. autoclass:: {path}\n   :members:\n"
    return f".. {'autofunction' if callable(thing) else 'autodata'}:: {path}\n"


def _write_page(path, title, room, entries):
    lines = [f"# {title}", "", inspect.getdoc(room), "", "```{eval-rst}", *entries, "```", ""]
    _write(path, "\n".join(lines))


def _write(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
