"""A table's model with the methods of a scikit-learn estimator."""

# ruff: noqa: N803 (X is scikit-learn's name, which its callers may give)

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from tfvae.runs.load import Run
from tfvae.workflows.fit_tables import fit_table


class TableEstimator(TransformerMixin, BaseEstimator):
    """`fit_table` as a scikit-learn estimator: DataFrames in, DataFrames out.

    It takes mixed columns and missing values, as `fit_table` does; `score_samples` is log p(x) in nats and in the data's
    units, so that `GridSearchCV` and `cross_val_score` choose by it; `transform` gives the means of q(z|x).

    Args:
        model, tune, latent_dim, prior, epochs, holdout, missing: of `TableOptions`.
        num_samples: importance samples for each row that is scored.
        random_state: the seed.
        out: the run directory; None for a temporary one.
        verbose: as for `fit_table`.

    Attributes:
        run_: `Run`, after `fit`.
        feature_names_in_: the columns that it was fitted to.
        n_features_in_: their number.
    """

    def __init__(
        self,
        model: str = "",
        *,
        tune: int = 2,
        latent_dim: int | None = None,
        prior: str = "",
        epochs: int = 300,
        holdout: float = 0.1,
        missing: str = "model",
        num_samples: int = 200,
        random_state: int = 0,
        out: Any = None,
        verbose: Any = 0,
    ):
        self.model = model
        self.tune = tune
        self.latent_dim = latent_dim
        self.prior = prior
        self.epochs = epochs
        self.holdout = holdout
        self.missing = missing
        self.num_samples = num_samples
        self.random_state = random_state
        self.out = out
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    def fit(self, X: Any, y: Any = None) -> "TableEstimator":
        """Fits the model to the rows of a DataFrame or an array; `y` is not looked at."""
        del y
        frame = _frame(X)
        names = ("model", "tune", "latent_dim", "prior", "epochs", "holdout", "missing")
        options = {name: getattr(self, name) for name in names}
        self.run_: Run = fit_table(
            frame, self.out, seed=self.random_state, verbose=self.verbose, overwrite=self.out is not None, **options
        )
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.n_features_in_ = len(frame.columns)
        return self

    def sample(self, n_samples: int = 1, random_state: int | None = None, where: dict | None = None) -> pd.DataFrame:
        """Rows of p(x); see `Run.sample`."""
        check_is_fitted(self, "run_")
        return self.run_.sample(n_samples, self.random_state if random_state is None else random_state, where=where)

    def score_samples(self, X: Any) -> np.ndarray:
        """log p(x) of each row, `(n,)`, in nats; −inf for values that the model has never seen."""
        check_is_fitted(self, "run_")
        return self.run_.score(_frame(X), self.num_samples, self.random_state)["log_likelihood"].to_numpy()

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`."""
        del y
        return float(self.score_samples(X).mean())

    def transform(self, X: Any) -> pd.DataFrame:
        """The means of q(z|x): columns z0_mean, z1_mean, …"""
        check_is_fitted(self, "run_")
        codes = self.run_.encode(_frame(X))
        return codes[[name for name in codes if name.endswith("_mean")]]

    def inverse_transform(self, X: Any) -> pd.DataFrame:
        """The rows that codes decode to: the means of p(x|z)."""
        check_is_fitted(self, "run_")
        return self.run_.decode(X)


def _frame(rows):
    if isinstance(rows, pd.DataFrame):
        return rows
    rows = check_array(rows, dtype=None, ensure_all_finite="allow-nan", input_name="X")
    return pd.DataFrame(rows, columns=[f"x{k}" for k in range(rows.shape[1])]).infer_objects()
