"""The command on files of variants: simulate, fit by sections, and the run used."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import tfvae
from tests.cli.test_tables import tfvae_command  # noqa: F401  (a fixture)
from tfvae.data import load_haplotypes, write_vcf
from tfvae.data.haplotypes import Haplotypes

SMALL = ["--sections", "count:60", "--min-sites", "20", "--hidden", "16", "--latent-dim", "3", "--num-components", "6",
         "--epochs", "3"]  # fmt: skip


@pytest.fixture(scope="module")
def vcf(tmp_path_factory):
    """Ninety simulated people at about 150 sites, and their populations."""
    from tfvae.data import simulate_haplotypes

    folder = tmp_path_factory.mktemp("vcf")
    found, populations = simulate_haplotypes(90, 80_000, seed=2)
    write_vcf(folder / "x.vcf.gz", found.alleles, found.sites, found.samples, {"1": 80_000})
    rows = [f"{s}\t{p}" for s, p in zip(found.samples, populations, strict=True)]
    (folder / "labels.tsv").write_text("\n".join(rows) + "\n")
    return folder / "x.vcf.gz"


@pytest.fixture(scope="module")
def run(vcf, tmp_path_factory):
    """A run of sections, fitted in this process."""
    from tfvae.cli import main

    out = tmp_path_factory.mktemp("runs") / "run"
    arguments = ["tfvae", "fit", str(vcf), *SMALL, "--out", str(out), "--backend", "sequential", "--joint",
                 "--labels", str(vcf.parent / "labels.tsv")]  # fmt: skip
    before, sys.argv = sys.argv, arguments
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    assert ended.value.code == 0
    return out


def test_a_run_holds_a_table_of_sections_figures_and_a_report(run):
    metrics = json.loads((run / "metrics.json").read_text())
    plan = json.loads((run / "plan.json").read_text())
    assert len(metrics["sections"]) == len(plan["sections"]) >= 2
    for row in metrics["sections"]:
        assert np.isfinite(row["held_out_log_likelihood"])
        assert row["held_out_log_likelihood"] < 0
        assert row["modelled"] <= row["sites"]
        assert row["li_stephens"] > row["independent_sites"]
    models = [row["model"] for row in metrics["comparison"]]
    assert models == ["tfvae", "independent sites", "Chow-Liu tree", "Bernoulli mixture of 32",
                      "Bernoulli mixture of 128", "Li and Stephens"]  # fmt: skip
    assert {p.stem for p in (run / "figures").glob("*.png")} == {
        "1-sections", "2-linkage", "3-reconstruction_means", "3-reconstruction_draws", "3-prior_means", "3-prior_draws",
    }  # fmt: skip
    names = {"1-loss", "2-components", "3-frequencies", "4-latent"}
    assert {p.stem for p in (run / "sections" / "0" / "figures").glob("*.png")} == names
    page = (run / "report.html").read_text()
    assert "li stephens" in page
    assert metrics["verdict"]["headline"] in page


def test_people_are_on_one_side_and_the_filter_looks_at_training_people_alone(run, vcf):
    plan = json.loads((run / "plan.json").read_text())
    train, validation, held_out = map(set, plan["people"])
    assert not train & validation
    assert not (train | validation) & held_out
    assert len(train | validation | held_out) == 90
    store = tfvae.data.HaplotypeStore(run / "haplotypes")
    fitted = store.read(slice(None), sorted(train | validation)).alleles
    frequency = np.minimum(fitted.mean(axis=0), 1 - fitted.mean(axis=0))
    kept = np.concatenate([np.load(p) for p in sorted(run.glob("sections/*/sites.npy"))])
    np.testing.assert_array_equal(kept, np.flatnonzero(frequency >= 0.01))


def test_the_run_is_used_as_others_are(run, vcf, tmp_path, tfvae_command):  # noqa: F811
    files = {
        name: tmp_path / name for name in ("s.vcf.gz", "s.npy", "z.csv", "m.npy", "d.vcf", "scores.csv", "one.npy")
    }
    for arguments in (
        ["sample", run, "-n", 20, "-o", files["s.vcf.gz"]],
        ["sample", run, "-n", 20, "--mean", "-o", files["s.npy"]],
        ["sample", run, "-n", 6, "--model", 1, "-o", files["one.npy"]],
        ["encode", run, vcf, "-o", files["z.csv"]],
        ["decode", run, files["z.csv"], "-o", files["m.npy"]],
        ["decode", run, files["z.csv"], "-o", files["d.vcf"]],
        ["score", run, vcf, "-o", files["scores.csv"], "--samples", 20],
        ["score", run, files["s.vcf.gz"], "-o", tmp_path / "again.csv", "--samples", 5],
        ["report", run],
    ):
        status, _, err = tfvae_command(*arguments)
        assert status == 0, err
    loaded = tfvae.load_run(run)
    width = loaded.vae.data_shape[0]
    drawn = load_haplotypes(files["s.vcf.gz"])
    assert drawn.alleles.shape == (20, width)
    assert drawn.samples[0] == "SYN_0001"
    assert drawn.sites["position"].tolist() == loaded.codec.sites["position"].tolist()
    means = np.load(files["m.npy"])
    assert means.shape == (180, width)
    assert ((means > 0) & (means < 1)).all()
    assert pd.read_csv(files["z.csv"]).shape == (180, 2 * loaded.vae.latent_shape[0])
    assert np.load(files["one.npy"]).shape[1] == loaded.codec.num_sites[1]
    scores = pd.read_csv(files["scores.csv"])["log_likelihood"]
    x = loaded.codec.transform(loaded.codec.read(str(vcf)))
    by_section = loaded.vae.log_likelihood(x, 20)
    np.testing.assert_allclose(scores, by_section.log_likelihood, rtol=1e-4)
    np.testing.assert_allclose(loaded.vae.decode(loaded.vae.encode(x[:3]).distribution.mean()).mean().shape, (3, width))


def test_the_header_says_where_linkage_is_cut(run, tmp_path, tfvae_command):  # noqa: F811
    from tfvae.codecs.haplotype_codec import HaplotypeCodec

    assert "Whole haplotypes, drawn jointly." in _header(run, tmp_path, tfvae_command)
    codec = HaplotypeCodec.from_config({"irregular": "refuse"}, run)
    codec.joint = False
    codec.write(np.zeros((2, len(codec.sites))), tmp_path / "y.vcf")
    assert "no linkage across their boundaries" in (tmp_path / "y.vcf").read_text()


def _header(run, tmp_path, command):
    assert command("sample", run, "-n", 2, "-o", tmp_path / "h.vcf")[0] == 0
    return (tmp_path / "h.vcf").read_text()


def test_new_samples_at_other_sites_are_refused(run, vcf, tmp_path, tfvae_command):  # noqa: F811
    found = load_haplotypes(vcf)
    kept = tfvae.load_run(run).codec.sites
    first = found.sites.index[found.sites["position"] == kept["position"].iloc[0]][0]
    for name, sites, message in (
        ("short", found.sites.drop(index=first), "lacks the site 1:"),
        ("swapped", found.sites.assign(ref=found.sites["alt"], alt=found.sites["ref"]), "with REF and ALT swapped"),
        ("chr", found.sites.assign(contig="chr1"), "its contigs are chr1"),
    ):
        alleles = found.alleles[:, sites.index]
        path = tmp_path / f"{name}.vcf"
        write_vcf(path, alleles, sites.reset_index(drop=True), found.samples)
        status, _, err = tfvae_command("score", run, path, "-o", tmp_path / "s.csv")
        assert status == 2
        assert message in err


def test_mistakes_are_told_before_data_are_read(vcf, tmp_path, tfvae_command):  # noqa: F811
    for arguments, message in (
        (["fit", vcf, "--sections", "sites:3"], "is not one of count:SITES"),
        (["fit", vcf, "--irregular", "drp"], "is not a rule"),
        (["fit", vcf, "--backend", "spark"], "--backend must be one of loky"),
        (["fit", vcf, "--samples", "no.txt"], "there is no file no.txt"),
        (["fit", vcf, "--min-maf", "0.7"], "--min-maf must be from 0"),
        (["fit", vcf, "--image-size", "3"], "--image-size"),
        (["fit", vcf, "--label", "x"], "--label is for tables"),
        (["fit", vcf, "--model", "gaussian"], "There is no model 'gaussian' for haplotypes: choose one of"),
        (["fit", "digits", "--region", "1"], "--region is for files of variants"),
        (["fit", vcf, "--recipe", "mosaic=3"], "--recipe has no setting 'mosaic'; it has latent_dim"),
        (["fit", vcf, "--recipe", "mosaics"], "--recipe must be settings such as temperature=0.1"),
        (["fit", vcf, "--recipe", "mosaics=x"], "--recipe mosaics must be a number"),
        (["fit", vcf, "--recipe", "hidden=64"], "--recipe has no widths: give them as --hidden 256,256."),
        (["fit", vcf, "--recipe", "batch_size=-1"], "--batch-size must be at least 1, but got -1."),
        (["fit", vcf, "--recipe", "temperature=0"], "`temperature` must be above 0"),
        (["fit", vcf, "--recipe", "activation=none-such"], "--recipe: Could not interpret activation function"),
        (["fit", vcf, "--recipe", "prior=none-such"], "There is no prior 'none-such'"),
        (["fit", "digits", "--min-maf", "0.01"], "--min-maf is for files of variants, but the data are a table."),
        (["fit", vcf, "--max-sites", 60], "--max-sites must be at least twice --min-sites, 50"),
        (["fit", vcf, "--region", "1:9-3"], "is not a region"),
        (["fit", vcf, "--scheduler", "tcp://x"], "--scheduler is of --backend dask"),
        (["fit", vcf, "--model", "incumbent", "--num-components", 3], "is of the mixture prior"),
        (["fit", "digits", "--joint"], "--joint is for files of variants"),
        (["fit", "no.vcf"], "There is no file no.vcf"),
        (["simulate", "genes", "-o", tmp_path / "x.vcf"], "There is no simulation of 'genes'"),
    ):
        status, _, err = tfvae_command(*arguments)
        assert status == 2
        assert message in err
        assert len(err.strip().splitlines()) == 1


def test_a_section_that_fails_does_not_stop_the_others(vcf, tmp_path, tfvae_command):  # noqa: F811
    """Nothing varies in the second section."""
    found = load_haplotypes(vcf)
    alleles = found.alleles.copy()
    alleles[:, 60:] = 0
    path = tmp_path / "x.vcf"
    write_vcf(path, alleles, found.sites, found.samples)
    out = tmp_path / "run"
    status, _, err = tfvae_command("fit", path, *SMALL, "--out", out, "--backend", "sequential")
    assert status == 2
    assert "of" in err
    assert "--resume tries again" in err
    metrics = json.loads((out / "metrics.json").read_text())
    assert len(metrics["failed"]) == 1
    assert "0 sites whose minor allele" in next(iter(metrics["failed"].values()))
    assert len(metrics["sections"]) >= 1
    assert tfvae_command("sample", out, "-n", 2, "-o", tmp_path / "s.vcf")[0] == 0


def test_a_killed_run_resumes_and_finished_sections_are_kept(vcf, run, tmp_path):
    """Killed after its first section, resumed by two workers: the same models as the run that was not broken."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "tfvae", "fit", str(vcf), *SMALL, "--out", str(out), "--joint",
               "--labels", str(vcf.parent / "labels.tsv")]  # fmt: skip
    process = subprocess.Popen([*command, "--backend", "sequential"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    first = out / "sections" / "0" / "metrics.json"
    end = time.monotonic() + 240
    while not first.exists() and process.poll() is None and time.monotonic() < end:
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()
    written = first.stat().st_mtime_ns
    done = subprocess.run([*command, "--resume", "--jobs", "2"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert first.stat().st_mtime_ns == written
    one, other = (json.loads((r / "metrics.json").read_text())["sections"] for r in (run, out))
    for a, b in zip(one, other, strict=True):
        assert a["held_out_log_likelihood"] == pytest.approx(b["held_out_log_likelihood"], abs=1e-3)
    assert (out / "joint.keras").exists()


def test_dask_workers_give_the_models_of_loky(vcf, run, tmp_path):
    """Two workers of Dask, processes of their own."""
    pytest.importorskip("distributed")
    script = (
        "from distributed import LocalCluster\n"
        "import subprocess, sys\n"
        "if __name__ == '__main__':\n"
        "    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:\n"
        "        sys.exit(subprocess.run([*sys.argv[1:], '--scheduler', cluster.scheduler_address]).returncode)\n"
    )
    path, out = tmp_path / "cluster.py", tmp_path / "run"
    path.write_text(script)
    command = [
        sys.executable,
        "-m",
        "tfvae",
        "fit",
        str(vcf),
        *SMALL,
        "--out",
        str(out),
        "--backend",
        "dask",
        "--jobs",
        "2",
    ]
    done = subprocess.run([sys.executable, str(path), *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    one, other = (json.loads((r / "metrics.json").read_text())["sections"] for r in (run, out))
    for a, b in zip(one, other, strict=True):
        assert a["held_out_log_likelihood"] == pytest.approx(b["held_out_log_likelihood"], abs=1e-3)
        assert a["aats"] == pytest.approx(b["aats"], abs=0.05)


def test_people_are_chosen_by_a_file(vcf, tmp_path, tfvae_command):  # noqa: F811
    names = load_haplotypes(vcf).samples
    (tmp_path / "some.txt").write_text("\n".join(names[:60]) + "\n")
    store = tfvae.data.HaplotypeStore.create(tmp_path / "store", [vcf], samples=names[:60])
    assert store.samples == names[:60]
    (tmp_path / "twice.txt").write_text(f"{names[0]}\n{names[0]}\n")
    status, _, err = tfvae_command("fit", vcf, "--samples", tmp_path / "twice.txt", "--out", tmp_path / "r")
    assert status == 2
    assert "twice" in err
    assert not (tmp_path / "r").exists()


def test_haplotypes_must_fit_together(vcf):
    found = load_haplotypes(vcf)
    with pytest.raises(ValueError, match="need 3 sites"):
        Haplotypes(found.alleles[:, :3], found.sites, found.samples)
