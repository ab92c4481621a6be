"""How the comparison of priors and the mixture posteriors are trained, measured and drawn."""

import keras
import numpy as np

from tfvae import plots
from tfvae.data.gaussian_mixture import GaussianMixture
from tfvae.data.images import load_images
from tfvae.evaluation import interpolation_report, latent_report, mode_report, nll_gap, posterior_use
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.prior_studies import digits, dynamic
from tfvae.experiments.scoring import LATENT_ROWS, MEASURES, draw_samples, evaluate, gains, pooled, words
from tfvae.layers import MixtureNormal
from tfvae.priors import ExemplarPrior


def execute_static(study, run):
    """Five priors on the published benchmark."""
    data = load_images(study.images).flat()
    train, valid = data.x_train[: study.num_train], data.x_valid[: study.num_valid]
    order = np.random.default_rng(0).permutation(len(data.x_test))  # they are sorted by digit
    test = data.x_test[order[: study.num_test]]

    def arguments(fit):
        stopping = keras.callbacks.EarlyStopping("val_loss", patience=study.patience, restore_best_weights=True)
        return {"x": train, "validation_data": valid, "callbacks": [stopping], "checkpoint_seconds": 120}

    def measure(model, history, fit):
        row = {"epochs_trained": len(history), "best_val_loss": float(history["val_loss"].min())}
        if isinstance(model.prior, ExemplarPrior):  # what the neighbors alone miss of log p(z), exactly, on a few
            q = model.encode(test[:200]).distribution
            z = q.sample(seed=fit.seed)
            row["retrieval_loss"] = float(np.mean(model.prior.log_prob(z) - model.prior.near(q).log_prob(z)))
        return row | evaluate(run, model, fit, test, test, study.num_samples)

    models, histories, rows = run_fits(study, run, arguments, measure)
    table = gains(run, rows, "standard")
    by = rows.groupby("variant").mean(numeric_only=True)["nll"]
    claims = [
        {
            "document": "VampPrior (Tomczak and Welling 2018), 2000 epochs: 85.57 with the VampPrior; "
            "88.56 with N(0, I) (unverified).",
            "measured": f"{study.epochs} epochs: " + ", ".join(f"{by[p]:.2f} {p}" for p in study.priors) + "; gains over "
            "N(0, I): " + ", ".join(f"{words(table, p)} {p}" for p in study.priors if p != "standard") + " nats.",
        }
    ]  # fmt: skip
    write_findings(run, rows, [*MEASURES, "epochs_trained", "retrieval_loss"], claims, gains=table)
    run.save_figure("1-loss", plots.loss_curves(histories, title="Training, first seed; validation dashed"))
    run.save_figure("2-gains", plots.gains(table, "log p(x) over N(0, I), same test images"))
    draw_samples(run, models, 3, 200, study.seed)


def execute_posterior(study, run):
    """Mixtures as prior, as posterior and as both, in the plane and on digits."""
    train, test, _ = digits(study)
    fits = {fit.variant: fit for fit in study.fits()}

    def arguments(fit):
        if isinstance(fit.data, GaussianMixture):
            return {"x": fit.data.sample(study.num_points, seed=fit.seed)}
        return {"x": dynamic(train, study.batch_size, fit.seed)}

    def measure(model, history, fit):
        in_plane = isinstance(fit.data, GaussianMixture)
        x = fit.data.sample(len(test), seed=1_000_000 + fit.seed) if in_plane else test
        row = evaluate(run, model, fit, x, x[: study.num_scored], study.num_samples)
        row["active_units"] = latent_report(model, x[:LATENT_ROWS], fit.seed).active_units
        pairs = x[: 2 * study.num_pairs]
        row |= interpolation_report(model, pairs[0::2], pairs[1::2], study.num_samples, fit.seed, binary=not in_plane)
        if in_plane:
            row["nll_gap"] = nll_gap(model, fit.data, len(test), study.num_samples, fit.seed)["nll_gap"]
            row["bridge_mass"] = mode_report(fit.data, model.sample(len(test), seed=fit.seed)).bridge_mass
        if isinstance(model.posterior_layer, MixtureNormal):
            row |= posterior_use(model.encode(x[:LATENT_ROWS]).distribution, fit.seed)
        return row

    models, _, rows = run_fits(study, run, arguments, measure)
    table = [g for data in (*study.planes, "mnist") for g in gains(run, rows[rows["data"] == data], f"{data}-standard")]
    by = rows.groupby("variant").mean(numeric_only=True)

    def told(data):
        arms = [v for v in by.index if v.startswith(f"{data}-")]
        return ", ".join(f"{by.loc[v, 'nll']:.2f} {v.removeprefix(data + '-')}" for v in arms)

    claims = [
        {
            "document": "Either the posterior must not be Gaussian, or the prior must not be; perhaps both.",
            "measured": "NLL: " + "; ".join(f"{data}: {told(data)}" for data in (*study.planes, "mnist")) + ".",
        },
        {
            "document": "A mixture posterior runs the risk of multi-modality during inference.",
            "measured": "Components used by a posterior, of "
            f"{study.posterior_components} (exp of the entropy of its weights): "
            + ", ".join(f"{n:.2f} {v}" for v, n in by["posterior_components"].dropna().items())
            + ".",
        },
        {
            "document": "A mixture prior runs the risk of islands that break the meaning of the representation.",
            "measured": "Rise of the NLL from the ends to the middle of an interpolation: "
            + ", ".join(f"{by.loc[v, 'interpolation_rise']:.1f} {v}" for v in by.index) + " nats.",
        },
    ]  # fmt: skip
    measures = [*MEASURES, "active_units", "nll_gap", "bridge_mass", "interpolation_rise", "prior_drop",
                "posterior_components", "non_gaussianity"]  # fmt: skip
    write_findings(run, rows, measures, claims, gains=table, mean_gains=pooled(table))
    for data in study.planes:
        shown = {v: model for v, model in models.items() if v.startswith(f"{data}-")}
        truth = fits[f"{data}-standard"].data
        draws = {v: model.sample(5_000, seed=study.seed) for v, model in shown.items()}
        run.save_figure(
            f"1-{data}-draws", plots.scatter_panels(draws, f"{data}: draws", centres=truth.centres, columns=5)
        )
        x = truth.sample(5_000, seed=study.seed)
        codes = {v: model.encode(x).distribution.sample(seed=study.seed).numpy() for v, model in shown.items()}
        run.save_figure(
            f"2-{data}-codes", plots.scatter_panels(codes, f"{data}: draws of the aggregate posterior", columns=5)
        )
    run.save_figure("3-gains", plots.gains(table, "log p(x) over N(0, I) and a Gaussian posterior"))
    draw_samples(run, {v: model for v, model in models.items() if v.startswith("mnist-")}, 4, 100, study.seed)
