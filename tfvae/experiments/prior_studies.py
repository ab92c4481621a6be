"""How document 004's experiments are trained, measured and drawn."""

import numpy as np
import tensorflow as tf

from tfvae import plots
from tfvae.data.images import binarize, dynamically_binarized, load_images
from tfvae.evaluation import (
    density_and_coverage,
    frechet_distance,
    latent_report,
    null_coverage,
    train_feature_network,
)
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.scoring import (
    LATENT_ROWS,
    MEASURES,
    TEST_SEED,
    component_use,
    draw_samples,
    evaluate,
    gains,
    kl_table,
    pooled,
    words,
)
from tfvae.importance import bits_per_dimension
from tfvae.priors import MixturePrior


def execute_mnist(study, run):
    """The document's run and its figures, and the NLL of binarized digits that it lacks."""
    data = load_images("mnist").flat()
    train = data.x_train[: study.num_train]
    grey = data.x_test[: study.num_test]
    test = binarize(data.x_test, TEST_SEED)[: study.num_test]

    def measure(model, history, fit):
        row = {"loss": float(history["loss"].iloc[-1]), "grey_loss": float(model.evaluate(grey, verbose=0)[0])}
        row |= evaluate(run, model, fit, test, test[: study.num_scored], study.num_samples)
        row["active_units"] = latent_report(model, test[:LATENT_ROWS], fit.seed).active_units
        if isinstance(model.prior, MixturePrior):
            table = {t["estimator"]: t["mean"] for t in kl_table(model, test[:LATENT_ROWS], fit.seed, 20)}
            row["variational_kl"], row["monte_carlo_kl"] = table["VariationalKL"], table["MonteCarloKL"]
        return row

    models, histories, rows = run_fits(study, run, lambda fit: {"x": train}, measure)
    measures = ["loss", "grey_loss", *MEASURES, "active_units", "variational_kl", "monte_carlo_kl"]
    by = rows.groupby("variant").mean(numeric_only=True)
    claims = [
        {
            "document": "For 10-dimensional z the two priors yield noticeably different samples (no figure is given).",
            "measured": f"NLL of binarized test digits {by.loc['standard-10', 'nll']:.2f} with N(0, I), "
            f"{by.loc['mixture-10', 'nll']:.2f} with the mixture ({study.num_samples} importance samples, "
            f"{study.num_scored} digits).",
        },
        {
            "document": "Each component's mean is a characteristic image.",
            "measured": f"{by.loc['mixture-10', 'components_used']:.0f} of {study.num_components} components are used "
            "(exp of the entropy of their average responsibility).",
        },
    ]
    write_findings(run, rows, measures, claims)
    run.save_figure("1-loss", plots.loss_curves(histories, title="Training, first seed; cross-entropy of grey pixels"))
    draw_samples(run, {f"samples-{name}": model for name, model in models.items()}, 2, 450, study.seed, columns=30)
    for k, (name, model) in enumerate(models.items()):
        if isinstance(model.prior, MixturePrior):
            order = np.argsort(-component_use(model, grey))
            images = model.decode(tf.gather(model.prior.distribution().loc, order)).mean().numpy().reshape(-1, 28, 28)
            title = f"{name}: decoded component means, the most used first"
            run.save_figure(f"3-characteristic-{name}", plots.image_grid(images, title, 40))
        if model.prior.event_shape == (2,):
            _draw_plane(run, f"{4 + k}", name, model, grey, data.y_test[: study.num_test], study.seed)


def _draw_plane(run, number, name, model, x, labels, seed):
    """Latent map, manifold and prior of a model of two latent dimensions."""
    run.save_figure(f"{number}-latent-{name}", plots.latent_scatter(model.encode(x).mean().numpy(), labels,
                                                                   f"{name}: means of q(z|x)"))  # fmt: skip
    draws = model.prior.sample(10_000, seed=tf.constant([seed, 2])).numpy()
    ticks = [np.quantile(draws[:, d], np.linspace(0.01, 0.99, 20)) for d in (0, 1)]
    grid = np.array([[a, b] for b in ticks[1] for a in ticks[0]], "float32")
    images = model.decode(grid).mean().numpy().reshape(-1, 28, 28)
    title = f"{name}: decoder means at the prior's quantiles"
    run.save_figure(f"{number}-manifold-{name}", plots.image_grid(images, title, 20, gap=0, ink=False))
    run.save_figure(f"{number}-prior-{name}", plots.scatter_panels({f"{name}: draws of p(z)": draws}))


