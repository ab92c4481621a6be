"""What a fit's measures say, in a sentence or two."""

import math
from typing import Any, NamedTuple


class Verdict(NamedTuple):
    """The head of a report.

    Attributes:
        headline: what was found, in words.
        advice: what to try next; empty where nothing is amiss.
        good: whether the model does what it is for; None where the measures cannot say.
    """

    headline: str
    advice: str = ""
    good: bool | None = None


_TRY = "Try another `model` or `prior`, a larger `latent_dim`, or more rows."
_HARDLY, _EASILY = 0.55, 0.75  # areas under the curve


def density_verdict(comparison: list[dict], a_row: str) -> Verdict:
    """Whether the model gives held-out rows a higher density than the best model without a latent space.

    Args:
        comparison: rows of `fitting.comparison`, the model first.
        a_row: what one example is called, such as "row".
    """
    if len(comparison) < 2:
        return Verdict("There is nothing to compare this model's density with.")
    if not math.isfinite(comparison[0]["nll"]):
        return Verdict(f"This model gives some held-out {a_row}s no density at all.", _TRY, good=False)
    best = min(comparison[1:], key=lambda row: row["nll"])
    gain, error, name = best["difference"], best["difference_error"], best["model"]
    by = f"{abs(gain):.2f} ± {error:.2f} nats per {a_row}"
    if gain > 2 * error:
        return Verdict(f"Closer to the held-out {a_row}s than the best baseline, {name}: by {by}.", good=True)
    if gain >= -2 * error:
        return Verdict(
            f"As close to the held-out {a_row}s as the best baseline, {name} (the difference is {by}).", good=True
        )
    return Verdict(f"A simpler model, {name}, is closer to the held-out {a_row}s: by {by}.", _TRY, good=False)


def draws_verdict(auc: Any, copula: Any = None) -> Verdict:
    """Whether a classifier can tell draws from rows, from a `TwoSampleAUC`, and a Gaussian copula's draws from another."""
    area = max(auc.random_forest, auc.gradient_boosting)
    found = f"AUC {area:.2f}, where 0.5 is guessing"
    if copula is not None:
        found += f" and a Gaussian copula has {max(copula.random_forest, copula.gradient_boosting):.2f}"
    if area <= max(_HARDLY, 0.5 + 2 * auc.null_sd):
        return Verdict(f"A classifier can hardly tell its draws from held-out rows ({found}).", good=True)
    if area < _EASILY:
        return Verdict(f"A classifier can tell some of its draws from held-out rows ({found}).")
    return Verdict(
        f"A classifier easily tells its draws from held-out rows ({found}).",
        "The columns below show where draws and rows differ.",
        good=False,
    )


def together(*verdicts: Verdict) -> dict:
    """Several verdicts as one, for `metrics.json`: good where all are, bad where one is."""
    goods = [verdict.good for verdict in verdicts]
    good = False if False in goods else None if None in goods else True
    headline = " ".join(verdict.headline for verdict in verdicts)
    advice = " ".join(verdict.advice for verdict in verdicts if verdict.advice)
    return Verdict(headline, advice, good)._asdict()
