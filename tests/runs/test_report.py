"""The report as its reader meets it."""

import base64
import io
import re

import pytest
from matplotlib.figure import Figure
from PIL import Image

from tfvae.runs.directory import RunDirectory
from tfvae.runs.measures import meaning
from tfvae.runs.report import write_report


@pytest.fixture
def run(tmp_path):
    return RunDirectory.create(tmp_path / "run", {"command": "fit", "arguments": {"data": "a/b/mine.csv", "seed": 0}})


def figure(title):
    made = Figure()
    made.subplots().plot([0, 1])
    made.suptitle(title)
    return made


def test_verdict_first_then_the_lead_picture_then_the_rest(run):
    run.write_json("metrics.json", {
        "verdict": {"headline": "Closer than `x` <all>.", "advice": "Try `prior`.", "good": True},
        "comparison": [
            {"model": "tfvae", "nll": 1.23456, "standard_error": 0.0123, "difference": None, "difference_error": None},
            {"model": "other", "nll": 1.5, "standard_error": 0.01, "difference": 0.265, "difference_error": 0.0123},
        ],
        "kl": 0.5, "active_units": 2, "notes": ["A note."],
    })  # fmt: skip
    for name, title, caption in (("2-b", "Second", "Look left."), ("10-c", "Third", ""), ("1-loss", "", "Losses.")):
        run.save_figure(name, figure(title), caption)
    page = write_report(run).read_text()
    assert "<h1>mine.csv</h1>" in page
    assert "<p>Closer than <code>x</code> &lt;all&gt;.</p>" in page
    assert '<div class="verdict good">' in page
    places = [
        page.index(text)
        for text in ("Try <code>prior</code>", "Look left.", "1.235 ± 0.012", "Third", "Losses.", "A note.")
    ]
    assert places == sorted(places)
    assert "0.265 ± 0.012" in page
    assert "tfvae (best)" in page
    assert meaning("kl") in page
    assert page.index("Settings and versions") > places[-1]


def test_pictures_are_in_the_page_and_keep_what_is_said_of_them(run):
    run.save_figure("1-a", figure("A title"), "Σ and 北京: look.")
    page = write_report(run).read_text()
    (image,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    with Image.open(io.BytesIO(base64.b64decode(image))) as picture:
        assert picture.info["Title"] == "A title"
        assert picture.info["Description"] == "Σ and 北京: look."
    assert "Σ and 北京: look." in page
    assert "http" not in page


def test_a_report_of_a_run_without_measures_is_a_page(run):
    assert "Settings and versions" in write_report(run).read_text()


def test_what_is_not_finite_is_a_dash(run):
    rows = [
        {
            "model": "tfvae",
            "nll": float("inf"),
            "standard_error": float("nan"),
            "difference": None,
            "difference_error": None,
        },
        {
            "model": "other",
            "nll": 1.0,
            "standard_error": 0.1,
            "difference": float("-inf"),
            "difference_error": float("nan"),
        },
    ]
    run.write_json("metrics.json", {"comparison": rows, "nll": float("inf")})
    page = write_report(run).read_text()
    assert "other (best)" in page
    assert 'tfvae</td><td class="n">–</td>' in page


def test_a_measure_is_explained_with_its_prefix():
    assert meaning("mixture_draws_frechet_distance").startswith("of draws of a mixture fitted to the codes: Fréchet")
    assert meaning("means_bridge_mass").startswith("of decoder means: ")
    assert meaning("no_such_measure") == ""
