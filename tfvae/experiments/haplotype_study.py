"""How document 003's sections are trained, measured and drawn."""

import dataclasses

import keras
import numpy as np
import pandas as pd
from scipy.special import logsumexp

from tfvae import plots
from tfvae.data.haplotype_codec import SECTIONS, STORE
from tfvae.data.haplotypes import HaplotypeStore
from tfvae.data.sections import ByCount, ByField, make_sections, section_table
from tfvae.data.simulation import simulate_haplotypes
from tfvae.data.vcf_writer import write_vcf
from tfvae.experiments.haplotypes import CHANGES
from tfvae.fitting.haplotypes import draw_overlays, run_sections
from tfvae.importance import standard_error
from tfvae.runs import METRICS, RunDirectory

_BASELINES = ("independent_sites", "chow_liu_tree", "bernoulli_mixture_32", "bernoulli_mixture_128", "li_stephens")
_PAIRED = ("bernoulli_mixture_128", "li_stephens")
_REAL = ("low_density", "aats_truth", "aats_synthetic", "ld_correlation", "copies")


def execute_haplotypes(study, run):
    """Every arm on every section; a section that is finished is not trained again."""
    store, sections = _data(study, run)
    people = _people(len(store.samples), study.seed)
    table = section_table(store.sites, sections)
    plan = {
        "seed": study.seed, "min_maf": study.min_maf, "num_samples": study.num_samples, "checkpoint_seconds": 60.0,
        "people": [p.tolist() for p in people], "labels": None, "store": f"../../{STORE}",
        "sections": [{**row, "start": s.start, "stop": s.stop} for row, s in zip(table, sections, strict=True)],
    }  # fmt: skip
    names, recipes = [s.name for s in sections], study.recipes()
    progress = keras.utils.Progbar(len(names) * len(recipes), unit_name="section")
    rows = []
    for arm, recipe in recipes.items():
        part = RunDirectory(run.path / "arms" / arm)
        compare = arm == list(recipes)[-1]
        part.write_json("plan.json", {**plan, "recipe": dataclasses.asdict(recipe), "compare": compare})
        found, failed = run_sections(part, names, report=lambda row: progress.add(1))
        if failed:
            raise RuntimeError(f"{arm}: {failed}")
        rows += [{"arm": arm, **row} for row in found]
        _write(run, rows, names)
    _link_last(run, part)
    _draw(run, rows, list(recipes), names)


def _data(study, run):
    """(`HaplotypeStore`, sections) of the run: read once."""
    folder = run.path / STORE
    cutter = ByCount(120) if study.simulated_people else ByField("SEC")
    if not folder.exists():
        if study.simulated_people:
            found, _ = simulate_haplotypes(study.simulated_people, 60_000, seed=study.seed + 1)
            path = run.path / "simulated.vcf"
            write_vcf(path, found.alleles, found.sites, found.samples)
            HaplotypeStore.create(folder, [path])
        else:
            HaplotypeStore.create(folder, [study.file()], info="SEC")
    store = HaplotypeStore(folder)
    return store, make_sections(store.sites, cutter, 20 if study.simulated_people else 2)


