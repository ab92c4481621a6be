"""What the arms say together: tables, claims and figures."""

import numpy as np

import tfvae
from tfvae import plots
from tfvae.codecs.haplotype_codec import SECTIONS
from tfvae.host.lazy import Later
from tfvae.runs.directory import METRICS

pd, special = Later("pandas"), Later("scipy.special")
_PAIRED = ("bernoulli_mixture_128", "li_stephens")
_REAL = ("low_density", "aats_truth", "aats_synthetic", "ld_correlation", "copies")


def write(run, rows, names, changes):
    """`metrics.json` with what is there so far."""
    from tfvae.workflows.haplotype_sections import BASELINES  # which stands on TensorFlow

    frame = pd.DataFrame(rows)
    last = frame[frame["arm"] == frame["arm"].iloc[-1]].set_index("section")
    summary = {}
    for arm, group in frame.groupby("arm", sort=False):
        group = group.set_index("section")
        summary[arm] = {
            "change": changes[arm],
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
                frame, names, "held_out_log_likelihood", last[[b.name for b in BASELINES if b.name in last]]
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
        rows.append(
            {
                "arm": arm,
                "over": arms[0],
                "gain": float(gain.mean()),
                "standard_error": tfvae.importance.standard_error(gain),
            }
        )
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
        averaged = special.logsumexp(scores, axis=0) - np.log(len(arms))
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


def draw(run, rows, arms, names):
    from tfvae.workflows.haplotype_report import draw_overlays  # which stands on TensorFlow

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
        run.save_figure(
            f"{number}-{value}",
            plots.grouped_bars(table, title, label),
            "One group of bars a section, one colour an arm. Real people against real people are the best that can be had.",
        )
    for arm in (arms[0], arms[-1]):
        draw_overlays(run, run.path / "arms" / arm, names, f"4-{arm}")
