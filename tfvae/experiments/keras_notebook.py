"""Document 002: a `VariationalLayer` that works on MNIST and fails on an S-shaped curve, and the reason why."""

import abc
import dataclasses
import math
from typing import ClassVar

from tfvae.data.images import load_images
from tfvae.data.s_curve import SCurve
from tfvae.experiments.study import Fit, Study

COPIES = 10  # of the points, in an epoch of `SCurveAnswer`: then less time passes between the epochs than in them


@dataclasses.dataclass(frozen=True)
class _OnMNIST(Study, abc.ABC):
    """Abstract: a study of the document's network on MNIST."""

    codec: ClassVar[dict] = {"images": {"shape": [28, 28], "binary": False}}

    num_train: int = 60_000
    num_test: int = 10_000
    batch_size: int = 100

    def check(self):
        load_images("mnist")


@dataclasses.dataclass(frozen=True)
class KerasNotebookMNIST(_OnMNIST):
    """The document's first experiment: 784-256-2, dropout 0.2, cross-entropy of grey pixels, Adam, batch 100."""

    name: ClassVar[str] = "keras-notebook-mnist"
    summary: ClassVar[str] = "document 002: VariationalLayer on MNIST, with the document's figures"
    presets: ClassVar[dict] = {"paper": {}, "quick": {"num_train": 2_000, "num_test": 500, "epochs": 2, "num_seeds": 1}}

    epochs: int = 50

    def fits(self):
        return [Fit("mnist", seed, self._make, "mnist", self.epochs, self.batch_size) for seed in self.seeds()]

    def _make(self):
        import tfvae

        return tfvae.make_vae(784)[0]

    def execute(self, run):
        from tfvae.experiments.image_studies import execute_mnist

        execute_mnist(self, run)


@dataclasses.dataclass(frozen=True)
class GreyValues(_OnMNIST):
    """The constant that the document sweeps under the carpet: three likelihoods for grey pixels, one network."""

    name: ClassVar[str] = "keras-notebook-grey-values"
    summary: ClassVar[str] = "document 002's open constant: cross-entropy, continuous Bernoulli and Gaussian on MNIST"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {
            "num_train": 2_000,
            "num_test": 500,
            "epochs": 2,
            "num_seeds": 1,
            "num_scored": 50,
            "num_samples": 10,
        },
    }

    num_seeds: int = 3
    epochs: int = 20
    num_scored: int = 1_000
    num_samples: int = 200

    def fits(self):
        import tfvae
        from tfvae import layers

        variants = {
            "cross-entropy": layers.VariationalLayer,
            "continuous-bernoulli": layers.ContinuousBernoulliVariationalLayer,
            "gaussian": layers.GaussianVariationalLayer,
        }
        return [
            Fit(
                name, seed, lambda cls=cls: tfvae.make_vae(784, cls_vae=cls)[0], "mnist", self.epochs, self.batch_size
            )
            for name, cls in variants.items()
            for seed in self.seeds()
        ]  # fmt: skip

    def execute(self, run):
        from tfvae.experiments.image_studies import execute_grey_values

        execute_grey_values(self, run)


@dataclasses.dataclass(frozen=True)
class Curve:
    """Points of a curve, `(n, 2)`, with the parameter of each, `(n,)`."""

    points: object
    parameter: object

    @classmethod
    def sample(cls, n, seed, noise=0.0):
        return cls(*SCurve(noise).sample_with_parameter(n, seed))


@dataclasses.dataclass(frozen=True)
class KerasNotebookSCurve(Study):
    """The document's nine fits of the S-shaped curve, each with its own settings; 300 points."""

    name: ClassVar[str] = "keras-notebook-s-curve"
    summary: ClassVar[str] = "document 002: its nine fits of the S-shaped curve, measured"
    presets: ClassVar[dict] = {"paper": {}, "quick": {"epoch_share": 0.02, "num_seeds": 1}}

    num_points: int = 300
    epoch_share: float = 1.0  # of the document's epochs

    def fits(self):
        import keras

        import tfvae
        from tfvae.layers import MSEVariationalLayer, ReconstructionOnlyVariationalLayer, VariationalLayer

        def fit(name, epochs, batch_size, cls_vae=MSEVariationalLayer, learning_rate=1e-3, **settings):
            def make():
                optimizer = keras.optimizers.Adam(learning_rate)
                return tfvae.make_vae(2, cls_vae=cls_vae, optimizer=optimizer, **settings)[0]

            epochs = max(1, round(epochs * self.epoch_share))
            return [
                Fit(name, seed, make, Curve.sample(self.num_points, seed), epochs, batch_size, {"epochs": epochs})
                for seed in self.seeds()
            ]

        small = {"n_layers": 2, "dim_intermediate": 20, "dropout": None}
        linear = {**small, "decoder_activation": None}
        hacky = {**linear, "cls_vae": ReconstructionOnlyVariationalLayer}
        return [
            *fit("1-cross-entropy", 500, 32, VariationalLayer, dim_latent=1, n_layers=1, dim_intermediate=100),
            *fit("2-mse-five-layers", 500, 200, learning_rate=1e-4, dim_latent=1, n_layers=5,
                 dim_intermediate=40, decoder_activation="tanh"),
            *fit("3-mse-two-layers", 50, 200, dim_latent=1, decoder_activation="tanh", **small),
            *fit("4-latent-10", 100, 200, dim_latent=10, decoder_activation="tanh", **small),
            *fit("5-linear-decoder-relu", 100, 32, dim_latent=2, **linear),
            *fit("6-linear-decoder-tanh", 100, 32, dim_latent=2, activation="tanh", **linear),
            *fit("7-no-kl-latent-2-tanh", 100, 32, dim_latent=2, activation="tanh", **hacky),
            *fit("8-no-kl-latent-1-tanh", 1000, 32, dim_latent=1, activation="tanh", **hacky),
            *fit("9-no-kl-latent-1-relu", 1000, 32, dim_latent=1, **hacky),
        ]  # fmt: skip

    def execute(self, run):
        from tfvae.experiments.curve_studies import execute_curves

        execute_curves(self, run)


