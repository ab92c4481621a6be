"""Studies: variants trained over several seeds, each measured in the same way."""

import abc
import dataclasses
from collections.abc import Callable

from tfvae.experiments.experiment import Experiment


@dataclasses.dataclass(frozen=True)
class Fit:
    """One training of a study: a variant at a seed."""

    variant: str
    seed: int
    make: Callable  # () -> an untrained, compiled model
    data: object  # what the study trains and measures it on
    epochs: int
    batch_size: int
    settings: dict = dataclasses.field(default_factory=dict)  # what the variant varies, for tables and sweeps

    @property
    def name(self) -> str:
        return f"{self.variant}-seed{self.seed}"


@dataclasses.dataclass(frozen=True)
class Study(Experiment, abc.ABC):
    """Abstract: an experiment of several fits; those of a subclass are its `fits()`, over its `seeds()`."""

    num_seeds: int = 5

    @abc.abstractmethod
    def fits(self) -> list[Fit]:
        """The `Fit`s of this study."""

    def seeds(self) -> range:
        return range(self.seed, self.seed + self.num_seeds)
