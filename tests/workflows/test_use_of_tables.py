"""What a fitted table is for: conditions, gaps, scores, a choice of models, scikit-learn's methods."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

import tfvae
from tfvae.data.known_tables import make_loans
from tfvae.evaluation import GaussianCopula, baseline_log_densities


@pytest.fixture(scope="module")
def frame():
    loans = make_loans(500)
    loans.insert(0, "loan_id", np.random.default_rng(0).permutation(10**6)[:500])
    return loans.assign(note=[f"note {k}, of a clerk" for k in range(500)])


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def run(frame, said, tmp_path_factory):
    out = tmp_path_factory.mktemp("loans") / "run"
    return tfvae.fit_table(frame, out, epochs=4, hidden=(16,), batch_size=32, verbose=0, say=said.append)


def test_what_is_left_out_and_modelled_is_said_in_one_sentence_each(run, said):
    assert run
    assert said == [
        "Left out: loan_id (an identifier: another value in every row); note (text with 400 different values in 400 rows).",
        "Missing values are modelled, with a probability of their own: years.",
    ]


def test_draws_have_the_tables_types_gaps_grids_and_ranges(run, frame):
    drawn = run.sample(400, seed=1)
    assert list(drawn.columns) == [c for c in frame.columns if c not in ("loan_id", "note")]
    assert all(drawn[name].dtype == frame[name].dtype for name in drawn)
    assert drawn["years"].isna().any()
    assert (drawn["income"] % 100 == 0).all()
    assert (drawn["amount"] == 25_000).mean() > 0.05
    assert drawn["rate"].between(frame["rate"].min(), frame["rate"].max()).all()
    assert drawn["opened"].dt.normalize().equals(drawn["opened"])


def test_draws_that_are_as_asked_for(run):
    drawn = run.sample(
        50, where={"purpose": "card", "score": ("600", None), "owns": "True", "opened": ("2018-01-01", None)}
    )
    assert len(drawn) == 50
    assert set(drawn["purpose"]) == {"card"}
    assert drawn["score"].min() >= 600
    assert drawn["owns"].all()
    assert drawn["opened"].min() >= pd.Timestamp("2018-01-01")
    for where, message in (
        ({"purpose": "boat"}, "is never 'boat'; it is one of car"),
        ({"score": (5000, None)}, "is never there: the training data are from"),
        ({"opened": "soon"}, "holds dates, and 'soon' is none"),
        ({"none": 1}, "There is no column 'none'"),
        ({"purpose": ("a", "b")}, "holds no numbers"),
    ):
        with pytest.raises(tfvae.UserError, match=message):
            run.sample(5, where=where)
    with pytest.raises(tfvae.UserError, match="would take more than 2,000,000"):
        run.sample(10**6, where={"purpose": "other", "score": (795, None)})


def test_rows_given_some_of_their_columns(run, frame):
    given = pd.DataFrame({"purpose": ["card", "house"] * 100, "income": [20_000.0, None] * 100})
    drawn = run.sample(given=given)
    assert drawn["purpose"].tolist() == given["purpose"].tolist()
    assert (drawn["income"][::2] == 20_000).all()
    assert drawn["income"][1::2].notna().all()
    assert drawn["income"][1::2].nunique() > 50
    assert run.sample(given=given.head(3).assign(loan_id=[7, 8, 9]))["loan_id"].tolist() == [7, 8, 9]
    with pytest.raises(tfvae.UserError, match="There is no column 'nope'"):
        run.sample(given=given.assign(nope=1))
    gaps = pd.DataFrame({"purpose": pd.Categorical(["card", None] * 5), "late": [0, None] * 5})
    drawn = run.sample(given=gaps)
    assert drawn["late"].dtype == frame["late"].dtype
    assert (drawn["purpose"][::2] == "card").all()
    with pytest.raises(tfvae.UserError, match="No row can be as it is given: purpose is 'boat'"):
        run.sample(given=given.assign(purpose="boat"))
    with pytest.raises(tfvae.UserError, match="Give one of `where`, `given` and `mean`"):
        run.sample(given=given, mean=True)


def test_the_density_given_columns_is_what_the_others_leave(run, frame):
    """Against Bayes' rule by hand: log p(row) − log p(given), which is normalized over a category's values."""
    row = frame.head(1)
    purposes = sorted(frame["purpose"].unique())
    rows = pd.concat([row.assign(purpose=name) for name in purposes], ignore_index=True)
    others = [name for name in run.codec.names if name != "purpose"]
    scores = run.score(rows, num_samples=2000, given=others)
    assert "percentile" not in scores
    np.testing.assert_allclose(np.exp(scores["log_likelihood"]).sum(), 1, atol=0.1)
    whole, known = run.score(rows, num_samples=2000), run.score(rows, num_samples=2000, given=["purpose"])
    assert (known["log_likelihood"] > whole["log_likelihood"]).all()  # p(purpose) is less than 1
    with pytest.raises(tfvae.UserError, match="There is no column 'nope'"):
        run.score(rows, given=["nope"])
    with pytest.raises(tfvae.UserError, match="leave out annealing"):
        run.score(rows, given=["purpose"], annealed=True)


def test_gaps_are_filled_and_nothing_else(run, frame):
    rng = np.random.default_rng(2)
    gaps = frame.copy()
    for name in ("score", "late", "purpose", "opened"):
        gaps[name] = gaps[name].where(rng.random(len(gaps)) < 0.8)
    filled = run.impute(gaps, num_samples=20)
    model_columns = [c for c in frame.columns if c not in ("loan_id", "note")]
    assert not filled[model_columns].isna().any().any()
    kept = gaps.notna()
    assert ((filled == gaps) | ~kept).all().all()
    assert filled["purpose"].isin(frame["purpose"].unique()).all()


def test_no_row_is_lost_to_a_score(run, frame):
    rows = frame.head(6).copy().astype({"score": object})
    rows.loc[0, "purpose"] = "boat"
    rows.loc[1, "score"] = None
    rows.loc[2, "score"] = "high"
    rows.loc[3, "rate"] = np.inf
    scores = run.score(rows, num_samples=50)
    assert scores["row"].tolist() == [1, 2, 3, 4, 5, 6]
    assert scores["loan_id"].tolist() == frame["loan_id"].head(6).tolist()
    assert np.isneginf(scores["log_likelihood"]).tolist() == [True, False, True, True, False, False]
    assert scores["reason"].tolist() == [
        "purpose is 'boat', which was not in the training data", "integrated over score", "score is 'high', which is no number",
        "rate is inf, which is infinite", "", "",
    ]  # fmt: skip
    assert scores["percentile"].between(0, 100).all()
    odd = run.score(frame.head(50).assign(income=frame["income"].head(50) * 1000), num_samples=50)
    assert odd["percentile"].mean() < 5 < run.score(frame.head(50), num_samples=50)["percentile"].mean()


def test_the_validation_rows_choose(run, frame, tmp_path):
    tried = run.directory.read_json("tuning.json")
    assert [row["model"] for row in tried] == ["modes", "mixture-decoder"]
    assert sum(row["chosen"] for row in tried) == 1
    assert min(tried, key=lambda row: row["validation_nll"])["chosen"]
    assert any(note.startswith("Chosen by −log p(x) of the validation rows") for note in run.metrics["notes"])
    assert not (run.directory.path / "models").exists()
    path = run.directory.path
    again = tfvae.fit_table(
        frame, path, epochs=4, hidden=(16,), batch_size=32, verbose=0, resume=True
    )  # trains nothing
    assert again.metrics["nll"] == run.metrics["nll"]
    with pytest.raises(tfvae.UserError, match="`tune` must be at least 1"):
        tfvae.fit_table(frame, tmp_path / "b", tune=0)


def test_the_copula_keeps_marginals_and_rank_correlations(frame):
    known = frame[["score", "rate", "purpose", "years"]]
    drawn = GaussianCopula(known).sample(4_000, seed=1)
    assert all(drawn[name].dtype == known[name].dtype for name in known)
    assert drawn["years"].isna().mean() == pytest.approx(known["years"].isna().mean(), abs=0.03)
    assert (drawn["purpose"] == "card").mean() == pytest.approx((known["purpose"] == "card").mean(), abs=0.03)
    ranks = [t[["score", "rate"]].corr("spearman").iloc[0, 1] for t in (drawn, known)]
    assert ranks[0] == pytest.approx(ranks[1], abs=0.08)


def test_baseline_densities_are_those_of_scipy():
    from scipy.stats import multivariate_normal

    from tfvae.codecs.table_codec import TableCodec

    rng = np.random.default_rng(0)
    x = rng.multivariate_normal([1, 50], [[1, 3], [3, 25]], 600)
    rows = pd.DataFrame(x, columns=["a", "b"]).assign(c=rng.choice(["u", "v"], 600, p=[0.8, 0.2]))
    codec = TableCodec.fit(rows)
    vectors = codec.transform(rows)
    found = baseline_log_densities(codec, vectors, vectors)
    normal = multivariate_normal(x.mean(axis=0), np.cov(x.T, bias=True)).logpdf(x)
    frequency = rows["c"].value_counts()
    expected = normal + np.log((rows["c"].map(frequency) + 1) / 602)
    np.testing.assert_allclose(found["Gaussian (scikit-learn)"], expected, atol=0.02)


def test_methods_of_an_estimator(frame, tmp_path):
    rows = frame[["score", "rate", "purpose", "years"]]
    estimator = tfvae.TableEstimator(epochs=1, tune=1, num_samples=20)
    assert clone(estimator).get_params() == estimator.get_params()
    codes = estimator.fit_transform(rows)
    assert codes.shape[0] == len(rows)
    assert estimator.inverse_transform(codes).columns.tolist() == rows.columns.tolist()
    assert estimator.sample(7).shape == (7, 4)
    assert estimator.score(rows) == pytest.approx(estimator.score_samples(rows).mean())
    assert estimator.n_features_in_ == 4
    array = np.random.default_rng(0).normal(size=(60, 2))
    assert make_pipeline(tfvae.TableEstimator("gaussian", epochs=1)).fit(array).transform(array).shape[0] == 60


@pytest.mark.parametrize("prior", ["vamp:10", "exemplar", "flow"])
def test_priors_that_are_made_of_rows_with_gaps(prior, tmp_path):
    rows = make_loans(300)[["amount", "years", "purpose"]]  # an atom, missing values, a category
    run = tfvae.fit_table(rows, tmp_path / "run", prior=prior, tune=1, epochs=1, hidden=(8,), verbose=0)
    assert np.isfinite(run.metrics["nll"])
    assert len(run.sample(5)) == 5


def test_what_is_nearly_always_missing_is_drawn_or_said(tmp_path):
    rng = np.random.default_rng(0)
    rare = np.where(rng.random(400) < 0.1, rng.normal(size=400), np.nan)
    frame = pd.DataFrame({"rare": rare, "other": rng.normal(size=400)})
    run = tfvae.fit_table(frame, tmp_path / "run", model="modes", epochs=1, verbose=0)
    assert run.impute(frame.head(20), num_samples=5)["rare"].notna().all()


def test_a_column_that_is_asked_for_is_no_identifier(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"year": np.arange(1900, 2000), "x": rng.normal(size=100)})
    run = tfvae.fit_table(frame, tmp_path / "a", model="gaussian", epochs=1, verbose=0)
    assert list(run.sample(3).columns) == ["x"]
    run = tfvae.fit_table(frame, tmp_path / "b", model="gaussian", epochs=1, verbose=0, columns=("year", "x"))
    assert list(run.sample(3).columns) == ["year", "x"]
    with pytest.raises(tfvae.UserError, match="has two columns named 'x'"):
        tfvae.fit_table(frame.set_axis(["x", "x"], axis=1), tmp_path / "c")
    with pytest.raises(tfvae.UserError, match="The table has no rows"):
        run.score(frame[:0])


def test_a_candidate_that_diverges_is_left_behind(monkeypatch, frame, tmp_path):
    from tfvae.host.errors import DivergedError
    from tfvae.workflows import tuning

    fit = tuning.fit_until_worse

    def diverging(run, make, *args, name):
        if name in failing:
            raise DivergedError("The training diverged")
        return fit(run, make, *args, name=name)

    monkeypatch.setattr(tuning, "fit_until_worse", diverging)
    failing = {"candidate-1"}
    run = tfvae.fit_table(frame, tmp_path / "a", epochs=1, hidden=(8,), verbose=0)
    assert [row["chosen"] for row in run.directory.read_json("tuning.json")] == [False, True]
    assert "modes, hidden" not in run.metrics["notes"][0]
    assert "modes (no density)" in run.metrics["notes"][0]
    failing = {"candidate-1", "candidate-2"}
    with pytest.raises(DivergedError):
        tfvae.fit_table(frame, tmp_path / "b", epochs=1, hidden=(8,), verbose=0)
    assert [len(tuning.candidates(tfvae.TableOptions(tune=10), run.codec, n)) for n in (100, 1000)] == [8, 10]


def test_seeds_of_conditional_draws_share_no_draw(run):
    first, second = (run.sample(200, seed=seed, where={"purpose": "card"})["income"] for seed in (0, 1))
    assert not first[:50].reset_index(drop=True).equals(second[:50].reset_index(drop=True))
    from tfvae.runs.conditional import _seed

    assert len({_seed(seed, number) for seed in range(20) for number in range(20)}) == 400