def _people(n, seed):
    """(training, validation, held-out) people: a fifth held out, a fifth of the others for validation."""
    order = np.random.default_rng(seed).permutation(n)
    held_out, rest = np.split(order, [n // 5])
    validation, train = np.split(rest, [round(len(rest) / 5)])
    return np.sort(train), np.sort(validation), np.sort(held_out)


def _write(run, rows, names):
    """`metrics.json` with what is there so far."""
    frame = pd.DataFrame(rows)
    last = frame[frame["arm"] == frame["arm"].iloc[-1]].set_index("section")
    summary = {}
    for arm, group in frame.groupby("arm", sort=False):
        group = group.set_index("section")
        summary[arm] = {
            "change": CHANGES[arm],
            "log_likelihood": group["held_out_log_likelihood"].mean(),
            "doubling_gain": group["doubling_gain"].max(),
            "active_units": group["active_units"].mean(),
            "modes_hit": f"{group['modes_hit'].sum()} of {group['modes'].sum()}",
            "low_density": group["low_density"].mean(),
            "modes_hit_by_means": f"{group['prior_means_modes_hit'].sum()} of {group['modes'].sum()}",
            "low_density_of_means": group["prior_means_low_density"].mean(),
            "aats_truth": group["aats_truth"].mean(),
            "aats_synthetic": group["aats_synthetic"].mean(),
            "ld_correlation": group["ld_correlation"].mean(),
            "copies": group["copies"].mean(),
            "privacy_loss": group["privacy_loss"].mean(),
        }
    first = frame[frame["arm"] == frame["arm"].iloc[0]].set_index("section")
    real = {
        "modes_hit": f"{first['real_modes_hit'].sum()} of {first['modes'].sum()}",
        **{
            k: first[f"real_{k}"].mean()
            for k in ("low_density", "aats_truth", "aats_synthetic", "ld_correlation", "copies")
        },
    }
    run.write_json(
        METRICS,
        {
            "claims": _claims(summary, real),
            "arms": [{"arm": arm, **values} for arm, values in summary.items()],
            "real_against_real": [real],
            "log_likelihoods": _by_section(
                frame, names, "held_out_log_likelihood", last[[b for b in _BASELINES if b in last]]
            ),
            "modes_hit_by_draws": _by_section(frame, names, "modes_hit", _real(first, "modes_hit")),
            "low_density_of_draws": _by_section(frame, names, "low_density", _real(first, "low_density")),
            "last_arm_over_baselines": [
                {"section": n}
                | {k: v for k, v in last.loc[n].items() if k.startswith(tuple(f"over_{b}" for b in _PAIRED))}
                for n in names
            ],
            "paired": _paired(run, frame, names),
            "averages": _averages(run, frame, names) if "wide" in summary else [],
            "sections": rows,
        },
    )


def _by_section(frame, names, measure, others):
    """A row for each section: the measure by arm, beside other columns of that index."""
    arms = frame.pivot(index="section", columns="arm", values=measure)[list(frame["arm"].unique())]
    return arms.join(others).loc[names].reset_index().to_dict("records")


def _real(rows, measure):
    return rows[f"real_{measure}"].rename("real people")


def _paired(run, frame, names):
    """Each arm against the first, on the same held-out haplotypes, summed over the sections."""
    arms = list(frame["arm"].unique())
    of = {arm: sum(_scores(run, arm, name) for name in names) for arm in arms}
    rows = []
    for arm in arms[1:]:
        gain = of[arm] - of[arms[0]]
        rows.append({"arm": arm, "over": arms[0], "gain": float(gain.mean()), "standard_error": standard_error(gain)})
    return rows


def _scores(run, arm, section):
    """log p of the held-out haplotypes, `(n,)`."""
    return np.load(run.path / "arms" / arm / SECTIONS / section / "log_likelihood.npy")


def _averages(run, frame, names):
    """log of the mean p(x) of all arms with wide networks, section by section: what averaging models gains."""
    arms = [a for a in frame["arm"].unique() if a not in ("incumbent", "inert-dropout", "temperature", "final")]
    rows = []
    for name in names:
        scores = np.stack([_scores(run, arm, name) for arm in arms])
        averaged = logsumexp(scores, axis=0) - np.log(len(arms))
        best = scores.mean(axis=1).max()
        rows.append(
            {"section": name, "models": len(arms), "best_of_them": float(best), "averaged": float(averaged.mean())}
        )
    return rows


def _claims(summary, real):
    def told(key):
        return ", ".join(f"{values[key]} {arm}" for arm, values in summary.items())

    def shares(key):
        return ", ".join(f"{values[key]:.3f} {arm}" for arm, values in summary.items())

    return [
        {
            "document": "In some sections the decoded data concentrate in the densest regions, with a path of samples "
            "between these modes.",
            "measured": f"Modes hit by draws: {told('modes_hit')} (real people {real['modes_hit']}); by decoder means: "
            f"{told('modes_hit_by_means')}. Share of low density: draws {shares('low_density')} (real people "
            f"{real['low_density']:.3f}); means {shares('low_density_of_means')}.",
        },
        {
            "document": "Answer: a smaller reconstruction variance, which is a smaller weight of the KL; or another prior, "
            "or posterior.",
            "measured": "Held-out log p(x), mean over sections: "
            + ", ".join(f"{values['log_likelihood']:.2f} {arm}" for arm, values in summary.items())
            + " nats per haplotype.",
        },
    ]


def _link_last(run, part):
    """The last arm's sections as the run's own, for `tfvae sample` and the other commands."""
    target = run.path / SECTIONS
    if not target.exists():
        target.symlink_to((part.path / SECTIONS).relative_to(run.path), target_is_directory=True)


def _draw(run, rows, arms, names):
    frame = pd.DataFrame(rows)
    frame["share"] = frame["modes_hit"] / frame["modes"]
    for number, (value, title, label) in enumerate(
        (
            ("share", "Modes hit by draws", "share of the section's modes"),
            ("low_density", "Draws where real data have next to none", "share of draws"),
            ("held_out_log_likelihood", "Held-out log p(x)", "nats per haplotype"),
        ),
        1,
    ):
        table = frame.pivot(index="section", columns="arm", values=value)[arms]
        run.save_figure(f"{number}-{value}", plots.share_bars(table, title, label))
    for arm in (arms[0], arms[-1]):
        draw_overlays(run, run.path / "arms" / arm, names, f"4-{arm}")
