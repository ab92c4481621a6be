"""Several models of one table, of which the validation rows choose."""

import dataclasses
import math
import shutil
from typing import Any

import numpy as np

from tfvae.host.errors import DivergedError
from tfvae.models.table_models import takes_modes
from tfvae.runs.directory import HISTORY, MODEL
from tfvae.workflows.fitting import fit_until_worse, model_maker

_SAMPLES, _ROWS = 200, 1_000  # by which a candidate is judged
_ROWS_FOR_A_PRIOR = 200  # training rows, below which priors made of rows are not tried
_TRIED = "tuning.json"
_CANDIDATES: tuple[dict, ...] = (  # the likeliest to be best first
    {"model": "modes"},
    {"model": "mixture-decoder"},
    {"model": "mixture-prior"},
    {"model": "mixture-decoder", "hidden": (32,)},
    {"model": "mixture-decoder", "hidden": (256, 256)},
    {"model": "mixture-prior", "hidden": (256, 256)},
    {"model": "mixture-decoder", "num_components": 48},
    {"model": "mixture-prior", "latent_dim": 16},
    {"model": "mixture-prior", "prior": "vamp:100"},
    {"model": "mixture-prior", "prior": "flow"},
)


def candidates(options: Any, codec: Any, num_rows: int) -> list[dict]:
    """`options.tune` changes of the options, or as many as there are: what the user has fixed stays as it is."""
    if options.model:
        return [{"model": options.model}]
    fixed = {name for name in ("prior", "latent_dim", "hidden", "num_components") if getattr(options, name)}

    def fits(choice):
        if fixed & set(choice) or ({"prior", "num_components"} <= fixed and choice["model"] == "mixture-prior"):
            return False
        if choice["model"] == "modes":
            return takes_modes(codec.width) and not fixed & {"prior", "latent_dim"}
        return "prior" not in choice or num_rows >= _ROWS_FOR_A_PRIOR

    return [choice for choice in _CANDIDATES if fits(choice)][: options.tune]


def fit_best(run: Any, table: Any, options: Any, verbose: Any, checkpoint_seconds: float) -> tuple[Any, Any]:
    """(model, history) of the candidate with the highest log p of validation rows; `tuning.json` keeps all of them.

    An interrupted choice goes on where it was. Of several candidates only the chosen one is kept; one that diverges is
    left behind, unless all do.
    """
    codec, train, validation = table.codec, table.vectors[table.train], table.vectors[table.validation]

    def fit(choice, name):
        tried = dataclasses.replace(options, **choice)
        make = model_maker(tried, train, codec.num_continuous, codec.num_categories)
        return fit_until_worse(run, make, train, validation, tried, verbose, checkpoint_seconds, name=name)

    choices = candidates(options, codec, len(train))
    tried = run.read_json(_TRIED, default=[]) if (run.path / MODEL).exists() else []
    if tried or len(choices) == 1:
        chosen = [choice for choice, row in zip(choices, tried, strict=False) if row["chosen"]]
        return fit((chosen or choices)[0], "model")
    fits, rows, error = [], [], None
    for k, choice in enumerate(choices):
        try:
            fits.append(fit(choice, f"candidate-{k + 1}"))
        except DivergedError as diverged:
            error = diverged
            fits.append(None)
            rows.append({**choice, "validation_nll": math.inf})
            continue
        rows.append({**choice, "validation_nll": _validation_nll(fits[-1][0], codec, validation[:_ROWS], options.seed)})
    best = int(np.argmin([row["validation_nll"] for row in rows]))
    if fits[best] is None:
        raise error
    model, history = fits[best]
    run.write_json(_TRIED, [{**row, "chosen": k == best} for k, row in enumerate(rows)])
    run.write_table(HISTORY, history)
    run.save_model(model, MODEL)
    for folder in ("models", "histories"):
        shutil.rmtree(run.path / folder, ignore_errors=True)
    return model, history


def choice_in_words(run: Any) -> list[str]:
    """What was tried and chosen, in a sentence; none where there was no choice."""
    rows = run.read_json(_TRIED, default=[])
    if not rows:
        return []
    rows = sorted(rows, key=lambda row: math.inf if row["validation_nll"] is None else row["validation_nll"])
    said = [f"{_named(row)} ({_nats(row['validation_nll'])})" for row in rows]
    return [f"Chosen by −log p(x) of the validation rows: {said[0]}, before {', '.join(said[1:])}."]


def _validation_nll(model, codec, rows, seed):
    """−log p(x) in the data's units; infinite where the model has no density."""
    scored = model.log_likelihood(rows, _SAMPLES, seed).log_likelihood + codec.log_jacobian(rows)
    return float(np.nan_to_num(-np.mean(scored), nan=np.inf))


def _nats(value):
    return "no density" if value is None else f"{value:.3f}"


def _named(row):
    settings = [f"{name} {row[name]}" for name in ("hidden", "num_components", "latent_dim", "prior") if name in row]
    return ", ".join([row["model"], *settings])
