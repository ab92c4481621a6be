"""`tfvae fit` as it comes, on tables whose truth is known."""

import dataclasses
import time
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tfvae import evaluation
from tfvae.data.gaussian_mixture import random_table
from tfvae.experiments.experiment import Experiment
from tfvae.experiments.fits import write_findings
from tfvae.runs.directory import METRICS
from tfvae.workflows.fit_tables import fit_table

_MEASURES = (
    "modes_covered_share",
    "bridge_mass",
    "high_quality_share",
    "nll_gap",
    "mixture_nll_gap",
    "active_units",
    "seconds",
)
_TEST_SEED = 10_000


@dataclasses.dataclass(frozen=True)
class GaussianMixtureTables(Experiment):
    """Random mixtures of 4 to 12 modes in 2 to 8 columns, each fitted by `fit_table` with its defaults."""

    name: ClassVar[str] = "gaussian-mixture-tables"
    summary: ClassVar[str] = "what `tfvae fit` makes of twenty random mixtures with its default settings"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {
            "num_tables": 2,
            "least_rows": 400,
            "most_rows": 500,
            "num_test": 200,
            "epochs": 1,
            "num_samples": 20,
        },
    }

    num_tables: int = 20
    least_rows: int = 6_000
    most_rows: int = 12_000
    num_test: int = 5_000
    num_samples: int = 200
    epochs: int = 300  # at most, the default

    def execute(self, run: Any) -> None:
        """Fits each table into a run directory of its own, and measures it on fresh rows and draws."""
        rows = {row["seed"]: row for row in run.read_json(METRICS, default={"fits": []})["fits"]}
        for seed in range(self.seed, self.seed + self.num_tables):
            if seed not in rows:
                rows[seed] = self._measured(run, seed)
                run.write_json(METRICS, {"fits": list(rows.values())})
        found = pd.DataFrame(rows.values())
        reached = {"every mode": found["modes_covered_share"] == 1, "bridges at most 1 %": found["bridge_mass"] <= 0.01,
                   "NLL gap at most 0.05": found["nll_gap"] <= 0.05}  # fmt: skip
        within = {"tables": len(found)} | {name: int(which.sum()) for name, which in reached.items()}
        write_findings(run, found, _MEASURES, within=[within])

    def _measured(self, run, seed):
        from sklearn.mixture import GaussianMixture

        truth = random_table(seed)
        n = int(np.random.default_rng(seed).integers(self.least_rows, self.most_rows + 1))
        x, test = truth.sample(n, seed=seed), truth.sample(self.num_test, seed=_TEST_SEED + seed)
        columns = [f"x{d}" for d in range(truth.dimension)]
        start = time.perf_counter()
        fitted = fit_table(
            pd.DataFrame(x, columns=columns),
            run.path / "fits" / str(seed),
            epochs=self.epochs,
            verbose=0,
            overwrite=True,
        )
        seconds = time.perf_counter() - start
        estimate = fitted.estimate(pd.DataFrame(test, columns=columns), self.num_samples, seed)
        log_p = truth.log_prob(test)
        report = evaluation.mode_report(truth, fitted.sample(self.num_test, seed).to_numpy())
        units = x.std(axis=0)
        mixture = GaussianMixture(truth.num_modes, n_init=3, random_state=seed).fit(x / units)
        of_mixture = mixture.score_samples(test / units) - np.log(units).sum()
        return {
            "fit": f"table-{seed}",
            "variant": "tfvae fit",
            "seed": seed,
            "rows": n,
            "columns": truth.dimension,
            "modes": truth.num_modes,
            "modes_covered_share": report.modes_covered / truth.num_modes,
            "bridge_mass": report.bridge_mass,
            "high_quality_share": report.high_quality_share,
            "nll_gap": float(np.mean(log_p - estimate.log_likelihood)),
            "mixture_nll_gap": float(np.mean(log_p - of_mixture)),  # scikit-learn's, which is told the number of modes
            "active_units": fitted.metrics["active_units"],
            "seconds": seconds,
        }
