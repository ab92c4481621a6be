"""What the Poisson VAE's published tables share: arms, training, measures and pictures."""

import abc
import dataclasses
import functools
import math
from typing import Any, ClassVar

import numpy as np

import tfvae
from tfvae import networks, plots
from tfvae.evaluation import lifetime_sparsity
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.poisson.arms import QUICK, Networks, make_arm
from tfvae.experiments.study import Fit, Study
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")
MEASURES = ("squared_error_plus_kl", "squared_error", "kl", "mean_squared_error", "nll", "active_share", "sparsity")
_ACTIVE = 0.01  # nats of KL, of a latent dimension that is used
_SHOWN = 100


@dataclasses.dataclass(frozen=True)
class PoissonTable(Study, abc.ABC):
    """Abstract: grey images through a linear decoder, codes that are counts and their rivals.

    Trained with annealed KL and temperature as published, for fewer epochs; measured with integer codes. An arm such as
    "draws@0.5" ends at that weight of the KL.

    Attributes:
        published: squared error + KL of an arm.
        side: rows and columns of an image.
    """

    published: ClassVar[dict] = {}
    side: ClassVar[int]
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 400, "num_test": 100, "epochs": 1, "long_epochs": 1, "num_seeds": 1, "latent_dim": 16,
                  "num_scored": 20, "num_samples": 10, "width": 2, "arms": ("exact", "gaussian")},
    }  # fmt: skip

    arms: tuple[str, ...] = ("exact", "gaussian", "draws", "laplace", "category", "sigmoid", "straight-through")
    num_seeds: int = 3
    num_train: int = 60_000
    num_test: int = 10_000
    latent_dim: int = 512
    encoder: str = "linear"  # or "cells"
    width: int = 32  # of the cells
    epochs: int = 100
    long_epochs: int = 400  # of the arms whose noisier gradients settle more slowly
    batch_size: int = 200
    learning_rate: float = 0.002
    num_scored: int = 500
    num_samples: int = 1_000

    @abc.abstractmethod
    def images(self) -> tuple[np.ndarray, np.ndarray]:
        """(training, test) images, `(n, side, side)`."""

    @functools.cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """(training, test) images as the encoder takes them."""
        return tuple(x.reshape(len(x), *self.event_shape).astype("float32") for x in self.images())  # type: ignore[return-value]

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Of one image as the encoder takes it."""
        return (self.side**2,) if self.encoder == "linear" else (self.side, self.side, 1)

    def fits(self) -> list[Fit]:
        return [self.fit_of(arm, seed) for seed in self.seeds() for arm in self.arms]

    def fit_of(self, arm: str, seed: int) -> Fit:
        """An arm at a seed, and the weight of its KL."""
        weight = float(arm.partition("@")[2] or 1)
        return Fit(
            arm, seed, lambda: self.make(arm, seed), self.name, self.epochs_of(arm), self.batch_size, {"weight": weight}
        )

    def epochs_of(self, arm: str) -> int:
        """How long an arm is trained."""
        return self.epochs if arm.partition("@")[0] in QUICK else self.long_epochs

    def make(self, arm: str, seed: int) -> Any:
        """The untrained model of an arm."""
        num_steps = self.epochs_of(arm) * -(-len(self.data[0]) // self.batch_size)
        return make_arm(arm, self.event_shape, self.latent_dim, self.networks(), num_steps, self.learning_rate, seed)

    def networks(self) -> Networks:
        """One linear map, or cells, to the codes, and one linear map back."""
        size = self.side**2

        def encoder(layer):
            start = keras.initializers.RandomNormal(stddev=0.05)
            if self.encoder == "linear":
                return networks.distribution_network(
                    size, (), layer, "encoder", use_bias=False, kernel_initializer=start
                )
            return networks.cell_encoder(
                self.event_shape,
                layer,
                self.width,
                padding="valid" if self.side == 28 else "same",
                kernel_initializer=start,
            )

        def decoder(layer):
            return networks.distribution_network(self.latent_dim, (), layer, "decoder", use_bias=False)

        return Networks(encoder, decoder)

    def execute(self, run: Any) -> None:
        """Every arm at every seed: the published loss, log p(x), how many latents are used, and how sparsely."""
        train, test = self.data
        # −log of a normal of variance ½ is the squared error and this.
        constant = 0.5 * test[0].size * math.log(math.pi)

        def measure(model, history, fit):
            logs = model.evaluate(test, batch_size=500, verbose=0, return_dict=True)
            q = model.encode(test).distribution
            kl = tfvae.divergences.kl_per_dimension(q, model.prior.distribution())
            z = q.sample(seed=tf.constant([fit.seed, 1])).numpy()
            error = np.square(model.decode(q.mean()).mean() - test)
            estimate = model.log_likelihood(test[: self.num_scored], self.num_samples, fit.seed)
            used = (z.mean(axis=0) > 1e-3) if kl is None else np.mean(kl, axis=0) > _ACTIVE
            return {
                "squared_error_plus_kl": logs["loss"] - constant,
                "squared_error": logs["reconstruction"] - constant,
                "kl": logs["kl"],
                "mean_squared_error": float(error.reshape(len(test), -1).sum(axis=1).mean()),
                "nll": -estimate.mean,
                "active_share": float(np.mean(used)),
                "sparsity": float(np.mean(lifetime_sparsity(z)[used])) if used.any() and z.min() >= 0 else math.nan,
            }

        models, histories, rows = run_fits(self, run, lambda fit: {"x": train}, measure)
        write_findings(run, rows, MEASURES, self.claims(rows), **self.more_findings(run, models, rows, test))
        run.save_figure(
            "1-loss",
            plots.loss_curves(histories, title="Training loss, first seed"),
            "Training losses of the first seed; in the first half the KL's weight rises and the temperature falls.",
        )
        for k, (arm, model) in enumerate(models.items()):
            if "@" not in arm:
                run.save_figure(f"{k + 2}-{arm}-dictionary", *self._dictionary(model, arm, test))

    def claims(self, rows: Any) -> list[dict]:
        """What the document says, beside what was measured."""
        mean = rows.groupby("variant", sort=False)["squared_error_plus_kl"].mean()
        words = "; ".join(
            f"{arm} {value:.1f} ({self.published.get(arm, '–')})" for arm, value in mean.items() if "@" not in arm
        )
        measured = f"Squared error + KL on test images, in brackets as published after more epochs: {words}."
        return [
            {"document": "A VAE whose codes are counts of events, with a cost for every event.", "measured": measured}
        ]

    def more_findings(self, run: Any, models: dict, rows: Any, test: np.ndarray) -> dict:
        """Tables and figures of a subclass's own, of the models of the first seed and the measures of all."""
        del run, models, rows, test
        return {}

    def _dictionary(self, model, arm, test):
        columns = dictionary(model)
        q = model.encode(test[:2_000]).distribution
        used = np.abs(q.sample(seed=tf.constant([0, 1])) if arm == "category" else q.mean()).mean(axis=0)
        best = columns[np.argsort(-used * np.linalg.norm(columns, axis=1))[:_SHOWN]]
        size = np.abs(best).max(axis=1, keepdims=True)
        images = (0.5 + 0.5 * best / np.maximum(size, 1e-9)).reshape(-1, self.side, self.side)
        return (
            plots.image_grid(images, columns=20),
            f"{arm}: the columns of the decoder that add most to test images, each scaled to its largest value.",
        )


def dictionary(model: Any) -> np.ndarray:
    """The columns of a linear decoder, `(D, size of x)`."""
    d = math.prod(model.latent_shape)
    units = np.eye(d + 1, d, dtype="float32")  # the last one is the origin
    decoded = model.decode(units).mean().numpy().reshape(d + 1, -1)
    return decoded[:-1] - decoded[-1]
