"""What each kind of column becomes, and comes back as."""

import json

import numpy as np
import pandas as pd
import pytest

from tfvae.codecs.columns import CategoryColumn, ConstantColumn
from tfvae.codecs.number_column import NumberColumn
from tfvae.codecs.recognition import column_of
from tfvae.codecs.table_codec import TableCodec
from tfvae.host.errors import UserError

N = 400
RNG = np.random.default_rng(0)
ZEROS = np.where(RNG.random(N) < 0.4, 0.0, RNG.lognormal(0, 1, N))
COLUMNS = {  # name -> (values, the kind, what is special)
    "number": (RNG.normal(size=N), NumberColumn, {"step": 0, "atoms": ()}),
    "integer": (RNG.integers(0, 60, N), NumberColumn, {"step": 1}),
    "hundreds": (RNG.integers(10, 90, N) * 100, NumberColumn, {"step": 100}),
    "two decimals": (RNG.normal(size=N).round(2), NumberColumn, {"decimals": 2}),
    "zeros": (ZEROS, NumberColumn, {"atoms": (0.0,)}),
    "a cap": (np.minimum(RNG.lognormal(0, 1, N), 2.0), NumberColumn, {"atoms": (2.0,)}),
    "no grid": (RNG.choice(RNG.normal(size=50), N), NumberColumn, {"step": 0}),
    "few integers": (RNG.integers(4, 9, N), CategoryColumn, {"categories": (4, 5, 6, 7, 8)}),
    "text": (RNG.choice(["a", "b"], N), CategoryColumn, {"categories": ("a", "b")}),
    "boolean": (RNG.random(N) < 0.5, CategoryColumn, {"categories": (False, True)}),
    "nullable": (pd.array(np.where(RNG.random(N) < 0.1, None, RNG.integers(0, 90, N)), "Int64"), NumberColumn, {"missing": True}),
    "missing": (np.where(RNG.random(N) < 0.1, np.nan, RNG.normal(size=N)), NumberColumn, {"missing": True}),
    "missing text": (np.where(RNG.random(N) < 0.1, None, RNG.choice(["a", "b"], N)), CategoryColumn, {"missing": True}),
    "date": (pd.Timestamp("2020-01-01") + pd.to_timedelta(RNG.integers(0, 900, N), unit="D"), NumberColumn, {"step": 86400}),
    "written date": ([f"{y}-0{m}-17" for y, m in RNG.integers([1990, 1], [2020, 9], (N, 2))], NumberColumn, {"date": "%Y-%m-%d"}),
    "constant": (np.full(N, 7), ConstantColumn, {"value": 7}),
}  # fmt: skip
LEFT_OUT = {
    "numbered": (np.arange(N), "identifier"),
    "customer_id": (RNG.permutation(10**6)[:N], "identifier"),
    "key text": ([f"u{k:05d}" for k in RNG.permutation(N)], "identifier"),
    "notes": ([f"he said {k}" for k in range(N)], "text with 400"),
    "mixed": (["1.5"] * 200 + [f"{k}" for k in range(198)] + ["no", "idea"], "numbers with text such as"),
    "text numbers": ([f"{k / 7}" for k in range(N)], "numbers that are written as text: make them numbers by pandas.to_numeric"),
    "empty": (np.full(N, np.nan), "empty"),
}  # fmt: skip


def test_numbers_as_python_objects_are_numbers():
    frame = pd.DataFrame({"a": RNG.normal(size=N).astype(object), "b": [*range(N - 1), None]}).astype(object)
    codec = TableCodec.fit(frame)
    assert [c.kind for c in codec.columns] == [NumberColumn.kind, NumberColumn.kind]
    back = codec.inverse(codec.transform(frame))
    np.testing.assert_allclose(back["a"], frame["a"].astype(float), atol=1e-5)
    assert back["b"].isna().sum() == 1


