"""scikit-learn's own checks of an estimator, as far as they apply to tables of mixed columns."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.utils.estimator_checks import estimator_checks_generator

import tfvae

TOO_FEW = "checks with fewer rows than can be split into training, validation and held-out rows"
FAILING = {
    "check_complex_data": TOO_FEW,
    "check_fit2d_1feature": TOO_FEW,
    "check_fit2d_1sample": TOO_FEW,
    "check_n_features_in_after_fitting": TOO_FEW,
    "check_estimators_nan_inf": "NaN is a value that is missing",
    "check_methods_subset_invariance": "a training by minibatches, and scores by draws",
    "check_transformer_preserve_dtypes": "codes are a DataFrame",
    "check_methods_sample_order_invariance": "scores by draws",
}


def quick():
    return tfvae.TableEstimator("gaussian", tune=1, epochs=1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("estimator", "check"),
    list(estimator_checks_generator(quick(), expected_failed_checks=FAILING, mark="skip")),
    ids=lambda value: getattr(getattr(value, "func", value), "__name__", ""),
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_what_no_table_is_is_said_before_any_work():
    rows = np.random.default_rng(0).random((40, 2))
    for data, message in (
        (rows + 1j, "Complex data not supported"),
        (scipy.sparse.csr_array(rows), "Sparse data was passed"),
        (rows[:, 0], "Reshape your data"),
        (rows[:, :0], r"0 feature\(s\)"),
        (np.where(rows > 0.9, np.inf, rows), "contains infinity"),
        (rows[:5], "too few"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            quick().fit(data)
    with pytest.raises(ValueError, match="too few"):
        quick().fit(pd.DataFrame(rows[:5]))
