"""Rows of a table that are drawn given what is known of them."""

from typing import Any

import numpy as np
import pandas as pd

from tfvae.host.errors import UserError
from tfvae.host.stderr import import_quietly

_BATCH, _LEAST_DRAWN, _MOST_DRAWN = 20_000, 100_000, 2_000_000  # draws that are looked at
_ATTEMPTS = 200  # at drawing a value where "missing" may be drawn too


def draws_where(run: Any, n: int, seed: int, where: dict) -> pd.DataFrame:
    """n draws that are as `where` says, exact and independent, since all others are thrown away: see `Run.sample`."""
    _check_is_of_a_table(run, "Conditions are")
    kept, drawn, found = [], 0, 0
    while found < n:
        rows = run.sample(_BATCH, seed=_seed(seed, len(kept)))
        kept.append(rows[run.codec.satisfies(rows, where)])
        drawn, found = drawn + len(rows), found + len(kept[-1])
        if drawn >= _LEAST_DRAWN and found * _MOST_DRAWN < n * drawn:
            raise UserError(
                f"{found:,} of {drawn:,} draws are as `where` says, so that {n:,} would take more than {_MOST_DRAWN:,}: "
                "ask for fewer rows, or for wider ranges."
            )
    return pd.concat(kept, ignore_index=True)[:n]


def imputed(run: Any, data: Any, num_samples: int, seed: int) -> pd.DataFrame:
    """Rows whose gaps are filled: see `Run.impute`."""
    _check_is_of_a_table(run, "Missing values are imputed")
    rows = run.codec.rows(data)
    names = [name for name in run.codec.names if rows[name].isna().any()]
    if not names:
        return rows
    posterior_draws = import_quietly("tfvae.models.resampling").posterior_draws
    filled, todo = rows.copy(), np.flatnonzero(rows[names].isna().any(axis=1).to_numpy())
    for attempt in range(_ATTEMPTS):
        vectors = run.codec.transform(rows.iloc[todo], seed, unknown=True)
        z, _ = posterior_draws(run.vae, vectors, num_samples, _seed(seed, 2 * attempt))
        drawn = run.rows_of(run.vae.decode(z).distribution.sample(seed=_seed(seed, 2 * attempt + 1)).numpy())
        drawn = drawn.set_index(rows.index[todo])
        for name in names:
            filled[name] = filled[name].fillna(drawn[name])
        todo = todo[filled[names].iloc[todo].isna().any(axis=1).to_numpy()]  # drawn as missing: once more
        if not len(todo):
            return filled
    raise UserError(
        f"{len(todo)} rows have values that the training data hardly ever had: none was drawn in {_ATTEMPTS} attempts, so "
        "leave out columns that are nearly always missing."
    )


def _seed(seed, number):
    """A seed for each number, which no other seed has for another."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def _check_is_of_a_table(run, what):
    if run.codec.kind != "table":
        raise UserError(f"{what} in tables alone.")