def execute_likelihood(study, run):
    """Both priors at one network and budget, scored by importance sampling."""
    train, test, _ = digits(study)
    scored = test[: study.num_scored]
    models, histories, rows = run_fits(
        study,
        run,
        lambda fit: {"x": dynamic(train, study.batch_size, fit.seed)},
        lambda model, history, fit: evaluate(run, model, fit, test, scored, study.num_samples),
    )
    table = gains(run, rows, "standard")
    by = rows.groupby("variant").mean(numeric_only=True)["nll"]
    claims = [
        {
            "document": "Fairly confident that the perplexity will show a difference between the two priors.",
            "measured": f"NLL {by['standard']:.2f} with N(0, I), {by['mixture-monte-carlo']:.2f} with the mixture by "
            f"Monte Carlo, {by['mixture-variational']:.2f} by D_var. Paired gains, seed by seed: "
            f"{words(table, 'mixture-monte-carlo')} and {words(table, 'mixture-variational')} nats.",
        },
        {
            "document": "The combination with the importance-weighted autoencoder will produce valuable results.",
            "measured": f"Trained as IWAE with {study.iwae_draws} draws: {by['standard-iwae']:.2f} with N(0, I), "
            f"{by['mixture-iwae']:.2f} with the mixture; gains over N(0, I) trained by the ELBO "
            f"{words(table, 'standard-iwae')} and {words(table, 'mixture-iwae')} nats.",
        },
    ]
    estimators = kl_table(models["mixture-variational"], scored, study.seed)
    write_findings(run, rows, MEASURES, claims, gains=table, mean_gains=pooled(table), kl_estimators=estimators)
    run.save_figure("1-loss", plots.loss_curves(histories, title="Training, first seed"))
    run.save_figure("2-gains", plots.gains(table, "log p(x) over N(0, I), same seed and images"))
    draw_samples(run, models, 3, 200, study.seed)


