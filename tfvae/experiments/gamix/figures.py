"""Draws, reconstructions, interpolations and traversals, as pictures."""

import numpy as np

from tfvae import plots

_SHOWN = 14
_TITLES = {
    "draws_": "Decoder means of draws of the prior",
    "mixture_draws_": "Decoder means of draws of a mixture of 10, fitted to the codes afterwards",
    "reconstructions_": "Decoder means at the codes of the images in the first row",
}


def keep_arm(run, arm, drawn):
    """The first draws and reconstructions of an arm, for `compare_arms`."""
    shown = {kind: np.uint8(np.clip(images[:_SHOWN], 0, 1) * 255) for kind, images in drawn.items()}
    with run.writing(f"shown/{arm}.npz") as path, open(path, "wb") as file:
        np.savez_compressed(file, **shown)


def compare_arms(run, titles, others):
    """A figure for each kind of draw, with a row for each arm that was kept; `titles` says what each arm is."""
    paths = {arm: run.path / "shown" / f"{arm}.npz" for arm in titles}
    kept = {f"{arm}:\n{titles[arm]}": dict(np.load(path)) for arm, path in paths.items() if path.exists()}
    if not kept:
        return
    for k, (kind, title) in enumerate(_TITLES.items()):
        rows = {"images": others[:_SHOWN]} if kind == "reconstructions_" else {}
        rows |= {arm: shown[kind] / 255 for arm, shown in kept.items()}
        run.save_figure(
            f"{2 + k}-{kind.rstrip('_').replace('_', '-')}",
            plots.image_rows(rows, title, ink=False),
            "One row an arm, images from the same seed; the first row is real.",
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
