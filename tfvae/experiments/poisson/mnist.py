"""The Poisson VAE's published table on digits, with a linear encoder and decoder."""

import dataclasses
import functools
import math
from typing import Any, ClassVar

import numpy as np

import tfvae
from tfvae import layers, networks, objectives, plots, priors, training
from tfvae.data.images import load_images
from tfvae.evaluation import lifetime_sparsity
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.study import Fit, Study
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")
PUBLISHED = {"exact": 41.5, "draws": 41.7, "gaussian": 40.7, "laplace": 42.1, "category": 39.7}  # squared error + KL
MEASURES = ("squared_error_plus_kl", "squared_error", "kl", "nll", "active_share", "sparsity")
_ACTIVE = 0.01  # nats of KL, of a latent dimension that is used
_SHOWN = 100


@dataclasses.dataclass(frozen=True)
class PoissonMNIST(Study):
    """MNIST as it is, 512 latents, one linear map each way: Poisson codes by draws and exactly, and their rivals.

    Trained with annealed KL and temperature as published, for fewer epochs; measured with integer codes.
    """

    name: ClassVar[str] = "poisson-mnist"
    summary: ClassVar[str] = "the Poisson VAE of document 001's page: its table on MNIST, one linear map each way"
    codec: ClassVar[dict] = {"images": {"shape": [28, 28], "binary": False}}
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 400, "num_test": 100, "epochs": 1, "num_seeds": 1, "latent_dim": 16, "num_scored": 20,
                  "num_samples": 10},
    }  # fmt: skip

    arms: tuple[str, ...] = ("exact", "draws", "sigmoid", "gaussian", "laplace", "category")
    num_seeds: int = 3
    num_train: int = 60_000
    num_test: int = 10_000
    latent_dim: int = 512
    epochs: int = 100
    batch_size: int = 200
    learning_rate: float = 0.002
    num_scored: int = 500
    num_samples: int = 1_000

    def check(self) -> None:
        load_images("mnist")

    @functools.cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """(training, test) digits as rows of 784 grey values in [0, 1]."""
        found = load_images("mnist")
        parts = (found.x_train[: self.num_train], found.x_test[: self.num_test])
        return tuple(x.reshape(len(x), -1).astype("float32") for x in parts)  # type: ignore[return-value]

    @property
    def num_steps(self) -> int:
        """Of one training."""
        return self.epochs * -(-self.num_train // self.batch_size)

    def fits(self) -> list[Fit]:
        return [
            Fit(arm, seed, lambda arm=arm, seed=seed: self.make(arm, seed), "mnist", self.epochs, self.batch_size)
            for seed in self.seeds()
            for arm in self.arms
        ]

    def make(self, arm: str, seed: int) -> Any:
        """The untrained model of an arm."""
        warm_up = training.LinearWarmUp(max(1, self.num_steps // 2))
        if arm in ("exact", "draws", "sigmoid"):
            vae = tfvae.make_poisson_vae(
                784, self.latent_dim, num_steps=self.num_steps, beta=warm_up, seed=seed,
                method="exact" if arm == "exact" else "draws", indicator="sigmoid" if arm == "sigmoid" else "cubic",
            )  # fmt: skip
        else:
            vae = self._rival(arm, warm_up)
        cosine = keras.optimizers.schedules.CosineDecay(self.learning_rate, self.num_steps, 1e-5 / self.learning_rate)
        vae.compile(keras.optimizers.Adamax(cosine))
        return vae

    def _rival(self, arm, warm_up):
        d = self.latent_dim
        cooling = keras.optimizers.schedules.PolynomialDecay(1.0, max(1, self.num_steps // 2), 0.1)
        posterior, prior = {
            "gaussian": lambda: (layers.LogVarianceNormal(d), priors.StandardNormal(d)),
            "laplace": lambda: (layers.IndependentLaplace(d, epsilon=1e-4), priors.StandardLaplace(d)),
            "category": lambda: (layers.GumbelSoftmax(d, temperature=cooling), priors.UniformCategory(d)),
        }[arm]()
        likelihood = layers.IndependentNormal(784, "mean", scale=0.5**0.5, name="likelihood")
        start = keras.initializers.RandomNormal(stddev=0.05)
        return tfvae.VAE(
            networks.distribution_network(784, (), posterior, "encoder", use_bias=False, kernel_initializer=start),
            networks.distribution_network(d, (), likelihood, "decoder", use_bias=False),
            prior,
            objectives.ELBO(warm_up),
        )

    def execute(self, run: Any) -> None:
        """Every arm at every seed: the published loss, log p(x), how many latents are used, and how sparsely."""
        train, test = self.data
        constant = 0.5 * 784 * math.log(math.pi)  # −log of a normal of variance ½ is the squared error and this

        def measure(model, history, fit):
            logs = model.evaluate(test, batch_size=500, verbose=0, return_dict=True)
            q = model.encode(test).distribution
            kl = tfvae.divergences.kl_per_dimension(q, model.prior.distribution())
            z = q.sample(seed=tf.constant([fit.seed, 1])).numpy()
            estimate = model.log_likelihood(test[: self.num_scored], self.num_samples, fit.seed)
            used = (z.mean(axis=0) > 1e-3) if kl is None else np.mean(kl, axis=0) > _ACTIVE
            return {
                "squared_error_plus_kl": logs["loss"] - constant,
                "squared_error": logs["reconstruction"] - constant,
                "kl": logs["kl"],
                "nll": -estimate.mean,
                "active_share": float(np.mean(used)),
                "sparsity": float(np.mean(lifetime_sparsity(z)[used])) if used.any() and z.min() >= 0 else math.nan,
            }

        models, histories, rows = run_fits(self, run, lambda fit: {"x": train}, measure)
        mean = rows.groupby("variant", sort=False)["squared_error_plus_kl"].mean()
        words = "; ".join(f"{arm} {value:.1f} ({PUBLISHED.get(arm, '–')})" for arm, value in mean.items())
        claims = [
            {
                "document": "A VAE whose codes are counts of events, with a cost for every event.",
                "measured": f"Squared error + KL on test digits, in brackets as published after 1,200 epochs: {words}.",
            }
        ]
        write_findings(run, rows, MEASURES, claims)
        run.save_figure(
            "1-loss",
            plots.loss_curves(histories, title="Training loss, first seed"),
            "Training losses of the first seed; in the first half the KL's weight rises and the temperature falls.",
        )
        for k, (arm, model) in enumerate(models.items()):
            run.save_figure(f"{k + 2}-{arm}-dictionary", *self._dictionary(model, arm, test))

    def _dictionary(self, model, arm, test):
        units = np.eye(self.latent_dim + 1, self.latent_dim, dtype="float32")  # the last one is the origin
        decoded = model.decode(units).mean().numpy()
        columns = decoded[:-1] - decoded[-1]
        used = np.abs(model.encode(test[:2_000]).distribution.mean().numpy()).mean(axis=0)
        best = columns[np.argsort(-used * np.linalg.norm(columns, axis=1))[:_SHOWN]]
        size = np.abs(best).max(axis=1, keepdims=True)
        images = (0.5 + 0.5 * best / np.maximum(size, 1e-9)).reshape(-1, 28, 28)
        return (
            plots.image_grid(images, columns=20),
            f"{arm}: the columns of the decoder that add most to test digits, each scaled to its largest value.",
        )
