"""The variational mixture of posteriors."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.distributions.mixtures import DiagonalNormalMixture
from tfvae.host.arguments import as_shape
from tfvae.host.saving import register
from tfvae.priors.components import check_components, check_points
from tfvae.priors.prior import EncodedPrior


@register
class VampPrior(EncodedPrior):
    """p(z) = Σ_k w_k q(z|u_k), with learned pseudo-inputs u_k that pass through the model's own encoder.

    Args:
        event_shape: shape of one z, `(D,)` or D.
        num_components: int K >= 1.
        input_shape: shape of one x.
        bounds: (low, high) that the pseudo-inputs are kept within, (0, 1) for pixels; None for none.
        mean, spread: floats, the pseudo-inputs start from N(mean, spread²); `start_at` moves them to data.
        learn_weights: bool; False keeps the weights at 1/K.
        seed: int or None, of the pseudo-inputs.

    Source: Tomczak and Welling, "VAE with a VampPrior" (2018).
    """

    def __init__(
        self,
        event_shape: Any,
        num_components: int = 500,
        input_shape: Any = None,
        bounds: tuple[float, float] | None = (0.0, 1.0),
        mean: float = 0.05,
        spread: float = 0.01,
        learn_weights: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(event_shape, **kwargs)
        self.num_components = check_components(self, num_components)
        if input_shape is None:
            raise ValueError("VampPrior needs the `input_shape` of one x, such as 784.")
        if bounds is not None and not bounds[0] < bounds[1]:
            raise ValueError(f"`bounds` must be (low, high) with low < high, or None, but got {bounds!r}.")
        _check_spread(spread)
        self.points_shape, self.bounds = as_shape(input_shape, "input_shape"), bounds and tuple(bounds)
        self.mean, self.spread, self.learn_weights, self.seed = mean, spread, learn_weights, seed
        self.pseudo_inputs = self.add_weight(
            name="pseudo_inputs",
            shape=(self.num_components, *self.points_shape),
            initializer=keras.initializers.RandomNormal(mean, spread, seed),
            constraint=None if bounds is None else Within(*bounds),
        )
        self.logits = self.add_weight(
            name="logits", shape=(self.num_components,), initializer="zeros", trainable=learn_weights
        )

    @property
    def num_terms(self) -> int:
        return self.num_components

    def distribution(self) -> Any:
        normal = self.encode(tf.convert_to_tensor(self.pseudo_inputs))
        return DiagonalNormalMixture(tf.convert_to_tensor(self.logits), *normal)

    def start_at(self, x: Any, seed: int = 0, spread: float = 0.01) -> None:
        """Moves the pseudo-inputs to K random rows of data x plus N(0, spread²).

        Raises:
            ValueError: for fewer rows, NaN, or rows outside `bounds`.
        """
        x = check_points(self, x, self.num_components, self.points_shape)
        _check_spread(spread)
        if self.bounds and not (x.min() >= self.bounds[0] and x.max() <= self.bounds[1]):
            raise ValueError(
                f"VampPrior keeps its pseudo-inputs within {self.bounds}, but the data go from {x.min():g} to {x.max():g}: "
                "give other `bounds`, or None."
            )
        self.started = True
        rng = np.random.default_rng(seed)
        chosen = x[rng.choice(len(x), self.num_components, replace=False)]
        chosen = chosen + spread * rng.normal(size=chosen.shape)
        self.pseudo_inputs.assign(chosen if self.bounds is None else np.clip(chosen, self.bounds[0], self.bounds[1]))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "input_shape": list(self.points_shape),
            "bounds": self.bounds and list(self.bounds),
            "mean": self.mean,
            "spread": self.spread,
            "learn_weights": self.learn_weights,
            "seed": self.seed,
        }


def _check_spread(spread):
    if not spread >= 0:
        raise ValueError(f"`spread` must be at least 0, but got {spread!r}.")


@register
class Within(keras.constraints.Constraint):
    """Weights stay in [low, high]: a point that reaches a bound can leave it again, unlike behind a hardtanh."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def __call__(self, w):
        return tf.clip_by_value(w, self.low, self.high)

    def get_config(self):
        return {"low": self.low, "high": self.high}
