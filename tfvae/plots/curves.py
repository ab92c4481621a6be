"""A latent space of digits, a curve and what a VAE makes of it, densities on [0, 1]."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import beta, norm

from tfvae.plots.panels import make_panels, some


def latent_scatter(codes: Any, labels: Any = None, title: str = "", limits: Any = None) -> Figure:
    """Digits in a latent plane: tab10, the y axis reversed.

    Args:
        codes: `(n, 2)`.
        labels: `(n,)` integers from 0 to 9; None for one colour.
        title: of the figure.
        limits: ((x0, x1), (y0, y1)), for figures that are to be compared.
    """
    figure = Figure(figsize=(6.5, 5.5), layout="constrained")
    axis = figure.subplots()
    colours = {"color": "tab:blue"} if labels is None else {"c": labels, "cmap": "tab10", "vmin": -0.5, "vmax": 9.5}
    shown = axis.scatter(*some(codes)[:, :2].T, s=6, linewidths=0, **colours)
    if labels is not None:
        figure.colorbar(shown, ax=axis, ticks=range(10))
    axis.set(title=title, xlabel="z_0", ylabel="z_1")
    if limits is not None:
        axis.set(xlim=limits[0], ylim=limits[1])
    axis.invert_yaxis()  # as in the manifold's grid, whose rows go down
    return figure


def manifold_codes(side: int = 15, low: float = 0.05, high: float = 0.95) -> np.ndarray:
    """Codes z, `(side², 2)`, row by row, of a grid that is even in probability under N(0, I)."""
    ticks = norm.ppf(np.linspace(low, high, side))
    return np.array([[x, y] for y in ticks for x in ticks], "float32")


def encoder_decoder(
    points: Any, codes: Any, field: Any, line: Any, line_codes: Any, reconstructions: Any, title: str = ""
) -> Figure:
    """A curve as a VAE sees it: embedding, full embedding, prediction, input and output.

    Args:
        points: `(n, 2)` data.
        codes: `(n,)` code of each.
        field: `(k, k)` codes of a grid over [0, 1]², rows along the second coordinate.
        line: `(m, 2)` decoder means along a line of codes.
        line_codes: `(m,)`.
        reconstructions: `(n, 2)`.
    """
    figure, axes = make_panels(4, 4)
    axes[0].set_title("Embedding: mean of q(z|x)")
    figure.colorbar(axes[0].scatter(*points.T, c=codes, s=8), ax=axes[0])
    axes[1].set_title("Full embedding")
    figure.colorbar(axes[1].imshow(field, origin="lower", extent=[0, 1, 0, 1], aspect="auto"), ax=axes[1])
    axes[2].set_title("Prediction: decoder means, z in [−1, 1]")
    figure.colorbar(axes[2].scatter(*line.T, c=line_codes, s=8), ax=axes[2])
    axes[3].set_title("In and out")
    axes[3].scatter(*points.T, s=8, label="original")
    axes[3].scatter(*reconstructions.T, s=8, label="after encode, decode")
    axes[3].legend(fontsize="x-small")
    figure.suptitle(title)
    return figure


def curves_learned(panels_of: dict, title: str = "", columns: int = 5) -> Figure:
    """One panel for each model: the data in grey, reconstructions coloured by the latent mean.

    Args:
        panels_of: dict title -> (points `(n, 2)`, reconstructions `(n, 2)`, codes `(n,)`).
    """
    figure, axes = make_panels(len(panels_of), columns, size=2.6)
    for axis, (name, (points, reconstructions, codes)) in zip(axes, panels_of.items(), strict=True):
        axis.scatter(*points.T, s=6, c="0.8")
        axis.scatter(*reconstructions.T, s=6, c=codes, cmap="viridis")
        axis.set_title(name, fontsize="small")
        axis.set(xlim=(-0.1, 1.1), ylim=(-0.1, 1.1), xticks=[], yticks=[])
    figure.suptitle(title)
    return figure


def likelihood_by_variance(variances: Any, curves: Any, threshold: float, title: str = "") -> Figure:
    """Mean log p(x) against the decoder's variance.

    Args:
        variances: `(v,)`.
        curves: dict label -> `(v,)`, nats.
        threshold: the variance above which collapse is stable.
    """
    figure = Figure(figsize=(6.5, 4.2), layout="constrained")
    axis = figure.subplots()
    for name, values in curves.items():
        axis.plot(variances, values, label=name)
    axis.axvline(threshold, color="0.5", ls=":", label=f"largest eigenvalue, {threshold:.3f}")
    axis.axvline(0.5, color="crimson", ls="--", lw=1, label="squared error: 1/2")
    low = min(np.min(v[np.asarray(variances) > 0.02]) for v in curves.values())
    high = max(np.max(v) for v in curves.values())
    axis.set(
        xscale="log", ylim=(low, high + 0.3), xlabel="variance of p(x|z)", ylabel="mean log p(x), nats", title=title
    )
    axis.legend(fontsize="small")
    return figure


def beta_densities() -> Figure:
    """Beta densities with α = 1 + x', β = 2 − x', for ten values of x' in [0, 1]."""
    figure = Figure(figsize=(6.5, 4.2), layout="constrained")
    axis = figure.subplots()
    x = np.linspace(0, 1, 100)
    colours = _viridis()
    for value in np.linspace(0, 1, 10):
        label = f"x' = {value:g}" if value in (0, 1) else None
        axis.plot(x, beta.pdf(x, 1 + value, 2 - value), color=colours(value), label=label)
    axis.set(title="PDF of beta distribution", xlabel="x")
    axis.legend()
    return figure


def log_normalizer(probabilities: Any, values: Any) -> Figure:
    """log C(λ) of the continuous Bernoulli, and its densities for some λ."""
    figure, axes = make_panels(2, 2)
    axes[0].plot(probabilities, values)
    axes[0].set(title="log C(λ), the constant", xlabel="λ", ylabel="nats")
    x, colours = np.linspace(0, 1, 101), _viridis()
    for rate in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98):
        unnormalized = rate**x * (1 - rate) ** (1 - x)
        constant = np.exp(np.interp(rate, probabilities, values))
        axes[1].plot(x, constant * unnormalized, color=colours(rate), label=f"λ = {rate:g}")
        axes[1].plot(x, unnormalized, color=colours(rate), ls=":")
    axes[1].set(title="Densities; dotted: without C", xlabel="x", ylim=(0, 5))
    axes[1].legend(fontsize="x-small")
    return figure


def _viridis():
    import matplotlib

    return matplotlib.colormaps["viridis"]
