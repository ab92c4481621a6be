"""Can a classifier tell draws from real rows?"""

from typing import NamedTuple

import numpy as np
import pandas as pd


class TwoSampleAUC(NamedTuple):
    """Areas under the ROC curve of classifiers that tell draws from real rows: 0.5 is guessing, 1 is certainty."""

    random_forest: float  # by cross-validation
    gradient_boosting: float  # by cross-validation
    null_sd: float  # the standard deviation that an area has where rows and draws have one law


def two_sample_auc(real: pd.DataFrame, drawn: pd.DataFrame, seed: int = 0, folds: int = 5) -> TwoSampleAUC:
    """How well classifiers tell draws from rows that the model has not seen.

    Source: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests" (2017); the area in place of the accuracy, whose
    standard deviation under the null hypothesis is Mann and Whitney's.

    Args:
        real, drawn: tables with the same columns; numbers as they are, all else by its values' order.
        seed: of folds and forests.
        folds: of the cross-validation.

    Raises:
        ValueError: where the columns differ, or a table has fewer rows than there are folds.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    if list(real.columns) != list(drawn.columns):
        raise ValueError(f"Both tables need the same columns, but have {list(real.columns)} and {list(drawn.columns)}.")
    n, m = len(real), len(drawn)
    if min(n, m) < folds:
        raise ValueError(f"{folds} folds need as many rows of each table, but there are {n} and {m}.")
    both = pd.concat([real, drawn], ignore_index=True)
    x = both.apply(as_ranks).to_numpy("float64")
    y = np.repeat([0, 1], [n, m])
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    areas = [
        float(roc_auc_score(y, cross_val_predict(of, x, y, cv=parts, method="predict_proba")[:, 1]))
        for of in (RandomForestClassifier(random_state=seed), HistGradientBoostingClassifier(random_state=seed))
    ]
    return TwoSampleAUC(*areas, null_sd=float(np.sqrt((n + m + 1) / (12 * n * m))))


def as_ranks(column):
    """Ranks of values, NaN for missing numbers: trees cannot tell them from the numbers, which forests take for float32."""
    if not pd.api.types.is_numeric_dtype(column):
        column = pd.Series(pd.factorize(column.astype("string"), sort=True)[0], index=column.index)
    return column.astype("float64").rank(method="dense")
