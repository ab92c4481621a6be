"""Priors by name: what a workflow takes as `prior="mixture:500"`. Importing this does not import TensorFlow."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tfvae import priors
from tfvae.host.errors import UserError


@dataclasses.dataclass(frozen=True)
class NamedPrior:
    """A prior that can be asked for by name, with a number where it takes one.

    Attributes:
        name: as the user writes it.
        summary: one line.
        make: (latent size, number, training rows, seed) -> `Prior`, started on the rows where it is made of them.
        counts: what the number says; None where it takes none.
        least: the least number.
        default: the number where none is given.
        at_most_rows: bool, whether the number may not exceed that of the training rows.
        least_dimension: the least latent size.
    """

    name: str
    summary: str
    make: Callable[[int, Any, np.ndarray, int], Any]
    counts: str | None = None
    least: int = 1
    default: int | None = None
    at_most_rows: bool = False
    least_dimension: int = 1

    def number(self, text: str) -> int | None:
        """The number in "500", or the default for ""; UserError for one that this prior does not take."""
        if self.counts is None and text:
            raise UserError(f"The prior {self.name} takes no number, but got {text!r}.")
        if not text:
            return self.default
        if not text.isdecimal() or int(text) < self.least:
            raise UserError(
                f"The prior {self.name}:NUMBER takes the number of {self.counts}, at least {self.least}, but got {text!r}."
            )
        return int(text)


@dataclasses.dataclass(frozen=True)
class PriorChoice:
    """A named prior with its number."""

    prior: NamedPrior
    number: int | None

    @classmethod
    def parse(cls, text: str) -> "PriorChoice":
        """Of "mixture:500" or "flow"; UserError where there is no such prior."""
        name, _, number = text.partition(":")
        found = {prior.name: prior for prior in PRIORS}
        if name not in found:
            names = ", ".join(found)
            raise UserError(f"There is no prior {name!r}: choose one of {names}, such as mixture:500.")
        return cls(found[name], found[name].number(number))

    def check(self, rows: int | None = None, latent_dim: int | None = None) -> None:
        """UserError where the prior needs more training rows, or latent dimensions, than these."""
        if rows is not None and self.prior.at_most_rows and self.number is not None and self.number > rows:
            raise UserError(f"The prior {self} starts from {self.number} rows, but there are only {rows} to train on.")
        if latent_dim is not None and latent_dim < self.prior.least_dimension:
            raise UserError(f"The prior {self} needs a `latent_dim` of at least {self.prior.least_dimension}.")

    def maker(self, train: np.ndarray, seed: int) -> Callable[[int], Any]:
        """A function from a latent size to the prior, for training rows `(n, E)`."""
        self.check(len(train))
        return lambda latent_dim: self.prior.make(latent_dim, self.number, train, seed)

    def at_most(self, number: int) -> "PriorChoice":
        """The same with a smaller number of components, where it has some."""
        return dataclasses.replace(self, number=min(self.number, number)) if self.number is not None else self

    def __str__(self) -> str:
        return self.prior.name if self.number is None else f"{self.prior.name}:{self.number}"


def _vamp(latent_dim, number, train, seed):
    bounds = (0.0, 1.0) if train.min() >= 0 and train.max() <= 1 else None
    prior = priors.VampPrior(latent_dim, number, train.shape[1:], bounds=bounds, seed=seed)
    prior.start_at(train, seed)
    return prior


def _exemplar(latent_dim, number, train, seed):
    binary = bool(np.isin(train, (0, 1)).all())
    prior = priors.ExemplarPrior(latent_dim, min(number, len(train)), train.shape[1:], binary=binary)
    prior.start_at(train, seed)
    return prior


PRIORS = (
    NamedPrior("standard", "N(0, I).", lambda d, number, train, seed: priors.StandardNormal(d)),
    NamedPrior(
        "mixture",
        "A mixture of Gaussians, MixturePrior.",
        lambda d, number, train, seed: priors.MixturePrior(d, number, seed=seed),
        counts="components",
        default=100,
    ),
    NamedPrior(
        "vamp",
        "A mixture of the posteriors of learned pseudo-inputs, VampPrior.",
        _vamp,
        counts="pseudo-inputs",
        default=100,
        at_most_rows=True,
    ),
    NamedPrior(
        "exemplar",
        "Gaussians of one learned width around the codes of training examples, ExemplarPrior.",
        _exemplar,
        counts="training examples at most",
        least=2,
        default=50_000,
    ),
    NamedPrior(
        "flow",
        "A normalizing flow, FlowPrior.",
        lambda d, number, train, seed: priors.FlowPrior(d, number, seed=seed),
        counts="couplings",
        least=2,
        default=6,
        least_dimension=2,
    ),
)
