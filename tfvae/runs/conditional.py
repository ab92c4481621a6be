"""Rows of a table that are drawn given what is known of them."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfvae.data.tables import read_table
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


def draws_given(run: Any, given: Any, num_samples: int, seed: int) -> pd.DataFrame:
    """A row for each of `given`, drawn from p(row | what is given of it): see `Run.sample`."""
    _check_is_of_a_table(run, "Conditions are")
    known = pd.DataFrame(read_table(given) if isinstance(given, str | Path) else given).reset_index(drop=True)
    left_out = {name for name, _ in run.codec.left_out}  # identifiers and such, which are written back
    run.codec.check_names([name for name in known if name not in left_out])
    faults = run.codec.faults(known)
    if (faults != "").any():
        raise UserError(f"No row can be as it is given: {faults[faults != ''].iloc[0]}.")
    rows = run.codec.check(known.reindex(columns=run.codec.names))
    drawn = _draws(run, rows, num_samples, seed)
    for name in known:  # as they were given, and not as the codec's grid has them
        if name not in drawn:
            drawn[name] = known[name]
            continue
        both = known[name].astype(object).where(known[name].notna(), drawn[name].astype(object))
        with contextlib.suppress(ValueError, TypeError):  # of numbers that the data have not as integers
            both = both.astype(drawn[name].dtype)
        drawn[name] = both
    return drawn


def density_given(run: Any, rows: pd.DataFrame, names: Sequence[str], estimate: Callable, seed: int) -> Any:
    """The estimate of log p(row | its columns `names`): see `Run.score`."""
    _check_is_of_a_table(run, "Conditions are")
    run.codec.check_names(names)
    vectors = run.codec.transform(rows, seed)
    whole, part = estimate(vectors), estimate(run.codec.hide(vectors, set(run.codec.names) - set(names)))
    return whole._replace(
        log_likelihood=whole.log_likelihood - part.log_likelihood,
        standard_error=np.hypot(whole.standard_error, part.standard_error),
        effective_sample_size=np.minimum(whole.effective_sample_size, part.effective_sample_size),
    )


def imputed(run: Any, data: Any, num_samples: int, seed: int) -> pd.DataFrame:
    """Rows whose gaps are filled: see `Run.impute`."""
    _check_is_of_a_table(run, "Missing values are imputed")
    rows = run.codec.rows(data)
    names = [name for name in run.codec.names if rows[name].isna().any()]
    if not names:
        return rows
    filled, todo = rows.copy(), np.flatnonzero(rows[names].isna().any(axis=1).to_numpy())
    for attempt in range(_ATTEMPTS):
        drawn = _draws(run, rows.iloc[todo], num_samples, _seed(seed, attempt)).set_index(rows.index[todo])
        for name in names:
            filled[name] = filled[name].fillna(drawn[name])
        todo = todo[filled[names].iloc[todo].isna().any(axis=1).to_numpy()]  # drawn as missing: once more
        if not len(todo):
            return filled
    raise UserError(
        f"{len(todo)} rows have values that the training data hardly ever had: none was drawn in {_ATTEMPTS} attempts, so "
        "leave out columns that are nearly always missing."
    )


def _draws(run, rows, num_samples, seed):
    """A draw of p(row | what is there of it) for each row, gaps and all."""
    posterior_draws = import_quietly("tfvae.models.resampling").posterior_draws
    vectors = run.codec.transform(rows, seed, unknown=True)
    z, _ = posterior_draws(run.vae, vectors, num_samples, _seed(seed, 0))
    return run.rows_of(run.vae.decode(z).distribution.sample(seed=_seed(seed, 1)).numpy())


def _seed(seed, number):
    """A seed for each number, which no other seed has for another."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def _check_is_of_a_table(run, what):
    if run.codec.kind != "table":
        raise UserError(f"{what} in tables alone.")
