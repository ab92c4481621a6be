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
    "digits": KnownTable(_digits, "digit", "scikit-learn's 1797 handwritten digits, 8 x 8 grey", 8),
}
