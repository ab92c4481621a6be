"""`tfvae fit` as it comes, on mixed tables, beside what one would do without it."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tfvae.data.known_tables import make_customers, make_loans
from tfvae.experiments.experiment import Experiment
from tfvae.experiments.fits import write_findings
from tfvae.runs.directory import METRICS
from tfvae.workflows.fit_tables import fit_table

_MEASURES = (
    "auc_random_forest",
    "auc_gradient_boosting",
    "copula_auc_random_forest",
    "copula_auc_gradient_boosting",
    "nll",
    "baseline_nll",
    "gain",
)


def _of_scikit_learn(name):
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")(as_frame=True)
    if not hasattr(data, "target_names") or name == "diabetes":
        return data.frame
    return data.frame.assign(target=np.asarray(data.target_names)[data.target])


_TABLES = {
    "customers": lambda seed: make_customers(seed=seed).drop(columns="segment"),
    "loans": lambda seed: make_loans(seed=seed),
    "diabetes": lambda seed: _of_scikit_learn("diabetes"),
    "wine": lambda seed: _of_scikit_learn("wine"),
    "breast-cancer": lambda seed: _of_scikit_learn("breast_cancer"),
}


@dataclasses.dataclass(frozen=True)
class OwnTables(Experiment):
    """Five tables, each fitted by `fit_table` with its defaults; a third of the rows is held out."""

    name: ClassVar[str] = "own-tables"
    summary: ClassVar[str] = "can draws be told from the rows of a mixed table, and whose density is nearest?"
    presets: ClassVar[dict] = {"paper": {}, "quick": {"tables": ("wine",), "num_seeds": 1, "epochs": 1}}

    tables: tuple[str, ...] = tuple(_TABLES)
    num_seeds: int = 3
    holdout: float = 0.33
    epochs: int = 300  # at most, the default

    def execute(self, run: Any) -> None:
        """Fits each table at each seed, which is that of the split, of made-up tables and of all else."""
        rows = {row["fit"]: row for row in run.read_json(METRICS, default={"fits": []})["fits"]}
        for seed in range(self.seed + 1, self.seed + 1 + self.num_seeds):  # seed 0 has chosen the settings
            for name in self.tables:
                if f"{name}-{seed}" not in rows:
                    rows[f"{name}-{seed}"] = self._measured(run, name, seed)
                    run.write_json(METRICS, {"fits": list(rows.values())})
        found = pd.DataFrame(rows.values())
        mean = found.groupby("variant")[list(_MEASURES)].mean()
        own, copula = mean[list(_MEASURES[:2])].max(axis=1), mean[list(_MEASURES[2:4])].max(axis=1)
        within = {
            "tables": len(mean),
            "AUC at most the copula's + 0.02": int((own <= copula + 0.02).sum()),
            "AUC below the copula's": int((own < copula).sum()),
            "density at least the best baseline's": int((mean["gain"] >= 0).sum()),
        }
        write_findings(run, found, _MEASURES, within=[within])

    def _measured(self, run, name, seed):
        frame = _TABLES[name](seed)
        fitted = fit_table(frame, run.path / "fits" / f"{name}-{seed}", holdout=self.holdout, epochs=self.epochs,
                           seed=seed, verbose=0, overwrite=True)  # fmt: skip
        metrics = fitted.metrics
        best = min(metrics["comparison"][1:], key=lambda row: row["nll"])
        chosen = next(row["model"] for row in fitted.directory.read_json("tuning.json") if row["chosen"])
        measures = {k: metrics[k] for k in _MEASURES if k in metrics}
        return {"fit": f"{name}-{seed}", "variant": name, "seed": seed, "rows": len(frame), "columns": len(frame.columns),
                **measures, "baseline_nll": best["nll"], "gain": best["nll"] - metrics["nll"],
                "baseline": best["model"], "model": chosen}  # fmt: skip
