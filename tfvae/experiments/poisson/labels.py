"""How many labels the codes of digits need, and how they can be cut."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfvae import evaluation, networks, plots
from tfvae.data.images import load_images
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.poisson.arms import COUNTS, Networks, make_arm
from tfvae.experiments.study import Fit, Study

PUBLISHED = {  # 5 nearest neighbours with 200, 1,000 and 5,000 labels, by arm and number of latents
    ("draws", 10): (0.815, 0.919, 0.946), ("category", 10): (0.705, 0.800, 0.853), ("laplace", 10): (0.757, 0.869, 0.924),
    ("gaussian", 10): (0.673, 0.813, 0.891), ("relu", 10): (0.694, 0.817, 0.877), ("exp", 10): (0.642, 0.784, 0.863),
    ("draws", 50): (0.825, 0.927, 0.957), ("gaussian", 50): (0.604, 0.746, 0.837),
    ("draws", 100): (0.807, 0.925, 0.958), ("gaussian", 100): (0.636, 0.789, 0.875),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class PoissonLabels(Study):
    """MNIST, both networks deep, codes of few latents: digits told by nearest neighbours and by straight cuts.

    Codes are log rates of counts, means of normals, logits of a category. Published networks are convolutional and of
    32 channels; these are dense ones, of which several seeds can be trained, or cells of any width.
    """

    name: ClassVar[str] = "poisson-labels"
    summary: ClassVar[str] = "how many labels codes need that are counts, and others: MNIST, 10, 50 and 100 latents"
    codec: ClassVar[dict] = {"images": {"shape": [28, 28], "binary": False}}
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 400, "epochs": 1, "num_seeds": 1, "latent_dims": (5,), "hidden": (16,), "num_test": 200,
                  "repeats": 2, "num_labels": (10, 40)},
        "convolutional": {"hidden": (), "width": 8, "latent_dims": (10,), "num_seeds": 1, "epochs": 20},
    }  # fmt: skip

    arms: tuple[str, ...] = ("draws", "category", "laplace", "gaussian", "relu", "exp")
    latent_dims: tuple[int, ...] = (10, 50, 100)
    num_seeds: int = 3
    num_train: int = 60_000
    num_test: int = 10_000
    hidden: tuple[int, ...] = (512, 256)  # of the encoder, and backwards of the decoder; none for cells
    width: int = 32  # of the cells
    epochs: int = 40
    batch_size: int = 200
    learning_rate: float = 0.002
    num_labels: tuple[int, ...] = (200, 1_000, 5_000)
    repeats: int = 10

    def check(self) -> None:
        load_images("mnist")

    def fits(self) -> list[Fit]:
        return [
            Fit(f"{arm}-{d}", seed, lambda arm=arm, d=d, seed=seed: self.make(arm, d, seed), "mnist", self.epochs,
                self.batch_size, {"arm": arm, "latent_dim": d})
            for seed in self.seeds()
            for d in self.latent_dims
            for arm in self.arms
        ]  # fmt: skip

    def make(self, arm: str, latent_dim: int, seed: int) -> Any:
        """The untrained model of an arm."""
        num_steps = self.epochs * -(-self.num_train // self.batch_size)
        shape: tuple = (784,) if self.hidden else (28, 28, 1)

        def encoder(layer):
            if self.hidden:
                return networks.distribution_network(784, self.hidden, layer, "encoder", "silu")
            return networks.cell_encoder(shape, layer, self.width, padding="valid")

        def decoder(layer):
            if self.hidden:
                return networks.distribution_network(latent_dim, self.hidden[::-1], layer, "decoder", "silu")
            return networks.cell_decoder(latent_dim, shape, layer, self.width)

        made = Networks(encoder, decoder, high=-2.0)
        return make_arm(arm, shape, latent_dim, made, num_steps, self.learning_rate, seed)

    def execute(self, run: Any) -> None:
        """Accuracy of nearest neighbours for each number of labels, and of straight cuts between halves of the digits."""
        found = load_images("mnist")
        shape = (-1, 784) if self.hidden else (-1, 28, 28, 1)
        train = found.x_train[: self.num_train].reshape(shape)
        test, labels = found.x_test[: self.num_test].reshape(shape), found.y_test[: self.num_test]  # type: ignore[index]

        def measure(model, history, fit):
            codes = codes_of(model, test, fit.settings["arm"])
            logs = model.evaluate(test, batch_size=500, verbose=0, return_dict=True)
            row = {
                f"accuracy_{n}": evaluation.nearest_neighbour_accuracy(
                    codes, labels, n, repeats=self.repeats, seed=fit.seed
                )
                for n in self.num_labels
            }
            return row | {
                "shattering": evaluation.shattering_accuracy(codes, labels),
                "negative_elbo": logs["loss"],
                "kl": logs["kl"],
                "active_units": int((codes.std(axis=0) > 0.1).sum()),
            }

        _, histories, rows = run_fits(self, run, lambda fit: {"x": train}, measure)
        accuracies = [f"accuracy_{n}" for n in self.num_labels]
        measures = (*accuracies, "shattering", "negative_elbo", "kl", "active_units")
        write_findings(run, rows, measures, _claims(rows, accuracies))
        run.save_figure(
            "1-labels",
            plots.trade_off(_curves(rows, self.num_labels), "labels", "accuracy", "arm", log_x=True),
            "Accuracy of 5 nearest neighbours by the number of labels, at the first latent size; means over seeds.",
        )
        run.save_figure(
            "2-loss",
            plots.loss_curves(histories, title="Training loss, first seed"),
            "Training losses of the first seed; in the first half the KL's weight rises and the temperature falls.",
        )


def codes_of(model: Any, x: np.ndarray, arm: str) -> np.ndarray:
    """Log rates of counts, logits of a category, means of the others."""
    q = model.encode(x).distribution
    if arm in COUNTS:
        return q.distribution.log_rate.numpy()
    return (q.logits if arm == "category" else q.mean()).numpy()


def _curves(rows, num_labels):
    first = rows[rows["latent_dim"] == rows["latent_dim"].iloc[0]]
    mean = first.groupby("arm", sort=False)[[f"accuracy_{n}" for n in num_labels]].mean()
    return [
        {"arm": arm, "labels": n, "accuracy": float(values[f"accuracy_{n}"])}
        for arm, values in mean.iterrows()
        for n in num_labels
    ]


def _claims(rows, accuracies):
    """Counts with the fewest labels beside normals with the next number, which is five times as large."""
    mean = rows.groupby(["arm", "latent_dim"])[accuracies].mean()
    words = "; ".join(
        f"{d} latents: counts with the fewest labels {mean.loc['draws', d].iloc[0]:.3f} ({PUBLISHED['draws', d][0]}), "
        f"normals with five times as many {mean.loc['gaussian', d].iloc[1]:.3f} ({PUBLISHED['gaussian', d][1]})"
        for d in rows["latent_dim"].unique()
        if {("draws", d), ("gaussian", d)} <= set(mean.index) & set(PUBLISHED)
    )
    return [
        {
            "document": "Codes that are counts need a fifth of the labels that normal ones need.",
            "measured": f"Accuracy of 5 nearest neighbours, published in brackets: {words or 'not in this run'}.",
        }
    ]