@pytest.mark.parametrize("name", COLUMNS)
def test_kinds_and_round_trips(name):
    values, kind, special = COLUMNS[name]
    frame = pd.DataFrame({name: values, "other": RNG.normal(size=N)})
    column = column_of(frame[name])
    assert isinstance(column, kind)
    assert {key: getattr(column, key) for key in special} == special
    codec = TableCodec.fit(frame)
    vectors = codec.transform(frame, seed=1)
    back = codec.inverse(vectors)
    assert back[name].dtype == frame[name].dtype
    if name == "number":
        np.testing.assert_allclose(back[name], frame[name], atol=1e-5)
    else:
        same = (back[name] == frame[name]) | (back[name].isna() & frame[name].isna())
        if name in ("zeros", "a cap", "missing"):
            same |= np.isclose(back[name].astype(float), frame[name].astype(float), atol=1e-4)
        assert same.all()
    again = TableCodec.from_config(json.loads(json.dumps(codec.to_config())))
    assert again == codec


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_no_model_can_learn_is_left_out_with_a_reason(name):
    values, reason = LEFT_OUT[name]
    frame = pd.DataFrame({name: values, "other": RNG.normal(size=N)})
    codec = TableCodec.fit(frame)
    assert [c.name for c in codec.columns] == ["other"]
    ((left, why),) = codec.left_out
    assert left == name
    assert reason in why
    with pytest.raises(UserError, match="There is nothing to learn"):
        TableCodec.fit(frame[[name]])


def test_a_grids_density_sums_to_one():
    column = column_of(pd.Series(RNG.poisson(30, 2_000), name="n"))
    values = np.arange(-400, 500)
    y = np.stack([column.mapped(pd.Series(values, name="n"), np.random.default_rng(k)) for k in range(50)])
    density = np.exp(-0.5 * y**2) / np.sqrt(2 * np.pi) * np.exp(np.stack([column.log_jacobian(row) for row in y]))
    assert density.mean(axis=0).sum() == pytest.approx(
        1, abs=0.01
    )  # the mean over the noise is each value's probability


def test_draws_keep_to_range_grid_and_atoms():
    column = column_of(pd.Series(ZEROS.round(1), name="x"))
    draws = column.restored(1000, np.linspace(-9, 9, 1000), np.repeat([0, 1], 500))
    assert (draws[500:] == column.atoms[0]).all()
    assert draws.min() >= 0
    assert draws.max() <= ZEROS.round(1).max()
    np.testing.assert_array_equal(draws, draws.round(1))


def test_low_counts_are_no_atoms_and_spikes_are():
    counts = pd.Series(np.random.default_rng(1).poisson(9, 3_000), name="n")
    assert column_of(counts).atoms == ()
    assert column_of(counts.where(counts.index > 900, 0)).atoms == (0.0,)


def test_faults_and_unknown_values_of_a_row():
    frame = pd.DataFrame(
        {"n": RNG.integers(0, 60, N), "x": RNG.normal(size=N), "kind": RNG.choice(["a", "b"], N), "same": 1}
    )
    codec = TableCodec.fit(frame)
    rows = pd.DataFrame(
        {"n": [1, 2, 3, 4.5], "x": ["0.1", None, "tall", "1"], "kind": ["a", None, "violet", "b"], "same": 1}
    )
    faults = codec.faults(rows).tolist()
    assert faults[:2] == ["", ""]
    assert faults[2] == "x is 'tall', which is no number"
    assert faults[3] == "n is 4.5, which is no integer"
    assert codec.unknown(rows).tolist()[:2] == ["", "x, kind"]
    vectors = codec.transform(rows[:2])
    assert np.isnan(vectors[1]).tolist() == [False, True, True, True]
    assert "was always 1" in codec.faults(rows.assign(same=2))[0]
    with pytest.raises(UserError, match="2 of 4 rows do not fit"):
        codec.transform(rows)


def test_plain_columns_are_standardized_alone():
    frame = pd.DataFrame({"zeros": ZEROS, "few": RNG.integers(0, 3, N)})
    codec = TableCodec.fit(frame, plain=True)
    assert codec.num_categories == []
    assert all(len(c.scores.knots) == 2 and not c.scores.bent for c in codec.numbers)
