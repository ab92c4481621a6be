"""The latent explorer: what its map shows, its page in a browser, its widget."""

import base64
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import tfvae
from tfvae import explorer
from tfvae.explorer.decoded import as_texts
from tfvae.host.errors import UserError

SIZES = {"epochs": 1, "hidden": (8,), "verbose": 0}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    kind = rng.choice(["a<b", "c"], 200)
    return pd.DataFrame({"x": rng.normal(size=200), "y": 100 * rng.normal(size=200), "flag": kind, "kind": kind})


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    settings = {"model": "mixture-prior", "latent_dim": 2, "num_components": 3, "label": "kind", **SIZES}
    return tfvae.fit_table(table, tmp_path_factory.mktemp("explorer") / "run", **settings)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    x = np.random.default_rng(1).random((60, 6, 5, 3)).astype("float32")
    settings = {
        "model": "mixture-prior",
        "latent_dim": 4,
        "num_components": 3,
        "hidden": (8,),
        "epochs": 1,
        "verbose": 0,
    }
    return tfvae.fit_images(x, tmp_path_factory.mktemp("images") / "run", **settings)


def content(path):
    return json.loads(re.search(r'id="content">(.*?)</script>', path.read_text(), re.S)[1])


def test_two_dimensions_are_shown_as_they_are(run, table):
    drawn = explorer.latent_map(run, table, "kind", size=7)
    assert drawn.names == ("z0", "z1")
    codes = run.encode(table)[["z0_mean", "z1_mean"]].to_numpy()
    np.testing.assert_allclose(drawn.points, codes, rtol=1e-6)
    assert drawn.labels.tolist() == table["kind"].tolist()
    prior = run.vae.prior
    np.testing.assert_allclose(drawn.log_prior.ravel(), prior.log_prob(drawn.grid()), rtol=1e-5)
    np.testing.assert_allclose(np.sort(drawn.components, axis=0), np.sort(prior.loc.numpy(), axis=0), rtol=1e-6)
    assert drawn.weights.sum() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(drawn.grid()[8], [drawn.ticks[0][1], drawn.ticks[1][1]], rtol=1e-6)
    assert drawn.lines == {}


def test_more_dimensions_are_shown_in_the_plane_of_the_codes(images):
    drawn = explorer.latent_map(images, size=5)
    np.testing.assert_allclose(drawn.axes @ drawn.axes.T, np.eye(2), atol=1e-6)
    np.testing.assert_allclose(drawn.place(drawn.codes([[0.3, -0.2]])[0]), [0.3, -0.2], atol=1e-6)
    np.testing.assert_allclose(drawn.points.mean(axis=0), 0, atol=1e-5)
    spread = drawn.points.var(axis=0)
    assert spread[0] >= spread[1]
    for d, line in drawn.lines.items():
        others = [k for k in range(4) if k != d]
        np.testing.assert_allclose(line[:, others], np.tile(drawn.origin[others], (21, 1)), rtol=1e-5)
        assert (np.diff(line[:, d]) > 0).all()


def test_a_prior_in_other_units_shows_its_components_where_codes_are(run, table):
    x = run.codec.transform(table)
    cured = tfvae.fit_latent_density(run.vae, x, "mixture:2", seed=0)
    run.directory.save_model(cured, "models/cured.keras")
    drawn = explorer.latent_map(tfvae.load_run(run.directory.path, "cured"), table)
    assert len(drawn.components) == 2
    np.testing.assert_allclose(drawn.weights @ drawn.components, drawn.points.mean(axis=0), atol=0.2)


def test_the_page_holds_what_the_model_decodes(run, table, tmp_path):
    path = explorer.write_page(run, tmp_path / "e.html", table, "kind")
    found, drawn = content(path), explorer.latent_map(run, table, "kind")
    assert found["columns"] == ["x", "y", "flag"]
    assert found["rows"] == as_texts(run.decode(drawn.grid()))
    assert len(found["rows"]) == 25 * 25
    assert set(found["labels"]) == {"a<b", "c"}
    page = path.read_text()
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", page)  # nothing is fetched


def test_images_are_in_the_page_in_their_order(images, tmp_path):
    found = content(explorer.write_page(images, tmp_path / "e.html"))
    drawn = explorer.latent_map(images)
    codes = np.concatenate([drawn.grid(), *drawn.lines.values()])
    assert found["size"] == [6, 5]
    with Image.open(io.BytesIO(base64.b64decode(found["sprite"]))) as picture:
        pixels = np.asarray(picture)
    index = 25 * 25 + 21 + 3  # the fourth place of the second line
    row, column = divmod(index, found["across"])
    shown = pixels[6 * row : 6 * row + 6, 5 * column : 5 * column + 5]
    np.testing.assert_allclose(shown / 255, np.clip(images.decode(codes[index : index + 1])[0], 0, 1), atol=0.003)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium")
def test_the_page_decodes_in_a_browser(run, table, tmp_path):
    path = explorer.write_page(run, tmp_path / "e.html", table, "kind")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
               f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=10000", "--dump-dom"]  # fmt: skip
    shown = subprocess.run([*command, f"file://{path}#cell=37"], capture_output=True, text=True, timeout=120).stdout
    cells = re.findall(r"<tr><th>([^<]*)</th><td>([^<]*)</td></tr>", shown)
    row = content(path)["rows"][37]
    assert [(name, value.replace("&lt;", "<")) for name, value in cells] == list(
        zip(["x", "y", "flag"], row, strict=True)
    )
    assert "decoder mean at (" in shown
    assert "js-plotly-plot" in shown


def test_the_widget_decodes_where_it_is_moved_to(run, table):
    widget = tfvae.LatentWidget(run, table, "kind")
    figure, side = widget.box.children
    widget.move_to(0.5, -0.25)
    np.testing.assert_allclose(widget.code, [0.5, -0.25])
    texts = as_texts(run.decode(widget.code[None]))[0]
    for value in texts[:2]:
        assert f"<td>{value}</td>" in side.children[0].value
    assert (figure.data[-1].x, figure.data[-1].y) == ((0.5,), (-0.25,))
    first = side.children[1]
    first.value = 0.1
    np.testing.assert_allclose(widget.code, [0.1, -0.25], atol=1e-6)
    assert figure.data[-1].x[0] == pytest.approx(0.1)
    assert "application/vnd.jupyter.widget-view+json" in widget._repr_mimebundle_()


def test_the_widget_shows_images(images):
    widget = tfvae.LatentWidget(images)
    before = widget.box.children[1].children[0].value
    assert before.startswith('<img width="240"')
    widget.box.children[1].children[1].value += 0.5
    assert widget.box.children[1].children[0].value != before


def test_a_label_that_is_not_there(run, table):
    with pytest.raises(UserError, match="no column 'none' to colour"):
        explorer.latent_map(run, table, "none")
