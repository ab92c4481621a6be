"""Discrete draws with a gradient."""

from typing import Any

from tfvae.host.schedules import as_schedule, at_step
from tfvae.host.seeds import next_seed


class Relaxed:
    """Mixin of a posterior whose draws are discrete, and in training relaxed ones that carry a gradient.

    A subclass of this and of `DistributionLayer` sets `temperature`, by `as_temperature`, and defines
    `_relaxed(distribution, n, temperature, seed)`, n draws as `draws` returns them.
    """

    temperature: Any
    seed_generator: Any

    @staticmethod
    def as_temperature(temperature: Any) -> Any:
        """A float > 0, or a schedule of the optimizer's step; ValueError for anything else."""
        found = as_schedule(temperature, "temperature")
        if found == 0:
            raise ValueError("`temperature` must be above 0: at 0 draws are discrete, and carry no gradient.")
        return found

    def draws(self, q: Any, n: int = 1, *, training: Any = False, step: Any = None) -> Any:
        """See `DistributionLayer.draws`."""
        if not training:
            return super().draws(q, n)
        seed = next_seed(self.seed_generator)
        return self._relaxed(q.distribution, n, at_step(self.temperature, step), seed), None

    def _relaxed(self, distribution, n, temperature, seed):
        raise NotImplementedError(f"{type(self).__name__} must define `_relaxed`.")

    def carries_gradient(self, distribution: Any) -> bool:
        """Whether draws of training carry one: they do."""
        del distribution
        return True
