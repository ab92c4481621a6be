"""What measures say in words."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfvae.workflows.fitting import comparison
from tfvae.workflows.verdicts import density_verdict, draws_verdict, together


def compared(lead, noise=0.1, n=1000):
    own = np.random.default_rng(0).normal(size=n)
    other = own - lead + noise * np.random.default_rng(1).standard_normal(n)
    return comparison({"tfvae": own, "worse": own - 50, "other": other})


@pytest.mark.parametrize(
    ("lead", "words", "good"),
    [(1.0, "Closer to the held-out rows than the best baseline, other: by 1.0", True),
     (0.0, "As close to the held-out rows as the best baseline, other", True),
     (-1.0, "A simpler model, other, is closer to the held-out rows: by 0.99", False)],
)  # fmt: skip
def test_density(lead, words, good):
    verdict = density_verdict(compared(lead), "row")
    assert verdict.headline.startswith(words)
    assert verdict.good is good
    assert bool(verdict.advice) is not good


def test_a_row_without_any_density():
    rows = comparison({"tfvae": np.array([-np.inf, 0.0]), "other": np.zeros(2)})
    assert density_verdict(rows, "row").headline == "This model gives some held-out rows no density at all."


def test_differences_are_paired():
    rows = compared(1.0, noise=0.0)
    assert rows[0]["difference"] is None
    assert rows[2]["difference"] == pytest.approx(1.0)
    assert rows[2]["difference_error"] < 1e-9 < rows[2]["standard_error"]


@pytest.mark.parametrize(("area", "words", "good"), [(0.5, "can hardly tell", True), (0.65, "can tell some", None),
                                                     (0.9, "easily tells", False)])  # fmt: skip
def test_draws(area, words, good):
    verdict = draws_verdict(SimpleNamespace(random_forest=area, gradient_boosting=0.5, null_sd=0.01))
    assert words in verdict.headline
    assert f"AUC {area:.2f}" in verdict.headline
    assert verdict.good is good


def test_chance_is_no_verdict():
    auc = SimpleNamespace(random_forest=0.6, gradient_boosting=0.5, null_sd=0.06)
    assert draws_verdict(auc).good is True


def test_together_is_as_good_as_its_worst():
    good, unsure = (
        density_verdict(compared(1.0), "row"),
        draws_verdict(SimpleNamespace(random_forest=0.65, gradient_boosting=0.5, null_sd=0.01)),
    )
    assert together(good)["good"] is True
    assert together(good, unsure)["good"] is None
    assert together(good, unsure, density_verdict(compared(-1.0), "row"))["good"] is False
    assert together(good, unsure)["headline"] == f"{good.headline} {unsure.headline}"
