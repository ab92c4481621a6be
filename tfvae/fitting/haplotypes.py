"""A model for each section of haplotypes: independent, in parallel, and a kill or an error costs one section."""

import contextlib
import shutil

import keras
import numpy as np

from tfvae import plots
from tfvae.callbacks import StartPrior
from tfvae.checkpoints import fit_in_run
from tfvae.data.haplotype_codec import JOINT, SECTIONS, STORE
from tfvae.data.haplotypes import HaplotypeStore
from tfvae.evaluation.genotypes import linkage_decay
from tfvae.fitting.sections import DECODED
from tfvae.fitting.training import comparison
from tfvae.models.factories import make_dense_vae
from tfvae.priors import MixturePrior
from tfvae.requirements import require
from tfvae.runs import METRICS, RunDirectory

_LINKED_SITES = 1_500  # whose linkage is drawn
_SHOWN_SECTIONS = 20


def fit_haplotypes(run, jobs=None, backend="loky", scheduler=None, joint=False, report=lambda row: None):
    """Fits all sections of a run whose store and `plan.json` are there; returns the run's metrics.

    Args:
        run: `RunDirectory`.
        jobs, backend, scheduler, report: see `run_sections`.
        joint: bool, fit a density over the sections' concatenated codes too.
    """
    names = [s["section"] for s in run.read_json("plan.json")["sections"]]
    rows, failed = run_sections(run, names, jobs=jobs, backend=backend, scheduler=scheduler, report=report)
    if joint and len(rows) > 1 and not failed:
        fit_joint(run, [r["section"] for r in rows])
    joint = (run.path / JOINT).exists()
    metrics = _metrics(run, rows, failed, joint)
    run.write_json(METRICS, metrics)
    if rows:
        _draw_run(run, rows)
    return metrics


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


def _metrics(run, rows, failed, joint):
    names = ["tfvae", "independent sites", "Chow-Liu tree", "Bernoulli mixture of 32", "Bernoulli mixture of 128",
             "Li and Stephens"]  # fmt: skip
    table = []
    if rows:
        folders = [run.path / SECTIONS / r["section"] for r in rows]
        ours, others = (sum(np.load(f / f"{name}.npy") for f in folders) for name in ("log_likelihood", "baselines"))
        table = comparison(dict(zip(names, [ours, *others], strict=True)))
    notes = ["Likelihoods and codes are those of independent sections, also where draws are joint."] if joint else []
    notes += [f"Section {name} failed: {why}" for name, why in failed.items()]
    if len(rows) > 1 and not joint:
        notes.append(
            "Sections are drawn independently of each other: linkage is cut at their boundaries (see --joint)."
        )
    leaking = [r["section"] for r in rows if r["overfitted"]]
    if leaking:
        notes.append(
            f"The draws of section {', '.join(leaking)} are nearer to the training people than unseen people are: "
            "the model has memorized."
        )
    dropped = run.read_json(f"{STORE}/store.json")["dropped"]
    left_out = ", ".join(f"{count} {kind}" for kind, count in dropped.items() if count)
    notes += [f"Records left out or mended on reading: {left_out}."] if left_out else []
    return {"comparison": table, "sections": rows, "failed": failed, "notes": notes}


def draw_overlays(run, folder, names, prefix):
    """Document 003's plot of the sections in `folder`: a figure each for means and draws, reconstructions and samples."""
    points = {name: np.load(folder / SECTIONS / name / "points.npy") for name in names[:_SHOWN_SECTIONS]}
    base = {f"section {name}": p[0] for name, p in points.items()}
    for k, what in enumerate(DECODED, 1):
        panels = {f"section {name}": p[k] for name, p in points.items()}
        title = f"{what.replace('_', ': ')} red, held-out haplotypes grey"
        run.save_figure(f"{prefix}-{what}", plots.overlay_panels(panels, base, title, columns=5))


