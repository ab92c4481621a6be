"""What README, CONTRIBUTING and the site show runs as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae.host.saving import register
from tfvae.priors import Prior

ROOT = Path(__file__).parents[1]


def snippet(file, word):
    """The Python snippet of a file that holds a word."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / file).read_text(), re.S)
    (found,) = [block for block in blocks if word in block]
    lines = found.splitlines()
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[indent:] for line in lines)


def test_the_fifteen_lines_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = (
        snippet("README.md", "four_gaussians")
        .replace("100_000", "300")
        .replace("20_000", "500")
        .replace("epochs=2, batch_size=256", "epochs=1")
    )
    exec(code, {})
    assert (tmp_path / "model.keras").exists()


def test_a_fit_from_python_as_the_readme_shows_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=150), "b": rng.normal(size=150), "species": rng.integers(0, 2, 150)})
    code = snippet("README.md", "fit_table").replace('prior="mixture:100"', 'prior="mixture:5", epochs=2, verbose=0')
    exec(code, {"tfvae": tfvae, "frame": frame})
    assert (tmp_path / "runs" / "mine" / "report.html").exists()


def test_the_prior_of_contributing():
    names = {"register": register, "Prior": Prior, "tf": tf, "tfd": tfp.distributions}
    exec(snippet("CONTRIBUTING.md", "LaplacePrior"), names)
    vae = tfvae.make_dense_vae(3, 2, (8,), prior=names["LaplacePrior"](2))
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    before = vae.prior.rho.numpy()
    vae.fit(x, verbose=0)
    assert np.all(vae.prior.rho.numpy() != before)
    keras.saving.get_custom_objects().pop("tfvae>LaplacePrior")


PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if "```python" in page.read_text()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_snippets_of_the_site_run_as_they_stand(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.S):
        exec(block, names)


def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "dummy", ROOT / "docs", tmp_path]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-2000:]


def test_readme_is_one_screen():
    assert len((ROOT / "README.md").read_text().split()) <= 700


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *(ROOT / "docs" / "findings").glob("*.md")], ids=lambda page: page.stem
)
def test_links_to_files_lead_somewhere(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
        target = target.replace("../notebooks/", "../../notebooks/") if page.parent.name == "findings" else target
        assert (page.parent / target).exists(), target
