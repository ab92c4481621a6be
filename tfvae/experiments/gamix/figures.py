"""Draws, reconstructions, interpolations and traversals, as pictures."""

import numpy as np

from tfvae import plots

_SHOWN, _COLUMNS = 40, 20


def draw_arm(run, arm, what, drawn, others):
    """Draws and reconstructions of one arm, as decoder means."""
    titles = {
        "draws_": f"{arm} ({what}): decoder means of prior draws",
        "mixture_draws_": f"{arm}: decoder means of draws from a mixture of 10 fitted to the codes",
    }
    for k, (prefix, title) in enumerate(titles.items()):
        images = drawn[prefix][:_SHOWN]
        run.save_figure(f"{2 + k}-{arm}", plots.image_grid(images, title, _COLUMNS, ink=False))
    pairs = np.concatenate([others[:_COLUMNS], drawn["reconstructions_"][:_COLUMNS]])
    run.save_figure(
        f"4-{arm}", plots.image_grid(pairs, f"{arm}: images, and their reconstructions", _COLUMNS, ink=False)
    )


def interpolations(model, images, name, rows=5, steps=6):
    """Convex combinations of the means of two images' codes."""
    z = model.encode(images[: 2 * rows]).mean().numpy()
    shares = np.linspace(0, 1, steps, dtype="float32")[:, None]
    path = np.concatenate([(1 - shares) * a + shares * b for a, b in zip(z[:rows], z[rows:], strict=True)])
    decoded = model.decode(path).mean().numpy()
    return plots.image_grid(decoded, f"{name}: between the codes of two images", steps, ink=False)


def traversals(model, images, name, dimensions=5, steps=9):
    """One image's code moved along single dimensions: by ±20 of its own σ(x), and by ±3 of the population's."""
    q = model.encode(images[:500]).distribution
    means, sigma = q.mean().numpy(), q.stddev().numpy()
    population = means.std(axis=0)
    along = np.argsort(-population)[:dimensions]  # the most used
    ticks = np.linspace(-1, 1, steps, dtype="float32")
    path = []
    for reach in (20 * sigma[0], 3 * population):
        for d in along:
            moved = np.tile(means[0], (steps, 1))
            moved[:, d] += ticks * reach[d]
            path.append(moved)
    decoded = model.decode(np.concatenate(path)).mean().numpy()
    title = f"{name}: five dimensions by ±20 σ(x), then by ±3 standard deviations of all codes"
    return plots.image_grid(decoded, title, steps, ink=False)