def execute_latent_size(study, run):
    """Both priors at growing latent sizes: likelihood, and samples beside reconstructions in a classifier's features."""
    train, test, _ = digits(study)
    scored, n = test[: study.num_scored], min(study.num_drawn, len(test) // 2)
    # Two random halves: MNIST's first 5000 test digits were written by other people than the last.
    real, others = np.split(test[np.random.default_rng(0).permutation(len(test))[: 2 * n]], 2)
    features = _Features(study)

    def measure(model, history, fit):
        row = evaluate(run, model, fit, test, scored, study.num_samples)
        drawn = {
            "samples": model.sample(n, seed=fit.seed),
            "reconstructions": model.reconstruct(others, fit.seed),
        }
        for what, images in drawn.items():
            row |= {f"{what}_{k}": v for k, v in features.compare(real, images).items()}
        return row

    models, _, rows = run_fits(study, run, lambda fit: {"x": dynamic(train, study.batch_size, fit.seed)}, measure)
    null = features.compare(real, others) | {"expected_coverage": null_coverage(n, n), "images": n}
    null["held_out_accuracy"] = features.network.held_out_accuracy
    measured = [f"{what}_{k}" for what in ("samples", "reconstructions") for k in ("fd_cnn", "density", "coverage")]
    table = [g for d in study.latent_dims for g in gains(run, rows[rows["latent_dim"] == d], f"standard-{d}")]
    by = rows.set_index("variant")
    few, many = min(study.latent_dims), max(study.latent_dims)
    claims = [
        {
            "document": "Multi-modality causes great pain at higher latent dimensions; the mixture overcomes it.",
            "measured": "Gain of the mixture in nats: "
            + "; ".join(f"{words(table, f'mixture-{d}')} at D = {d}" for d in study.latent_dims)
            + f". FD-cnn of samples with N(0, I) {by.loc[f'standard-{few}', 'samples_fd_cnn'].mean():.1f} at D = {few} and "
            f"{by.loc[f'standard-{many}', 'samples_fd_cnn'].mean():.1f} at {many}; with the mixture "
            f"{by.loc[f'mixture-{few}', 'samples_fd_cnn'].mean():.1f} and "
            f"{by.loc[f'mixture-{many}', 'samples_fd_cnn'].mean():.1f} (real against real {null['fd_cnn']:.1f}).",
        }
    ]
    write_findings(run, rows, [*MEASURES, *measured], claims, gains=table, mean_gains=pooled(table), null=null)
    quantities = ("nll", "samples_fd_cnn", "samples_density", "samples_coverage")
    run.save_figure(
        "1-latent-size", plots.by_group(rows, "latent_dim", "prior", quantities, "Samples against latent size")
    )
    quantities = ("kl", "reconstructions_fd_cnn", "reconstructions_density", "reconstructions_coverage")
    run.save_figure("2-reconstructions", plots.by_group(rows, "latent_dim", "prior", quantities, "Reconstructions"))
    draw_samples(run, models, 3, 100, study.seed)


class _Features:
    """The classifier whose features FD-cnn, density and coverage are taken in; trained when it is first needed."""

    def __init__(self, study):
        self.study, self._network = study, None

    @property
    def network(self):
        if self._network is None:
            data = load_images("mnist")
            n = self.study.num_train
            x = binarize(data.x_train[:n], TEST_SEED + 1)
            self._network = train_feature_network(x, data.y_train[:n], seed=self.study.seed)
        return self._network

    def compare(self, real, images):
        a, b = (self.network.predict(x.reshape(-1, 28, 28, 1), batch_size=500, verbose=0) for x in (real, images))
        density, coverage = density_and_coverage(a, b)
        return {"fd_cnn": frechet_distance(a, b), "density": density, "coverage": coverage}


def execute_cifar10(study, run):
    """Both priors on photographs, in bits per dimension."""
    data = load_images("cifar10")
    train, test = data.x_train[: study.num_train], data.x_test[: study.num_test]
    dimensions = test[0].size

    def measure(model, history, fit):
        row = evaluate(run, model, fit, test, test[: study.num_scored], study.num_samples)
        row["bits_per_dimension"] = bits_per_dimension(-row["nll"], dimensions)
        row["active_units"] = latent_report(model, test[:LATENT_ROWS], fit.seed).active_units
        return row

    models, histories, rows = run_fits(study, run, lambda fit: {"x": train}, measure)
    table = gains(run, rows, "standard")
    by = rows.groupby("variant").mean(numeric_only=True)
    claims = [
        {
            "document": "Success of the mixture on a more complicated data set like CIFAR-10 could not be demonstrated.",
            "measured": f"Bits per dimension {by.loc['standard', 'bits_per_dimension']:.4f} with N(0, I), "
            f"{by.loc['mixture', 'bits_per_dimension']:.4f} with the mixture: {words(table, 'mixture')} nats an image."
            + (" On JPEG copies: not comparable with published figures." if data.lossy else ""),
        }
    ]
    write_findings(run, rows, ["bits_per_dimension", *MEASURES, "active_units"], claims, gains=table)
    run.save_figure("1-loss", plots.loss_curves(histories, title="Training, first seed"))
    run.save_figure("2-data", plots.image_grid(test[:100], "Test images", 20))
    for k, (name, model) in enumerate(models.items()):
        means = model.sample(100, seed=study.seed, mean=True)
        run.save_figure(f"{3 + k}-{name}", plots.image_grid(means, f"{name}: decoder means of 100 prior draws", 20))
        back = model.decode(model.encode(test[:50]).mean()).mean().numpy()
        pairs = np.concatenate([test[:50], back])
        run.save_figure(
            f"{5 + k}-{name}",
            plots.image_grid(pairs, f"{name}: images, and decoder means of their reconstructions", 25),
        )


def digits(study):
    """(training digits as probabilities, test digits binarized once, their labels)."""
    data = load_images("mnist").flat()
    test = binarize(data.x_test, TEST_SEED)[: study.num_test]
    return data.x_train[: study.num_train], test, data.y_test[: study.num_test]


def dynamic(train, batch_size, seed):
    """The training data of a fit, binarized anew in each epoch, as `fit_in_run` takes them."""
    return lambda epoch: dynamically_binarized(train, batch_size, seed, initial_epoch=epoch)
