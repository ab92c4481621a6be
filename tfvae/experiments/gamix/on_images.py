"""What the comparisons on images share: data, features, measures, figures."""

import abc
import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

import tfvae
from tfvae import evaluation, plots
from tfvae.data.images import load_images
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.gamix.arms import ARMS, MAIN, Sizes
from tfvae.experiments.gamix.figures import compare_arms, interpolations, keep_arm, traversals
from tfvae.experiments.study import Fit, Study
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")
QUALITY = (
    "frechet_distance",
    "kernel_distance",
    "density",
    "coverage",
    "two_sample_accuracy",
    "sharpness",
    "nearest_train",
)
KINDS = ("draws", "mixture_draws", "reconstructions")
_LATENT = ("error", "mean_sigma", "population_variance", "aggregate_variance", "latent_wasserstein", "active_units")
MEASURES = (*(f"{kind}_{name}" for kind in KINDS for name in QUALITY), *_LATENT)
_LATENT_ROWS = 2_000


class Parts(NamedTuple):
    """Images to train on, and two halves of the test images without one in common."""

    train: np.ndarray
    labels: np.ndarray | None
    real: np.ndarray
    others: np.ndarray


@dataclasses.dataclass(frozen=True)
class OnImages(Study, abc.ABC):
    """Abstract: arms of one pair of networks on one set of images, all for the same number of steps."""

    images: ClassVar[str]
    more: ClassVar[tuple[str, ...]] = ()
    cures: ClassVar[tuple[str, ...]] = ("vae", "rae")  # arms that others must beat
    document: ClassVar[str] = "The method is claimed to give better samples than a VAE, without a number."

    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 256, "num_test": 64, "epochs": 1, "num_seeds": 1, "width": 4, "latent_dim": 8,
                  "num_components": 20, "feature_epochs": 1, "arms": ("vae", "gamix")},
    }  # fmt: skip

    arms: tuple[str, ...] = MAIN
    num_seeds: int = 3
    num_train: int = 50_000
    num_test: int = 2_000  # real images that draws are compared with; as many others are reconstructed
    latent_dim: int = 64
    width: int = 16
    learning_rate: float = 1e-3
    num_components: int = 100
    epochs: int = 10
    batch_size: int = 64
    feature_epochs: int = 5

    def check(self) -> None:
        load_images(self.images)

    @functools.cached_property
    def data(self) -> Parts:
        return self.parts()

    def parts(self) -> Parts:
        """The images, `(n, H, W, C)`."""
        return parts_of(self.images, self.num_train, self.num_test)

    def fits(self) -> list[Fit]:
        return [
            Fit(arm, seed, lambda arm=arm, seed=seed: self.make(arm, seed), self.images, self.epochs, self.batch_size)
            for seed in self.seeds()
            for arm in self.arms
        ]

    def make(self, arm: str, seed: int) -> Any:
        """The untrained model of an arm."""
        train = self.data.train
        sizes = Sizes(train.shape[1:], self.latent_dim, self.width, self.learning_rate, self.num_components)
        return ARMS[arm][1](sizes, train, seed)

    def training_data(self, fit: Fit) -> Any:
        """What a fit trains on, as `fit_in_run` takes it."""
        del fit
        return self.data.train

    def title(self, arm: str) -> str:
        """What an arm is, in a few words."""
        return ARMS[arm][0]

    def more_measures(self, model: Any, real: np.ndarray, fit: Fit, quality: Any) -> dict:
        """Measures of a subclass's own, whose names are in `more`; `quality(images, prefix, seed)` measures images."""
        del model, real, fit, quality
        return {}

    def execute(self, run: Any) -> None:
        """Trains every arm at every seed, and measures draws and reconstructions in one network's features.

        Both are decoder means, as they come: these networks end linearly, and nothing is clipped.
        """
        train, labels, real, others = self.data
        network, about = features(run, train, labels, self.feature_epochs, self.seed)

        def quality(images, prefix, seed):
            return evaluation.image_quality(real, images, train, network, seed).as_dict(prefix)

        def measure(model, history, fit):
            fitted = tfvae.fit_latent_density(model, train, "mixture:10", seed=fit.seed)
            drawn = {
                "draws_": model.sample(len(real), seed=fit.seed, mean=True),
                "mixture_draws_": fitted.sample(len(real), seed=fit.seed, mean=True),
                "reconstructions_": model.reconstruct(others, seed=fit.seed, mean=True),
            }
            row = {"error": float(np.abs(drawn["reconstructions_"] - others).mean())}
            for prefix, images in drawn.items():
                row |= quality(images, prefix, fit.seed)
            if fit.seed == self.seed:
                keep_arm(run, fit.variant, drawn)
            row |= latent_measures(model, others[:_LATENT_ROWS], fit.seed)
            return row | self.more_measures(model, real, fit, quality)

        models, histories, rows = run_fits(self, run, lambda fit: {"x": self.training_data(fit)}, measure)
        floor = quality(others, "", self.seed) | about
        write_findings(
            run, rows, (*self.more, *MEASURES), self.claims(rows, floor), floor=floor, gains=gains(rows, self.cures)
        )
        run.save_figure(
            "1-loss",
            plots.loss_curves(histories, title="Training loss, first seed"),
            "Training losses of the first seed. Dashed: validation.",
        )
        compare_arms(run, {arm: self.title(arm) for arm in models}, others)
        for k, name in enumerate(name for name in ("vae", "gamix") if name in models):
            run.save_figure(
                f"{5 + 2 * k}-{name}-interpolations",
                interpolations(models[name], others, name),
                "Convex combinations of the codes of two images. An image in the middle that is none shows a hole.",
            )
            run.save_figure(
                f"{6 + 2 * k}-{name}-traversals",
                traversals(models[name], others, name),
                "One dimension of z moved by ±20 σ(x), as the author shows it, and by ±3 of the population's.",
            )

    def claims(self, rows: Any, floor: dict) -> list[dict]:
        """What the document says, beside what was measured."""
        mean = rows.groupby("variant")[["draws_frechet_distance", "mixture_draws_frechet_distance",
                                        "reconstructions_frechet_distance"]].mean()  # fmt: skip
        words = "; ".join(
            f"{arm}: {row.iloc[0]:.2f}, {row.iloc[1]:.2f}, {row.iloc[2]:.2f}" for arm, row in mean.iterrows()
        )
        return [
            {
                "document": self.document,
                "measured": "FD-cnn of decoder means at prior draws, at draws of a mixture fitted afterwards, and at codes "
                f"(real against real: {floor['frechet_distance']:.2f}), mean over {rows['seed'].nunique()} seeds: {words}.",
            }
        ]


