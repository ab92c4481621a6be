"""Every notebook runs, from the top, in quick mode."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tfvae.runs.measures import meaning

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("TFVAE_PRESET", "quick")
    monkeypatch.setenv("PYTHONPATH", str(path.parents[1]))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
    for metrics in tmp_path.glob("runs/*/metrics.json"):
        measures = {name for row in json.loads(metrics.read_text()).get("summary", {}).values() for name in row}
        assert sorted(name for name in measures - {"seeds"} if not meaning(name)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_is_small_enough_to_read_online(path):
    assert path.stat().st_size < 1_000_000
    assert "widgets" not in nbformat.read(path, as_version=4).metadata  # megabytes of their states


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_defines_nothing_and_holds_no_error(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not any(line.startswith(("def ", "class ")) for line in cell.source.splitlines())
            assert not any(output.output_type == "error" for output in cell.outputs)
