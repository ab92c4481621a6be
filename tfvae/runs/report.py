"""A run directory -> report.html: one self-contained page."""

import base64
import html
import math
import re
from importlib import resources
from pathlib import Path
from typing import Any

from tfvae.runs.directory import METRICS
from tfvae.runs.measures import meaning

_DIGITS = 4
_SHOWN_ELSEWHERE = ("claims", "comparison", "fits", "notes", "summary", "verdict")


def write_report(run: Any) -> Path:
    """Writes `report.html` into a `RunDirectory` and returns its path."""
    from jinja2 import Environment

    template = resources.files("tfvae.runs").joinpath("report.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "number": _number,
        "measured": _measured,
        "meaning": meaning,
        "words": _words,
        "prose": _prose,
    }
    metrics = run.read_json(METRICS, default={})
    columns = _columns(metrics.get("summary", {}))
    page = environment.from_string(template).render(
        config=run.config(),
        title=run.title(),
        metrics=metrics,
        flat={k: v for k, v in metrics.items() if not isinstance(v, (dict, list))},
        columns=columns,
        best=min((row["nll"] for row in metrics.get("comparison", ()) if row["nll"] is not None), default=None),
        explained={name: meaning(name) for name in columns if meaning(name)},
        tables=_tables(metrics),
        figures=_figures(run),
    )
    run.write_text("report.html", page)
    return run.path / "report.html"


def _figures(run):
    """(title, caption, base64) of each figure, training curves last."""
    from PIL import Image

    shown = sorted(run.figures(), key=lambda path: "loss" in path.stem)
    found = []
    for path in shown:
        with Image.open(path) as image:
            about = image.info
        title = about.get("Title") or _words(path.stem.lstrip("0123456789-"))
        found.append((title, about.get("Description", ""), base64.b64encode(path.read_bytes()).decode()))
    return found


def _columns(summary):
    columns = {}
    for measures in summary.values():
        columns |= dict.fromkeys(m for m, v in measures.items() if isinstance(v, dict))
    return list(columns)


def _tables(metrics):
    """Title -> rows of the tables that an experiment adds to what all of them have."""
    found = {name: [v] if isinstance(v, dict) else v for name, v in metrics.items() if name not in _SHOWN_ELSEWHERE}
    rows_of = {name: rows for name, rows in found.items() if isinstance(rows, list) and rows}
    return {_words(name): rows for name, rows in rows_of.items() if all(isinstance(r, dict) for r in rows)}


def _measured(value, error):
    """A value and its standard error, to two digits of the error; what is not finite stands as None in the metrics."""
    if value is None or not error:
        return _number(value)
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}".replace("-", "−")


def _prose(text):
    """A sentence as HTML, with `code` as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _words(name):
    """A name in code as words."""
    return str(name).replace("_", " ").replace("-", " ")


def _number(value):
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}".replace("-", "−")
    if isinstance(value, list):
        return ", ".join(_number(v) for v in value)
    return str(value)