@dataclasses.dataclass(frozen=True)
class SCurveAnswer(Study):
    """Which of the document's three hypotheses is right: implementation, detail, or something fundamental?

    The implementation at the document's own variance 1/2 (`document-layer`, `vae-variance-0.5`: 2 layers of 50, Adam
    1e-3); the variance, fixed at values above and below the largest eigenvalue of the data's covariance; learned, without
    and with a KL warm-up (floor 0.001); the document's layers on the recipe's network and schedule (3 layers of 64, a cosine
    from 3e-3), with its squared error and with a learned scale (floor 0.04); the recipe, with one candidate and with four;
    and the same on a noisy curve.
    """

    name: ClassVar[str] = "s-curve-answer"
    summary: ClassVar[str] = "document 002's question answered: observation scale, warm-up, restarts"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_steps": 400, "num_seeds": 1, "variances": (0.5, 0.05), "num_variance_seeds": 1},
    }

    num_seeds: int = 10
    num_points: int = 300
    num_steps: int = 30_000
    batch_size: int = 32
    variances: tuple = (0.5, 0.25, 0.15, 0.11, 0.08, 0.04, 0.01)
    num_variance_seeds: int = 3
    num_restarts: int = 4
    noise: float = 0.05

    def fits(self):
        from tfvae import layers

        few = range(self.seed, self.seed + self.num_variance_seeds)
        return [
            *self._each("document-layer", self._layer),
            *(
                fit
                for v in self.variances
                for fit in self._each(
                    f"vae-variance-{v:g}", lambda v=v: self._plain(math.sqrt(v)), self.seeds() if v == 0.5 else few
                )
            ),
            *self._each("learned-scale", lambda: self._plain(self._scale(1e-3))),
            *self._each("learned-scale-warm-up", lambda: self._plain(self._scale(1e-3), warm_up=True)),
            *self._each("layer-squared-error", lambda: self._layer_on_recipe(layers.MSEVariationalLayer)),
            *self._each("layer-learned-scale", lambda: self._layer_on_recipe(self._calibrated)),
            *self._each("recipe-one-candidate", lambda: self._recipe(num_restarts=1)),
            *self._each("recipe", self._recipe),
            *self._each("recipe-noisy-curve", self._recipe, few, noise=self.noise),
        ]

    def _each(self, variant, make, seeds=None, noise=0.0):
        epochs = max(1, round(self.num_steps / (COPIES * self.num_points / self.batch_size)))
        return [
            Fit(variant, seed, make, Curve.sample(self.num_points, seed, noise), epochs, self.batch_size)
            for seed in (self.seeds() if seeds is None else seeds)
        ]

    def _layer(self):
        """The document's own layers, the network of the other arms, no dropout; its squared error is variance 1/2."""
        import tfvae
        from tfvae.layers import MSEVariationalLayer

        return tfvae.make_vae(2, n_layers=2, dim_latent=1, dim_intermediate=50, cls_vae=MSEVariationalLayer,
                              decoder_activation=None, dropout=None)[0]  # fmt: skip

    def _scale(self, floor):
        from tfvae.layers import LearnedScale

        return LearnedScale(initial=math.exp(-1.5), floor=floor)

    def _plain(self, scale, warm_up=False):
        import tfvae
        from tfvae.layers import IndependentNormal
        from tfvae.objectives import ELBO

        likelihood = IndependentNormal(2, "mean", scale=scale, name="likelihood")
        objective = ELBO(warm_up_steps=self.num_steps // 2 if warm_up else 0)
        return tfvae.make_dense_vae(2, 1, (50, 50), likelihood=likelihood, activations="relu", objective=objective)

    def _layer_on_recipe(self, make_loss):
        """The document's implementation on the recipe's network and schedule; it has no warm-up."""
        import keras

        import tfvae

        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, self.num_steps))
        return tfvae.make_vae(2, n_layers=3, dim_latent=1, dim_intermediate=64, cls_vae=make_loss(),
                              decoder_activation=None, optimizer=optimizer, dropout=None)[0]  # fmt: skip

    def _calibrated(self):
        from tfvae.layers import GaussianVariationalLayer, LearnedScale

        return GaussianVariationalLayer(LearnedScale(initial=math.exp(-3), floor=0.04))

    def _recipe(self, num_restarts=None):
        import tfvae

        return tfvae.make_manifold_vae(2, num_steps=self.num_steps, num_restarts=num_restarts or self.num_restarts)

    def execute(self, run):
        from tfvae.experiments.curve_studies import execute_answer

        execute_answer(self, run)
