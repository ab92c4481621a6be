"""What a run has measured, as tables to read."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tfvae.runs.directory import METRICS


def summary_table(run: Any, columns: Sequence[str] | None = None, statistic: str = "mean") -> pd.DataFrame:
    """The seeds' summary of a run, a row for each variant.

    Args:
        run: a `RunDirectory` of an experiment.
        columns: measures to show; None for all.
        statistic: "mean", "sd", "min" or "max" over the seeds.
    """
    summary = run.read_json(METRICS)["summary"]
    table = pd.DataFrame(
        {v: {c: m[statistic] for c, m in row.items() if isinstance(m, dict)} for v, row in summary.items()}
    ).T
    return table if columns is None else table[[c for c in columns if c in table]]


def claims_table(run: Any) -> Any:
    """Claims beside what was measured."""
    table = pd.DataFrame(run.read_json(METRICS)["claims"])
    return table.style.hide(axis="index").set_properties(**{"text-align": "left", "white-space": "normal"})
