"""What a run of sections says as a whole: a joint density, measures, figures."""

import shutil

import keras
import numpy as np
import pandas as pd

from tfvae import plots
from tfvae.codecs.haplotype_codec import JOINT, SECTIONS, STORE
from tfvae.data.haplotypes import HaplotypeStore
from tfvae.evaluation.genotypes import linkage_decay
from tfvae.models.factories import make_dense_vae
from tfvae.models.initialization import StartPrior
from tfvae.priors.mixture import MixturePrior
from tfvae.runs.directory import RunDirectory
from tfvae.runs.fit import fit_in_run
from tfvae.runs.load import Run
from tfvae.workflows.fitting import comparison
from tfvae.workflows.haplotype_sections import BASELINES, DECODED
from tfvae.workflows.verdicts import density_verdict, together

_LINKED_SITES = 1_500  # whose linkage is drawn
_SHOWN_SECTIONS = 20


def fit_joint(run, names):
    """A second-stage VAE over the sections' codes, from which whole haplotypes can be drawn; saved as `joint.keras`.

    Source: Dai and Wipf, "Diagnosing and enhancing VAE models" (2019), for the second stage.
    """
    plan = run.read_json("plan.json")
    codes = [np.load(run.path / SECTIONS / name / "codes.npy") for name in names]
    mean, sd = (np.concatenate(parts, axis=1) for parts in zip(*codes, strict=True))
    rng = np.random.default_rng(plan["seed"])
    order = 2 * rng.permutation(len(mean) // 2)
    order = np.stack([order, order + 1], axis=1).ravel()  # people stay together
    z = (mean + sd * rng.normal(size=mean.shape)).astype("float32")[order]
    held = 2 * max(1, len(z) // 20)
    x, validation = z[held:], z[:held]
    prior = MixturePrior(32, min(200, len(x) // 4), seed=plan["seed"])
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=20, restore_best_weights=True)
    part = RunDirectory(run.path / "joint")
    if part.read_json("sections.json", default=[""]) != names:  # of other sections
        shutil.rmtree(part.path, ignore_errors=True)
        part.write_json("sections.json", names)
    vae, _ = fit_in_run(
        part, lambda: make_dense_vae(z.shape[1], 32, (256, 256), prior=prior, activations="relu"), x, seed=plan["seed"],
        epochs=200, batch_size=128, validation_data=validation, callbacks=[StartPrior(x, 20, plan["seed"]), stopping],
        verbose=0,
    )  # fmt: skip
    run.save_model(vae, JOINT)


def metrics_of(run, rows, failed, joint):
    """What `metrics.json` says of a run: the comparison with models that have no latent space, the sections, notes."""
    table = []
    if rows:
        folders = [run.path / SECTIONS / row["section"] for row in rows]
        scores = {"tfvae": sum(np.load(folder / "log_likelihood.npy") for folder in folders)}
        baselines = [np.load(folder / "baselines.npz") for folder in folders]
        table = comparison(scores | {b.title: sum(of[b.name] for of in baselines) for b in BASELINES})
    notes = ["Likelihoods and codes are those of independent sections, also where draws are joint."] if joint else []
    notes += [f"Section {name} failed: {why}" for name, why in failed.items()]
    if len(rows) > 1 and not joint:
        notes.append(
            "Sections are drawn independently of each other: linkage is cut at their boundaries, unless a joint "
            "density is fitted."
        )
    leaking = [r["section"] for r in rows if r["overfitted"]]
    if leaking:
        notes.append(
            f"The draws of section {', '.join(leaking)} are nearer to the training people than unseen people are: "
            "the model has memorized."
        )
    dropped = run.read_json(f"{STORE}/store.json")["dropped"]
    left_out = ", ".join(f"{count} {kind}" for kind, count in dropped.items() if count)
    notes += [f"Records left out or corrected on reading: {left_out}."] if left_out else []
    verdict = {"verdict": together(density_verdict(table, "haplotype"))} if rows else {}
    return {**verdict, "comparison": table, "sections": rows, "failed": failed, "notes": notes}


def draw_overlays(run, folder, names, prefix):
    """Decoded haplotypes over real ones, by section of `folder`: a figure for each of `DECODED`."""
    points = {name: np.load(folder / SECTIONS / name / "points.npy") for name in names[:_SHOWN_SECTIONS]}
    base = {f"section {name}": p[0] for name, p in points.items()}
    for k, what in enumerate(DECODED, 1):
        panels = {f"section {name}": p[k] for name, p in points.items()}
        title = f"{what.replace('_', ': ')} red, held-out haplotypes grey"
        caption = (
            "Haplotypes on each section's first two principal components. Red should cover grey, and lie nowhere else."
        )
        run.save_figure(f"{prefix}-{what}", plots.overlay_panels(panels, base, title, columns=5), caption)


def draw_run(run, rows):
    """Linkage decay within and across sections, and the sections' likelihoods beside the baselines."""
    columns = ["held_out_log_likelihood", "bernoulli_mixture_128", "li_stephens"]
    table = pd.DataFrame(rows).set_index("section")[columns]
    run.save_figure(
        "1-sections",
        plots.grouped_bars(table, "Held-out log p(x) by section", "nats per haplotype"),
        "log p(x) of held-out people, for each section, beside models without a latent space; nearer to 0 is better.",
    )
    draw_overlays(run, run.path, [r["section"] for r in rows], "3")
    loaded = Run.open(run.path)
    plan, codec = run.read_json("plan.json"), loaded.codec
    sites, starts = codec.sites, np.repeat(np.arange(len(codec.num_sites)), codec.num_sites)
    if len(sites) < 2 or sites["contig"].nunique() > 1:
        return
    chosen = np.sort(np.random.default_rng(plan["seed"]).permutation(len(sites))[:_LINKED_SITES])
    store, people = HaplotypeStore(run.path / STORE), plan["people"]
    rows_of = np.concatenate([np.load(run.path / SECTIONS / r["section"] / "sites.npy") for r in rows])[chosen]
    real = store.read(rows_of, np.array(people[2])).alleles
    drawn = loaded.vae.sample(len(real), seed=plan["seed"])[:, chosen]
    position, group = sites["position"].to_numpy()[chosen], starts[chosen]
    edges = np.geomspace(100, max(1_000, np.ptp(position) + 1), 13)
    curves = {
        title: {
            label: linkage_decay(x, position, edges, groups)
            for label, x in (("held-out people", real), ("draws", drawn))
        }
        for title, groups in {"all pairs": None, "pairs across a boundary": group}.items()
    }
    run.save_figure(
        "2-linkage",
        plots.decay_curves(curves, edges, "Linkage decay"),
        "How linkage falls with the distance of two sites, among held-out people and among draws. Across a boundary of "
        "sections draws have linkage only where a joint density was fitted.",
    )
