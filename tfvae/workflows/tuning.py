"""Several models of one table, of which the validation rows choose."""

import dataclasses
import shutil
from typing import Any

import numpy as np

from tfvae.models.table_models import default_model
from tfvae.runs.directory import HISTORY, MODEL
from tfvae.workflows.fitting import fit_until_worse, model_maker

_SAMPLES, _ROWS = 200, 1_000  # by which a candidate is judged
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


def candidates(options: Any, codec: Any) -> list[dict]:
    """`options.tune` changes of the options, or as many as there are: what the user has fixed stays as it is."""
    if options.model:
        return [{"model": options.model}]
    fixed = {name for name in ("prior", "latent_dim", "hidden", "num_components") if getattr(options, name)}
    modes = default_model(codec.num_continuous, codec.num_categories) == "modes" and not fixed & {"prior", "latent_dim"}
    fitting = [c for c in _CANDIDATES if not fixed & set(c) and (modes or c["model"] != "modes")]
    if "prior" in fixed and "num_components" in fixed:
        fitting = [c for c in fitting if c["model"] != "mixture-prior"]
    return fitting[: options.tune]


def fit_best(run: Any, table: Any, options: Any, verbose: Any, checkpoint_seconds: float) -> tuple[Any, Any]:
    """(model, history) of the candidate with the highest log p of validation rows; `tuning.json` keeps all of them.

    An interrupted choice goes on where it was. Of several candidates only the chosen one is kept.
    """
    codec, train, validation = table.codec, table.vectors[table.train], table.vectors[table.validation]
    choices = candidates(options, codec)
    done = (run.path / MODEL).exists() and (run.path / _TRIED).exists()
    if len(choices) == 1 or done:
        chosen = next(
            (c for c, row in zip(choices, run.read_json(_TRIED, default=[]), strict=False) if row["chosen"]), choices[0]
        )
        return _fit(run, codec, train, validation, dataclasses.replace(options, **chosen), verbose, checkpoint_seconds)
    fits, rows, units = [], [], float(np.mean(codec.log_jacobian(validation[:_ROWS])))
    for k, choice in enumerate(choices):
        tried, name = dataclasses.replace(options, **choice), f"candidate-{k + 1}"
        fits.append(_fit(run, codec, train, validation, tried, verbose, checkpoint_seconds, name=name))
        scored = fits[-1][0].log_likelihood(validation[:_ROWS], _SAMPLES, options.seed).log_likelihood
        rows.append({**choice, "validation_nll": -float(np.mean(scored)) - units})
    best = int(np.argmin([np.nan_to_num(row["validation_nll"], nan=np.inf) for row in rows]))
    model, history = fits[best]
    run.write_json(_TRIED, [{**row, "chosen": k == best} for k, row in enumerate(rows)])
    run.write_table(HISTORY, history)
    run.save_model(model, MODEL)
    for folder in ("models", "histories"):
        shutil.rmtree(run.path / folder, ignore_errors=True)
    return model, history


def choice_in_words(run: Any) -> list[str]:
    """What was tried and chosen, in a sentence; none where there was no choice."""
    rows = sorted(run.read_json(_TRIED, default=[]), key=lambda row: row["validation_nll"])
    if not rows:
        return []
    said = [f"{_named(row)} ({row['validation_nll']:.3f})" for row in rows]
    return [f"Chosen by −log p(x) of the validation rows: {said[0]}, before {', '.join(said[1:])}."]


def _named(row):
    settings = [f"{name} {row[name]}" for name in ("hidden", "num_components", "latent_dim", "prior") if name in row]
    return ", ".join([row["model"], *settings])


def _fit(run, codec, train, validation, options, verbose, checkpoint_seconds, name="model"):
    make = model_maker(options, train, codec.num_continuous, codec.num_categories)
    return fit_until_worse(run, make, train, validation, options, verbose, checkpoint_seconds, name=name)
