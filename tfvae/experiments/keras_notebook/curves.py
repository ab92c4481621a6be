"""What the experiments on curves share: data, measures and the document's figure."""

import dataclasses

import numpy as np

import tfvae
from tfvae import evaluation, plots
from tfvae.data.s_curve import SCurve
from tfvae.host.lazy import Later

tf, tfp = Later("tensorflow"), Later("tensorflow_probability")
COPIES = 10  # of the points, in an epoch: then less time passes between the epochs than in them


@dataclasses.dataclass(frozen=True)
class Curve:
    """Points of a curve, `(n, 2)`, with the parameter of each, `(n,)`."""

    points: object
    parameter: object

    @classmethod
    def sample(cls, n, seed, noise=0.0):
        return cls(*SCurve(noise).sample_with_parameter(n, seed))


def measure(model, history, fit):
    """Every measure of a trained model on its own 300 points, as a flat dict."""
    vae, curve = vae_of(model), fit.data
    report = evaluation.latent_report(vae, curve.points, fit.seed)
    curve_of = evaluation.curve_report(vae, curve.points, curve.parameter)
    last = history.iloc[-1]
    row = {
        "rmse": curve_of["rmse"],
        "spearman": curve_of["spearman"],
        "kl": report.kl,
        "active_units": report.active_units,
        "z_range": float(np.abs(vae.encode(curve.points).mean()).max()),
        "data_spread": float(np.sqrt(curve.points.var(axis=0).mean())),
        "loss": float(last["loss"]),
        "steps": int(model.optimizer.iterations),
        "negative_elbo": _negative_elbo(vae, curve.points),
        "largest_eigenvalue": evaluation.largest_eigenvalue(curve.points),
    }
    implied = _implied_scale(vae)
    if implied is not None:
        row["implied_scale"] = implied
    if "scale" in last:
        row["scale"] = float(last["scale"])
        row["floor"] = (model.scales[0] if isinstance(model, tfvae.models.VAE) else model.layers[-1].scale).floor
    return row


def vae_of(model):
    return model if isinstance(model, tfvae.models.VAE) else tfvae.models.as_vae(model)


def _negative_elbo(vae, points):
    """Of the density that the loss stands for, constants included; mean over ten draws for each point."""
    x = tf.constant(np.tile(points, (COPIES, 1)))
    return float(tf.reduce_mean(vae.terms(x).loss))


def _implied_scale(vae):
    """The standard deviation of p(x|z) that the loss stands for; None where that is no Gaussian."""
    p = vae.decode(np.zeros([1, *vae.prior.event_shape], "float32")).distribution
    return float(p.stddev()[0, 0]) if isinstance(p.distribution, tfp.distributions.Normal) else None


def encoder_decoder_figure(vae, curve, title):
    found = evaluation.curve_report(vae, curve.points, curve.parameter)
    k = found["z_dimension"]
    ticks = np.linspace(0, 1, 100, dtype="float32")
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    z = vae.encode(curve.points).mean().numpy()
    line = np.zeros([100, z.shape[1]], "float32")
    line[:, k] = np.linspace(-1, 1, 100)
    return plots.encoder_decoder(
        curve.points,
        z[:, k],
        vae.encode(grid).mean().numpy()[:, k].reshape(100, 100),
        np.asarray(vae.decode(line).mean()),
        line[:, k],
        np.asarray(vae.decode(z).mean()),
        f"{title}: RMSE {found['rmse']:.3f}, |Spearman| {found['spearman']:.2f}",
    )