def _draw_run(run, rows):
    """Linkage decay within and across sections, and the sections' likelihoods beside the baselines."""
    import pandas as pd

    from tfvae.runs import load_run

    columns = ["held_out_log_likelihood", "bernoulli_mixture_128", "li_stephens"]
    table = pd.DataFrame(rows).set_index("section")[columns]
    run.save_figure("1-sections", plots.share_bars(table, "Held-out log p(x) by section", "nats per haplotype"))
    draw_overlays(run, run.path, [r["section"] for r in rows], "3")
    loaded = load_run(run.path)
    plan, codec = run.read_json("plan.json"), loaded.preprocessing
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
    run.save_figure("2-linkage", plots.decay_curves(curves, edges, "Linkage decay"))


def run_sections(run, names, *, jobs=None, backend="loky", scheduler=None, report=lambda row: None):
    """Fits the named sections of a run through joblib.

    Args:
        run: `RunDirectory` with its `plan.json` and store.
        names: sections, in any order.
        jobs: int, at once; None for as many as there are cores. The workers of a Dask scheduler decide for themselves.
        backend: "loky", "sequential", "dask" or "ray".
        scheduler: address of a Dask scheduler; None starts one on this machine.
        report: function of each row as it comes.

    Returns:
        (rows of finished sections in the order of `names`, dict name -> error of failed ones).
    """
    import joblib

    rows, failed = {}, {}
    for name in names:  # what is finished is not sent to a worker
        done = RunDirectory(run.path / SECTIONS / name).read_json(METRICS, default={"section": None})
        if done["section"] is not None:
            rows[name] = done
            report(done)
    waiting = [name for name in names if name not in rows]
    jobs = 1 if backend == "sequential" else max(1, min(jobs or joblib.cpu_count(), len(waiting)))
    threads = 1 if scheduler else max(1, joblib.cpu_count() // jobs)
    work = _work(in_own_process=backend in ("dask", "ray"))
    tasks = [joblib.delayed(work)(str(run.path.absolute()), name, threads) for name in waiting]
    try:
        with _backend(backend, scheduler, jobs):
            as_they_come = "list" if backend == "ray" else "generator_unordered"  # Ray's backend has no generators
            for row in joblib.Parallel(n_jobs=jobs, return_as=as_they_come, batch_size=1)(tasks):
                (failed if "error" in row else rows)[row["section"]] = row.get("error", row)
                report(row)
    except (RuntimeError, OSError) as error:  # joblib's own: a worker that the system has killed takes the others along
        why = f"its worker ended ({type(error).__name__})"
        failed |= {name: why for name in waiting if name not in rows and name not in failed}
    return [rows[name] for name in names if name in rows], failed


def _work(in_own_process):
    """What a worker does with (path, name, threads), as a function that joblib sends by value, because it is made in here.

    Sent by name it would make a new worker import this file, and with it TensorFlow, whose C++ parts speak of the machine.
    """

    def quietly(path, name, threads):
        import os

        stderr = os.dup(2)
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            from tfvae.fitting.sections import fit_section_safely
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        return fit_section_safely(path, name, threads)

    def apart(path, name, threads):
        """In a new process: a worker's other threads draw from Python's generator, as seeds do."""
        import json
        import subprocess
        import sys

        code = "import sys; from tfvae.fitting.sections import main; main(*sys.argv[1:])"
        done = subprocess.run([sys.executable, "-c", code, path, name, str(threads)], capture_output=True, text=True)
        lines = done.stdout.strip().splitlines()
        if done.returncode or not lines:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            return {"section": name, "error": f"its process ended with status {done.returncode}: {last}"}
        return json.loads(lines[-1])

    return apart if in_own_process else quietly


@contextlib.contextmanager
def _backend(name, scheduler, jobs):
    import joblib

    if name == "dask":
        distributed = require("distributed", "dask")
        local = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
        with (
            distributed.Client(scheduler) if scheduler else distributed.Client(**local) as client,
            joblib.parallel_config(backend="dask", client=client),
        ):
            yield
        return
    if name == "ray":
        require("ray", "ray")
        from ray.util.joblib import register_ray

        register_ray()
    with joblib.parallel_config(backend=name):
        yield
