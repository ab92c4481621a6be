"""A variational autoencoder against a discriminator."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfvae.host import keras_door
from tfvae.host.saving import register
from tfvae.host.schedules import as_schedule, at_step
from tfvae.host.seeds import next_seed
from tfvae.layers.independent import IndependentNormal
from tfvae.models.critic import Critic, cross_entropy, share
from tfvae.models.decoding import Pass
from tfvae.models.losses import num_replicas, sum_of, weighted_mean
from tfvae.models.vae import VAE
from tfvae.objectives.objective import Objective
from tfvae.priors.prior import Prior
from tfvae.training.fused import build_once
from tfvae.training.players import WatchPlayers

_FAKES = ("reconstructions", "draws", "both")
_TRAINED = ("model", "decoder")


class _Losses(NamedTuple):
    """Of one step, each ()."""

    model: Any  # the objective's
    adversarial: Any  # the model's share in the game, −log D(fake), without its weight
    discriminator: Any


@register
class AdversarialVAE(VAE):
    """A VAE whose decoded means must also pass for data: loss + w · (−log D(fake)), against a discriminator D.

    D learns −log D(x) − log(1 − D(fake)) at the same time, by an optimizer of its own: `compile(optimizer,
    discriminator_optimizer)`. Where D gives a map of logits, one for each patch, both are means over the map. Logs show, in
    nats, `adversarial`, the model's −log D(fake), and `discriminator_loss`, which is 2 log 2 = 1.39 where D only guesses
    (with both kinds of fakes 3 log 2 = 2.08); and the discriminator's `accuracy_real` and `accuracy_fake`. The loss of
    `evaluate`, and under `val_`, is the objective's alone.

    Args:
        encoder, decoder, prior, objective: as for `VAE`.
        discriminator: a Keras model from x to logits of any shape, positive where it takes x for data.
        adversarial_weight: float >= 0 or a schedule of the optimizer's step, w: `LinearWarmUp(steps, target, start)` begins
            later.
        fakes: what the discriminator sees beside the data: "reconstructions", "draws" (decoded from the prior) or "both".
        feature_layer: name of a layer of the discriminator. In training −log p(x|z) is then that of this layer's outputs
            for x, as normals of variance 1 around its outputs for the reconstruction. None for the decoder's own p(x|z).
        adversary_trains: "model", or "decoder" to keep the discriminator's gradient from the encoder.

    Sources: Larsen et al., "Autoencoding beyond pixels using a learned similarity metric" (2016), whose model is made by
    `make_vae_gan`; M. Rivera, "How to train your VAE" (2024), by `make_gamix_vae`.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        prior: Prior | None = None,
        objective: Objective | None = None,
        *,
        adversarial_weight: Any = 1.0,
        fakes: str = "reconstructions",
        feature_layer: str | None = None,
        adversary_trains: str = "model",
        **kwargs: Any,
    ):
        super().__init__(encoder, decoder, prior, objective, **kwargs)
        for name, value, choices in (("fakes", fakes, _FAKES), ("adversary_trains", adversary_trains, _TRAINED)):
            if value not in choices:
                raise ValueError(f"`{name}` must be one of {', '.join(choices)}, but got {value!r}.")
        self.critic = Critic(discriminator, feature_layer, decoder)
        self.discriminator = discriminator
        self.adversarial_weight = as_schedule(adversarial_weight, "adversarial_weight")
        self.fakes, self.feature_layer, self.adversary_trains = fakes, feature_layer, adversary_trains
        names = ("adversarial", "discriminator_loss", "accuracy_real", "accuracy_fake")
        self.game_metrics = {name: keras.metrics.Mean(name=name) for name in names}
        self.lost_at = self.add_weight(
            name="lost_at",
            shape=(2,),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    # The two optimizers.

    def compile(
        self, optimizer: Any = "rmsprop", discriminator_optimizer: Any = None, loss: Any = None, **kwargs: Any
    ) -> None:
        """As `VAE.compile`, with the discriminator's optimizer: an instance of its own, or a name."""
        if discriminator_optimizer is None:
            raise ValueError(
                "An AdversarialVAE has two players: give `compile` a `discriminator_optimizer` too, such as "
                "keras.optimizers.Adam(1e-4, beta_1=0.5)."
            )
        if discriminator_optimizer is optimizer and not isinstance(optimizer, str):
            raise ValueError("`discriminator_optimizer` must be another instance than `optimizer`: each keeps a state.")
        if unread := [name for name in ("metrics", "weighted_metrics") if kwargs.get(name)]:
            raise ValueError(
                f"An AdversarialVAE shows its players' metrics and the objective's, and reads no `{unread[0]}`."
            )
        self.discriminator_optimizer = keras.optimizers.get(discriminator_optimizer)
        scaled = isinstance(self.discriminator_optimizer, keras.optimizers.LossScaleOptimizer)
        if self.dtype_policy.name == "mixed_float16" and kwargs.get("auto_scale_loss", True) and not scaled:
            self.discriminator_optimizer = keras.optimizers.LossScaleOptimizer(self.discriminator_optimizer)
        super().compile(optimizer, loss, **kwargs)

    def get_compile_config(self) -> dict:
        config = super().get_compile_config()
        if config:
            theirs = self.discriminator_optimizer
            inner = getattr(theirs, "inner_optimizer", theirs)  # `compile` scales its loss anew
            config["discriminator_optimizer"] = keras.saving.serialize_keras_object(inner)
        return config

    def build_optimizers(self) -> None:
        build_once(self.optimizer, self._model_variables())
        build_once(self.discriminator_optimizer, self.discriminator.trainable_variables)

    def _model_variables(self):
        """What the first optimizer trains: all but the discriminator."""
        theirs = {id(v) for v in self.discriminator.trainable_variables}
        return [v for v in self.trainable_variables if id(v) not in theirs]

    def _own_callbacks(self):
        return [*super()._own_callbacks(), WatchPlayers()]

    # One step.

    def train_step(self, data: Any) -> dict:
        players = (
            (self.optimizer, self._model_variables()),
            (self.discriminator_optimizer, self.discriminator.trainable_variables),
        )
        with tf.GradientTape(persistent=True) as tape:
            losses = self._play(data, training=True)
            self._note_lost(losses)
            weight = at_step(self.adversarial_weight, self.optimizer.iterations)
            of_players = (losses.model + weight * losses.adversarial, losses.discriminator)
            scaled = [  # Keras sums the gradients of a distribution strategy's replicas
                optimizer.scale_loss(loss / num_replicas())
                for loss, (optimizer, _) in zip(of_players, players, strict=True)
            ]
        gradients = [tape.gradient(loss, variables) for loss, (_, variables) in zip(scaled, players, strict=True)]
        for (optimizer, variables), gradient in zip(players, gradients, strict=True):
            optimizer.apply(gradient, variables)
        keras_door.loss_tracker(self).update_state(of_players[0], sample_weight=_num_rows(data))
        return self.get_metrics_result()

    def _note_lost(self, losses):
        """Notes the first step, counted from 1, in which each player's own loss is not a number; 0 while there is none."""
        is_lost = ~tf.math.is_finite(tf.stack([losses.model, losses.discriminator]))
        before = tf.convert_to_tensor(self.lost_at)
        step = tf.cast(self.optimizer.iterations, tf.int64) + 1
        self.lost_at.assign(tf.where((before == 0) & is_lost, step, before))

    def test_step(self, data: Any) -> dict:
        losses = self._play(data, training=False)
        keras_door.loss_tracker(self).update_state(losses.model, sample_weight=_num_rows(data))
        return self.get_metrics_result()

    def _play(self, data, training):
        """The `_Losses` of a minibatch, whose metrics it tracks."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        one = Pass(self._posterior(x, training), lambda z: self._decode(z, training))
        draw = self.draw(one, x if y is None else y, x, self._step(), training)
        real, features = self.critic(draw.x, training)
        if self.critic.has_features and training:
            shown = self.objective.terms(draw._replace(training=False)).metrics  # of p(x|z), as outside training
            terms = self.objective.terms(self._in_features(draw, features, one))
        else:
            terms = self.objective.terms(draw)
            shown = terms.metrics
        self._track(shown, sample_weight, self.smallest_scale())
        fakes = [
            (self.critic(images, training)[0], weight) for images, weight in self._faked(one, sample_weight, training)
        ]
        caught = [weighted_mean(cross_entropy(logits, 0), weight) for logits, weight in fakes]
        passed = [weighted_mean(cross_entropy(logits, 1), weight) for logits, weight in fakes]
        losses = _Losses(
            model=weighted_mean(terms.loss, sample_weight) + terms.batch_loss + sum_of(self._added_losses()),
            adversarial=sum(passed) / len(passed),
            discriminator=weighted_mean(cross_entropy(real, 1), sample_weight)
            + sum(caught)
            + sum_of(self.discriminator.losses),
        )
        game = {
            "adversarial": losses.adversarial,
            "discriminator_loss": losses.discriminator,
            "accuracy_real": share(real > 0),
            "accuracy_fake": sum(share(logits < 0) for logits, _ in fakes) / len(fakes),
        }
        for name, value in game.items():
            self.game_metrics[name].update_state(value)
        return losses

    def _faked(self, one, sample_weight, training):
        """(decoded means, their weights), for each kind of fakes."""
        if self.fakes != "draws":
            z = one.posterior.value
            p = one.p if self.adversary_trains == "model" else self._decode(tf.stop_gradient(z), training)
            yield p.mean(), sample_weight
        if self.fakes != "reconstructions":
            z = self.prior.sample(tf.shape(one.posterior.value)[0], seed=next_seed(self.seed_generator))
            yield self._decode(z, training).mean(), None

    def _in_features(self, draw, features, one):
        """The pass as seen in the discriminator's features: p(features of x | z) = N(features of the decoded mean, I)."""
        if draw.z.shape.rank != 1 + len(self.latent_shape):
            raise ValueError(
                "A `feature_layer` measures one reconstruction of each x, but this objective or posterior draws several."
            )
        _, decoded = self.critic(one.p.mean(), draw.training)
        p = IndependentNormal.new(decoded, decoded.shape[1:], scale=1.0)
        return draw._replace(x=tf.stop_gradient(features), p=p)

    def _added_losses(self):
        parts = (self.encoder, self.decoder, self.prior, self.objective)
        return [loss for part in parts for loss in part.losses]

    def get_config(self) -> dict:
        weight = self.adversarial_weight
        return {
            **super().get_config(),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "adversarial_weight": keras.saving.serialize_keras_object(weight) if callable(weight) else weight,
            **{name: getattr(self, name) for name in ("fakes", "feature_layer", "adversary_trains")},
        }


def _num_rows(data):
    return tf.shape(keras.tree.flatten(data)[0])[0]
