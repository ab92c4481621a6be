"""Weights that change over a training, as Keras schedules: functions of the optimizer's step inside the compiled loop."""

import warnings
from typing import Any

import keras
import tensorflow as tf

from tfvae.host.arguments import as_count
from tfvae.host.saving import register


@register
class LinearWarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """target · (step − start) / steps, and target from then on.

    Args:
        steps: int >= 1, optimizer steps from 0 to the target.
        target: float, the value at the end.
        start: int, the optimizer step at which it begins.

    Source: Bowman et al., "Generating sentences from a continuous space" (2016); Sønderby et al., "Ladder variational
    autoencoders" (2016).
    """

    def __init__(self, steps: int, target: float = 1.0, start: int = 0):
        super().__init__()
        self.steps, self.target, self.start = as_count(steps, "steps"), float(target), int(start)

    @property
    def end(self) -> int:
        """The first optimizer step at the target."""
        return self.start + self.steps

    def __call__(self, step: Any) -> Any:
        done = tf.cast(tf.cast(step, tf.int64) - self.start, tf.float32)
        return self.target * tf.clip_by_value(done / tf.cast(self.steps, tf.float32), 0.0, 1.0)

    def warn_if_cut_short(self, done: int, total: int) -> None:
        """Warns where a training that begins after `done` steps, and has `total`, ends before the target is reached."""
        if self.end - done > total:
            warnings.warn(
                f"The KL warm-up takes {self.end - done} steps but the training has {total}: it ends before β is reached.",
                stacklevel=3,
            )

    def get_config(self) -> dict:
        return {"steps": self.steps, "target": self.target, "start": self.start}
