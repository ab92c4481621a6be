"""The one-dimensional check of the Epanechnikov VAE's objective, against closed forms."""

import numpy as np
import pytest
import scipy.stats

from tfvae.experiments import find_experiment


def test_the_objective_is_no_bound_and_the_elbo_is(tmp_path):
    run = find_experiment("epanechnikov-bound").with_preset("paper", num_x=11, num_radii=20).run(tmp_path / "run")
    metrics = run.read_json("metrics.json")
    for row in metrics["normal"]:
        assert row["nll"] == pytest.approx(-scipy.stats.norm(0, 2**0.5).logpdf(row["x"]), abs=1e-6)
        assert row["negative_elbo"] >= row["nll"]
    for row in metrics["uniform"]:
        exact = scipy.stats.norm.cdf(0.5 - row["x"]) - scipy.stats.norm.cdf(-0.5 - row["x"])
        assert row["nll"] == pytest.approx(-np.log(exact), abs=1e-5)
        assert row["kl"] == "∞"
    for noise in ("uniform", "normal"):
        assert metrics[noise][-1]["objective"] < metrics[noise][-1]["nll"] - 5
        assert metrics[noise][0]["objective"] > metrics[noise][0]["nll"]
    assert run.figures()
