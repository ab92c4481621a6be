"""A run directory -> report.html: one self-contained page."""

import base64
from importlib import resources
from pathlib import Path
from typing import Any

from tfvae.runs.directory import METRICS

_DIGITS = 4


def write_report(run: Any) -> Path:
    """Writes `report.html` into a `RunDirectory` and returns its path."""
    from jinja2 import Environment

    template = resources.files("tfvae.runs").joinpath("report.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = _number
    metrics = run.read_json(METRICS, default={})
    page = environment.from_string(template).render(
        config=run.config(),
        metrics=metrics,
        flat={k: v for k, v in metrics.items() if not isinstance(v, (dict, list))},
        columns=_columns(metrics.get("summary", {})),
        tables=_tables(metrics),
        figures=[(path.stem, base64.b64encode(path.read_bytes()).decode()) for path in run.figures()],
    )
    run.write_text("report.html", page)
    return run.path / "report.html"


def _columns(summary):
    columns = {}
    for measures in summary.values():
        columns |= dict.fromkeys(m for m, v in measures.items() if isinstance(v, dict))
    return list(columns)


def _tables(metrics):
    """Title -> rows of the tables that an experiment adds to what all of them have."""
    shown_elsewhere = ("claims", "comparison", "fits", "notes", "summary")
    found = {name: [v] if isinstance(v, dict) else v for name, v in metrics.items() if name not in shown_elsewhere}
    rows_of = {name: rows for name, rows in found.items() if isinstance(rows, list) and rows}
    return {name.replace("_", " "): rows for name, rows in rows_of.items() if all(isinstance(r, dict) for r in rows)}


def _number(value):
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}".replace("-", "−")
    if isinstance(value, list):
        return ", ".join(_number(v) for v in value)
    return str(value)
