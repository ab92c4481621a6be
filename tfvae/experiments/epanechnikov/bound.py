"""Whether the Epanechnikov VAE's objective is a bound: one dimension, by quadrature."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfvae import distributions, layers, plots
from tfvae.experiments.experiment import Experiment
from tfvae.host.lazy import Later
from tfvae.runs.directory import METRICS

tfp = Later("tensorflow_probability")


@dataclasses.dataclass(frozen=True)
class EpanechnikovBound(Experiment):
    """p(x|z) = N(x; z, s²): the objective where it is least, the ELBO of the same q(z|x) with the exact KL, and log p(x).

    Nothing is trained: q is centred on x, since the objective holds its centre by the reconstruction alone, and its radius
    is the best of a grid. x goes away from the prior, in units of its width B. A bound never falls below −log p(x).
    """

    name: ClassVar[str] = "epanechnikov-bound"
    summary: ClassVar[str] = "is the Epanechnikov VAE's objective a bound? exact KL and log p(x) in one dimension"

    width: float = 1.0
    scale: float = 1.0  # of p(x|z), in units of the width
    farthest: float = 5.0
    batch_size: int = 100
    num_x: int = 51
    num_radii: int = 100
    num_points: int = 20_001

    def execute(self, run: Any) -> None:
        """A row for each prior and x; and from where on the objective is below −log p(x)."""
        at = np.linspace(0, self.farthest, self.num_x) * self.width
        rows = {noise: [self._row(x, noise) for x in at] for noise in ("uniform", "normal")}
        first = {
            noise: next((r["x"] for r in found if r["objective"] < r["nll"]), None) for noise, found in rows.items()
        }
        last = {noise: found[-1] for noise, found in rows.items()}
        measured = (
            f"Uniform prior of width {self.width:g}: {last['uniform']['outside']:.0%} of q(z|x) lies outside of it at "
            f"x = {last['uniform']['x']:g}, so that the KL is infinite; the objective is below −log p(x) from x = "
            f"{first['uniform']} on, by {last['uniform']['nll'] - last['uniform']['objective']:.1f} nats at the end. "
            f"Normal prior: from x = {first['normal']} on, by {last['normal']['nll'] - last['normal']['objective']:.1f}; "
            f"the exact KL there is {last['normal']['kl']:.1f} nats, in its place stand {last['normal']['penalty']:.3f}."
        )
        claims = [{"document": "The objective bounds log p(x) from below.", "measured": measured}]
        tables = {
            noise: [{**row, "kl": row["kl"] if np.isfinite(row["kl"]) else "∞"} for row in found[:: self.num_x // 5]]
            for noise, found in rows.items()
        }
        run.write_json(METRICS, {"claims": claims, **tables})
        curves = [
            {"x": row["x"], "nats": row[key], "curve": f"{noise} prior: {label}"}
            for noise, found in rows.items()
            for row in found
            for key, label in (("objective", "objective"), ("negative_elbo", "−ELBO"), ("nll", "−log p(x)"))
            if np.isfinite(row[key])
        ]
        run.save_figure(
            "1-bound",
            plots.trade_off(curves, "x", "nats", "curve"),
            "The objective, the negative ELBO with the exact KL (infinite under the uniform prior) and −log p(x).",
        )

    def _row(self, x, noise):
        width, scale = self.width, self.scale * self.width
        normal, uniform = tfp.distributions.Normal, tfp.distributions.Uniform
        prior = uniform(-0.5 * width, 0.5 * width) if noise == "uniform" else normal(np.float64(0), width)
        span = 0.5 * width if noise == "uniform" else 12 * width
        z = np.linspace(-span, span, self.num_points)
        joint = prior.log_prob(z).numpy() + normal(z, scale).log_prob(x).numpy()
        kind = distributions.SmoothedEpanechnikov if noise == "uniform" else distributions.NormalSmoothedEpanechnikov
        bandwidth = layers.EpanechnikovPosterior(1).bandwidth

        radius = np.geomspace(0.01, 10, self.num_radii) * width
        q = kind(np.float64(x / bandwidth), radius, width, bandwidth)
        # E log N(x; z, s²) = log N(x; E z, s²) − ½ Var z / s², and E z is x.
        reconstruction = 0.5 * q.variance().numpy() / scale**2 + 0.5 * np.log(2 * np.pi * scale**2)
        penalty = 3 * width / (5 * self.batch_size * radius)
        best = int(np.argmin(reconstruction + penalty))

        q = kind(np.float64(x / bandwidth), radius[best], width, bandwidth)
        at = x + np.linspace(-8, 8, self.num_points) * float(q.stddev())
        density, log_p = np.exp(q.log_prob(at).numpy()), prior.log_prob(at).numpy()
        outside = float(np.trapezoid(density * np.isneginf(log_p), at))
        kl = np.inf if outside > 0 else float(np.trapezoid(density * (q.log_prob(at).numpy() - log_p), at))
        return {
            "x": round(float(x), 6),
            "radius": float(radius[best]),
            "penalty": float(penalty[best]),
            "objective": float(reconstruction[best] + penalty[best]),
            "kl": kl,
            "negative_elbo": float(reconstruction[best] + kl),
            "nll": float(-np.log(np.trapezoid(np.exp(joint), z))),
            "outside": outside,
        }
