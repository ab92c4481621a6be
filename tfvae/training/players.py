"""Watches an adversarial training."""

import math
import warnings

import keras

from tfvae.host.errors import DivergedError
from tfvae.host.schedules import at_step

_PLAYERS = ("model", "discriminator")
_WON = 0.1  # nats of the discriminator's loss: fakes and data both told apart with a probability of 95 %


class WatchPlayers(keras.callbacks.Callback):
    """Stops where a player's loss is no longer a number, and says when the discriminator has won.

    Raises:
        DivergedError: a ValueError, with the name of the player whose loss was first no number, and the step. What was saved
            before stays.
    """

    def on_train_begin(self, logs=None):
        self.said, self.epoch = False, 0
        self.model.lost_at.assign([0, 0])

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if math.isfinite(float((logs or {}).get("loss", 0.0))):
            return
        # Of both in one step the model comes first, which the fakes come from.
        steps = {who: int(step) for who, step in zip(_PLAYERS, self.model.lost_at.numpy(), strict=True) if step}
        player = min(steps, key=steps.get, default=_PLAYERS[0])
        at = f"step {steps[player]}" if steps else "this step"
        raise DivergedError(
            f"The loss of the {player} is not a number in epoch {self.epoch + 1}, at {at} of the optimizer: the training "
            "diverged. Train again with a smaller learning rate."
        )

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("discriminator_loss", math.inf)
        weight = float(at_step(self.model.adversarial_weight, self.model.optimizer.iterations))
        if loss < _WON and weight and not self.said:  # before the adversarial term begins, it is to win
            self.said = True
            guessing = math.log(2) * (3 if self.model.fakes == "both" else 2)
            warnings.warn(
                f"The discriminator has won: its loss is {loss:.3f} nats in epoch {epoch + 1}, where guessing costs "
                f"{guessing:.2f}, so that it no longer teaches the model. Give its optimizer a smaller learning rate, let "
                "the adversarial term begin later (adversarial_weight=LinearWarmUp(steps, weight, start)), or give it less "
                "width.",
                stacklevel=2,
            )
