"""Tables that are known by name, and need no file."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd


def make_customers(n: int = 3_000, seed: int = 0) -> pd.DataFrame:
    """Customers of a shop that does not exist: four segments, and what real tables are made of.

    Heavy tails (`income`), a share of exact zeros (`discount`), small and large integers (`orders`, `visits`), decimals,
    unequal categories, a boolean. `segment` is what the others depend on.

    Args:
        n: rows.
        seed: of all of them.
    """
    rng = np.random.default_rng(seed)
    names = np.array(["families", "pensioners", "students", "traders"])
    k = rng.choice(4, n, p=[0.4, 0.25, 0.25, 0.1])
    age = rng.normal(np.array([41, 71, 22, 47])[k], np.array([7, 6, 2, 9])[k]).round().clip(18, 99)
    income = np.exp(rng.normal(np.array([10.7, 10.2, 9.3, 11.6])[k], np.array([0.4, 0.3, 0.35, 0.7])[k])).round(2)
    orders = rng.poisson(np.array([9, 3, 5, 40])[k])
    visits = orders * 12 + rng.negative_binomial(2, 2 / (2 + np.array([300, 40, 900, 500])[k]))
    reduced = rng.random(n) < np.array([0.35, 0.5, 0.6, 0.1])[k]
    discount = np.where(reduced, 50 * rng.beta(2, 4, n), 0.0).round(1)
    plan = np.array(["free", "plus", "business"])[
        [
            rng.choice(3, p=p)
            for p in np.array([[0.5, 0.45, 0.05], [0.8, 0.19, 0.01], [0.7, 0.3, 0], [0.1, 0.3, 0.6]])[k]
        ]
    ]
    member = rng.random(n) < np.array([0.6, 0.8, 0.3, 0.9])[k]
    return pd.DataFrame({"age": age.astype("int64"), "income": income, "orders": orders, "visits": visits,
                         "discount": discount, "plan": plan, "member": member, "segment": names[k]})  # fmt: skip


def make_loans(n: int = 4_000, seed: int = 0) -> pd.DataFrame:
    """Loans of a bank that does not exist: rounded amounts, one that is asked for far too often, dates, missing values.

    `years` of employment are missing where the credit is worse; `defaulted` depends on late payments and the rate.

    Args:
        n: rows.
        seed: of all of them.
    """
    rng = np.random.default_rng(seed)
    k = rng.choice(3, n, p=[0.5, 0.35, 0.15])
    score = rng.normal(np.array([720, 640, 560])[k], 35).clip(300, 850).round()
    income = np.exp(rng.normal(np.array([11, 10.5, 10.1])[k], 0.5)).round(-2)
    amount = np.where(rng.random(n) < 0.15, 25_000, np.exp(rng.normal(9.3, 0.7, n)).round(-1))
    rate = (22 - score / 50 + rng.gamma(2, 1.0, n)).clip(2).round(2)
    late = rng.poisson(np.array([0.1, 0.8, 3])[k])
    years = np.where(rng.random(n) < 0.2 * (k > 0), np.nan, rng.gamma(2, 4, n).round(1))
    purpose = rng.choice(["car", "house", "card", "school", "other"], n, p=[0.2, 0.2, 0.4, 0.15, 0.05])
    owns = rng.random(n) < np.array([0.7, 0.5, 0.2])[k]
    defaulted = rng.random(n) < 1 / (1 + np.exp(4 - 0.6 * late - 0.15 * rate))
    opened = pd.Timestamp("2015-01-01") + pd.to_timedelta((rng.beta(2, 1, n) * 3600).astype(int), unit="D")
    return pd.DataFrame({"score": score, "income": income, "amount": amount, "rate": rate, "late": late, "years": years,
                         "purpose": purpose, "owns": owns, "defaulted": defaulted, "opened": opened})  # fmt: skip


def _digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    frame = pd.DataFrame(data.data.astype("int64"), columns=[f"pixel_{r}_{c}" for r in range(8) for c in range(8)])
    return frame.assign(digit=data.target)


@dataclasses.dataclass(frozen=True)
class KnownTable:
    """A table with a name.

    Attributes:
        load: () -> `pandas.DataFrame`.
        label: the column that is not modelled, unless another is named.
        about: what it is, for `tfvae list`.
        side: of the square images that its rows are; None where they are none.
    """

    load: Callable
    label: str
    about: str
    side: int | None = None


KNOWN_TABLES = {
    "customers": KnownTable(make_customers, "segment", "3,000 made-up customers in four segments: a mixed table"),
    "loans": KnownTable(make_loans, "", "4,000 made-up loans: dates, rounded numbers, missing values"),
    "digits": KnownTable(_digits, "digit", "scikit-learn's 1797 handwritten digits, 8 x 8 grey", 8),
}
