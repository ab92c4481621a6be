"""Writes the tables of the findings pages from the metrics of the runs: `python docs/tables.py [RUN …]`.

A page holds blocks such as

    <!-- table: NAME summary "FD-cnn of draws"=draws_frechet_distance … -->
    <!-- end -->

and the lines between are written from `docs/findings/metrics/NAME.json`. The metrics of a RUN given are copied there first,
and those of its figures that README or a page shows as `images/NAME-FIGURE.png`. `NAME summary` shows mean ± standard error
over the seeds, a row an arm; `NAME KEY COLUMN=key …` a list or dict of the metrics as it is, or those
of a list's entries that `?KEY=VALUE` names.
"""

import json
import math
import re
import shlex
import shutil
import sys
from pathlib import Path

FINDINGS = Path(__file__).parent / "findings"
METRICS = FINDINGS / "metrics"
_BLOCK = re.compile(r"(<!-- table: (?P<what>.*?) -->\n).*?(<!-- end -->)", re.S)


def page_with_tables(text: str) -> str:
    """A page whose tables are those of the metrics."""
    return _BLOCK.sub(lambda block: block[1] + _table(*shlex.split(block["what"])) + block[3], text)


def pages() -> list[Path]:
    return sorted(FINDINGS.glob("*.md"))


def _table(name, key, *words):
    found = json.loads((METRICS / f"{name}.json").read_text())[key]
    columns = [word for word in words if word[0] != "?"]
    wanted = dict(word[1:].split("=") for word in words if word[0] == "?")
    titles, keys = zip(*(column.split("=") for column in columns), strict=True)
    if key == "summary":
        titles = ("", *titles)
        rows = [[f"`{arm}`", *(_estimate(row[k], row["seeds"]) for k in keys)] for arm, row in found.items()]
    else:
        entries = found if isinstance(found, list) else [found]
        entries = [e for e in entries if all(str(e[k]) == value for k, value in wanted.items())]
        rows = [[_number(entry[k]) for k in keys] for entry in entries]
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _estimate(measure, seeds):
    """The mean with its standard error over the seeds."""
    if measure["sd"] is None:
        return _number(measure["mean"])
    error = measure["sd"] / math.sqrt(seeds)
    return f"{_number(measure['mean'])} ± {_number(error)}"


def _number(value):
    if value is None or isinstance(value, (str, int)):
        return str(value) if value is not None else ""
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _copy(run):
    run = Path(run)
    metrics = json.loads((run / "metrics.json").read_text())
    name = json.loads((run / "config.json").read_text())["arguments"]["experiment"]
    METRICS.mkdir(exist_ok=True)
    text = json.dumps(metrics, indent=1, ensure_ascii=False)
    (METRICS / f"{name}.json").write_text(text + "\n")
    shown = "".join(page.read_text() for page in [FINDINGS.parents[1] / "README.md", *pages()])
    for figure in (run / "figures").glob("*.png"):
        if f"images/{name}-{figure.name}" in shown:
            (FINDINGS / "images").mkdir(exist_ok=True)
            shutil.copy(figure, FINDINGS / "images" / f"{name}-{figure.name}")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        _copy(argument)
    for page in pages():
        page.write_text(page_with_tables(page.read_text()))
