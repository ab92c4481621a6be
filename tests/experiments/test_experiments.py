"""Every experiment of the class tree runs in its quick preset, resumes, and reports; no quality is claimed at that size."""

import dataclasses
import json

import pytest

from tfvae.errors import UserError
from tfvae.experiments import all_experiments, find_experiment
from tfvae.experiments.gaussian_mixture import GaussianMixtureExperiment
from tfvae.report import write_report


@pytest.mark.parametrize("name", list(all_experiments()))
def test_quick_preset_runs_and_reports(name, tmp_path):
    cls = find_experiment(name)
    tiny = {"num_points": 640, "epochs": 1, "num_test": 400, "num_samples": 5}
    experiment = cls.with_preset("quick", **tiny)
    run = experiment.run(tmp_path / "run", preset="quick")
    metrics = run.read_json("metrics.json")
    fits = [fit.name for fit in experiment.fits()]
    assert [row["fit"] for row in metrics["fits"]] == fits
    assert set(run.models()) == set(fits)
    assert set(metrics["summary"]) == {fit.variant for fit in experiment.fits()}
    for row in metrics["fits"]:
        assert 0 <= row["bridge_mass"] <= 1
        assert row["kl"] >= -1e-3
    page = (run.path / "report.html").read_text()
    assert "shows that the experiment runs" in page
    assert page.count("<img") == len(run.figures()) > 3
    config = run.read_json("config.json")
    assert config["arguments"]["epochs"] == 1

    # A kill after some fits: the rest is trained, the finished ones are not touched.
    last = fits[-1]
    (run.path / f"models/{last}.keras").unlink()
    metrics["fits"] = metrics["fits"][:-1]
    (run.path / "metrics.json").write_text(json.dumps({"fits": metrics["fits"]}))
    kept = (run.path / f"models/{fits[0]}.keras").stat().st_mtime_ns
    experiment.run(tmp_path / "run", preset="quick", resume=True)
    again = run.read_json("metrics.json")
    assert [row["fit"] for row in again["fits"]] == fits
    assert (run.path / f"models/{fits[0]}.keras").stat().st_mtime_ns == kept


def test_the_papers_settings_are_the_documents():
    paper = GaussianMixtureExperiment.with_preset("paper")
    assert dataclasses.asdict(paper) == {
        "seed": 0, "num_points": 100_000, "epochs": 10, "batch_size": 32, "num_components": 16, "num_seeds": 5,
        "num_test": 20_000, "num_samples": 200,
    }  # fmt: skip
    assert {fit.batch_size for fit in paper.fits()} == {32}
    assert len(paper.fits()) == 8 * 5


def test_unknown_names_are_one_sentence():
    with pytest.raises(UserError, match="did you mean 'gaussian-mixture'"):
        find_experiment("gauss-mixture")
    with pytest.raises(UserError, match="has no preset 'huge'"):
        GaussianMixtureExperiment.with_preset("huge")


def test_a_report_without_metrics_is_a_page(tmp_path):
    from tfvae.runs import RunDirectory

    run = RunDirectory.create(tmp_path / "run", {"command": "run", "arguments": {"experiment": "<x>", "seed": 0}})
    page = write_report(run).read_text()
    assert "&lt;x&gt;" in page