def gains(rows: Any, cures: Sequence[str]) -> list[dict]:
    """How much smaller an arm's FD-cnn is than that of draws from a mixture fitted to another arm's codes.

    Differences are paired by the seed; their standard error is that of the mean over the seeds.
    """
    found = []
    by_seed = rows.set_index(["variant", "seed"])
    kinds = {"draws": "the prior", "mixture_draws": "the mixture"}
    for cure, arm, kind in itertools.product(cures, rows["variant"].unique(), kinds):
        if cure not in by_seed.index or (cure, "mixture_draws") == (arm, kind):
            continue
        gain = (
            by_seed.loc[cure]["mixture_draws_frechet_distance"] - by_seed.loc[arm][f"{kind}_frechet_distance"]
        ).dropna()
        error = float(gain.std(ddof=1) / len(gain) ** 0.5) if len(gain) > 1 else None
        found.append({"arm": arm, "draws of": kinds[kind], "over": f"{cure} + mixture", "seeds": len(gain),
                      "gain": float(gain.mean()), "standard error": error})  # fmt: skip
    return found


def parts_of(name: str, num_train: int, num_test: int) -> Parts:
    """The `Parts` of a known set of images."""
    from tfvae.evaluation.features import with_channels

    found = load_images(name)
    train, test = (with_channels(x) for x in (found.x_train, found.x_test))
    order = np.random.default_rng(0).permutation(len(test))
    n = min(num_test, len(test) // 2)
    labels = None if found.y_train is None else found.y_train[:num_train]
    return Parts(train[:num_train], labels, test[order[:n]], test[order[n : 2 * n]])


def features(run, train, labels, epochs, seed):
    """(network, what is known of it): trained on the same images once for a run, and kept there."""
    path = run.path / "features" / "network.keras"
    if path.exists():
        return keras.models.load_model(path, compile=False), run.read_json("features/about.json")
    if labels is None:
        network, error = evaluation.train_feature_autoencoder(train, epochs, seed)
        about = {"features": "autoencoder", "held_out_error": error}
    else:
        network, accuracy = evaluation.train_feature_network(train, labels, epochs, seed)
        about = {"features": "classifier", "held_out_accuracy": accuracy}
    run.write_json("features/about.json", about)
    run.save_model(network, "features/network.keras")
    return network, about


def latent_measures(model, x, seed):
    """How far the codes are from N(0, I): moments, sliced Wasserstein distance, active units; and the mean σ(x)."""
    from tfvae.evaluation.collapse import ACTIVE

    q = model.encode(x).distribution
    means, sigma = q.mean().numpy(), q.stddev().numpy()
    z = q.sample(seed=tf.constant([seed, 3])).numpy()
    wanted = np.random.default_rng(seed).standard_normal(z.shape)
    return {
        "mean_sigma": float(sigma.mean()),
        "population_variance": float(means.var(axis=0).mean()),
        "aggregate_variance": float(z.var(axis=0).mean()),
        "latent_wasserstein": evaluation.sliced_wasserstein(z, wanted),
        "active_units": int((means.var(axis=0) > ACTIVE).sum()),
    }
