"""Numbers that may change over a training."""

from typing import Any

import keras


def as_schedule(value: Any, argument: str) -> Any:
    """A weight as a float >= 0, or as the schedule that it is (or whose config it is); ValueError for anything else."""
    if isinstance(value, dict):
        value = keras.saving.deserialize_keras_object(value)
    if isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not number >= 0:
        raise ValueError(f"`{argument}` must be at least 0, or a Keras schedule, but got {value!r}.")
    return number


def at_step(weight: Any, step: Any) -> Any:
    """The value of a weight, a number or a schedule, at an optimizer step."""
    return weight(step) if callable(weight) else weight
