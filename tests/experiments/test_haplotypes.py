"""Document 003's experiment on simulated people: that it runs, resumes and can be used."""

import numpy as np
import pytest

from tfvae.experiments import Haplotypes, HaplotypesScale
from tfvae.experiments.haplotypes.arms import CHANGES
from tfvae.host.errors import UserError
from tfvae.runs import load_run


def test_each_arm_changes_what_it_says():
    recipes = Haplotypes().recipes()
    assert set(recipes) == set(CHANGES)
    incumbent = recipes["incumbent"]
    assert incumbent.sizes(1239) == (12, (391, 123, 39))  # the published code's, for its section 0
    assert incumbent.sizes(683) == (6, (215, 68, 21))
    assert (incumbent.activation, incumbent.dropout, incumbent.prior) == ("sigmoid", (0.4, 0.4, 0.0), "standard")
    assert (incumbent.batch_size, incumbent.epochs, incumbent.patience) == (32, 1000, 30)
    for arm, settings in (("inert-dropout", {"dropout": 0.0}), ("temperature", {"temperature": 0.1})):
        assert {k: v for k, v in vars(recipes[arm]).items() if v != getattr(incumbent, k)} == settings
    for arm, (base, keys) in {
        "warm-up": ("wide", {"warm_up"}),
        "iwae": ("warm-up", {"num_draws"}),
        "vamp": ("warm-up", {"prior"}),
        "exemplar": ("warm-up", {"prior"}),
        "mixture": ("warm-up", {"prior"}),
        "masked": ("mixture", {"masked"}),
        "mosaics": ("mixture", {"mosaics"}),
        "final": ("mosaics", {"activation", "warm_up", "num_steps", "all_people"}),
    }.items():
        changed = {k for k, v in vars(recipes[arm]).items() if v != getattr(recipes[base], k)}
        assert changed == keys, arm


def test_runs_resumes_and_can_be_used(tmp_path):
    experiment = Haplotypes.with_preset("quick", arms=("incumbent", "final"))
    run = experiment.run(tmp_path / "run", preset="quick")
    metrics = run.read_json("metrics.json")
    assert [row["arm"] for row in metrics["arms"]] == ["incumbent", "final"]
    sections = {row["section"] for row in metrics["sections"]}
    assert len(metrics["sections"]) == 2 * len(sections)
    assert [row["section"] for row in metrics["log_likelihoods"]] == sorted(sections)
    assert all(row["li_stephens"] < 0 for row in metrics["log_likelihoods"])
    page = (run.path / "report.html").read_text()
    assert page.count("<img") == len(run.figures()) == 3 + 2 * 4

    written = {p: p.stat().st_mtime_ns for p in run.path.glob("arms/*/sections/*/metrics.json")}
    experiment.run(tmp_path / "run", preset="quick", resume=True)
    assert {p: p.stat().st_mtime_ns for p in written} == written

    loaded = load_run(run.path)
    assert set(np.unique(loaded.vae.sample(4, seed=0))) <= {0.0, 1.0}
    assert loaded.vae.data_shape == (len(loaded.codec.sites),)


def test_missing_data_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TFVAE_DATA", str(tmp_path))
    with pytest.raises(UserError, match="needs haplotypes/1000g_chr1_sections_0-9.vcf.gz in the folder"):
        Haplotypes().check()


@pytest.mark.slow
def test_scale_measures_each_size_once(tmp_path):
    experiment = HaplotypesScale.with_preset("quick", people=(30,))
    run = experiment.run(tmp_path / "run", preset="quick")
    (row,) = run.read_json("metrics.json")["sizes"]
    assert row["people"] == 30
    assert row["million_genotypes_a_second"] > 0
    assert row["memory_gigabytes"] > 0
    assert not list(run.path.glob("scratch*"))
