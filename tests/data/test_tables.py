"""Tables: round trips, and every kind of bad input as one sentence."""

import numpy as np
import pandas as pd
import pytest

from tfvae.codecs.table_codec import TableCodec
from tfvae.data.known_tables import make_customers
from tfvae.data.tables import check_values, file_hash, read_table, write_table
from tfvae.host.errors import UserError


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "height": rng.normal(170, 10, 200),
            "count": rng.integers(0, 30, 200),
            "kind": rng.choice(["red", "green", "blue"], 200),
            "same": 7,
            "smokes": rng.random(200) < 0.5,
            "narrow": rng.normal(0, 1, 200).astype("float32"),
        }
    )


def test_round_trip_in_units_names_order_and_types(frame):
    codec = TableCodec.fit(frame)
    vectors = codec.transform(frame, seed=1)
    assert vectors.shape == (200, codec.width) == (200, 3 + 3 + 2)
    back = codec.inverse(vectors)
    assert list(back.columns) == list(frame.columns)
    assert back.dtypes.astype(str).tolist() == frame.dtypes.astype(str).tolist()
    for name in ("count", "kind", "same", "smokes"):
        assert (back[name].to_numpy() == frame[name].to_numpy()).all(), name
    np.testing.assert_allclose(back["height"], frame["height"], rtol=1e-6)
    again = TableCodec.from_config(codec.to_config())
    np.testing.assert_array_equal(again.transform(frame, seed=1), vectors)
    assert any(sentence.startswith("Numbers on a grid") and "count" in sentence for sentence in codec.describe())
    np.testing.assert_allclose(vectors[:, :3].mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(vectors[:, :3].std(axis=0), 1, atol=0.1)


def test_scaling_a_column_scales_the_density(frame):
    scaled = frame.assign(height=frame["height"] * 10)
    jacobians = [
        codec.log_jacobian(codec.transform(t)) for t, codec in ((t, TableCodec.fit(t)) for t in (scaled, frame))
    ]
    np.testing.assert_allclose(jacobians[0] - jacobians[1], -np.log(10), atol=1e-3)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".xlsx", ".parquet", ".npy", ".npz"])
def test_files_round_trip(suffix, frame, tmp_path):
    numbers = frame[["height", "count"]]
    write_table(numbers, tmp_path / f"table{suffix}")
    back = read_table(tmp_path / f"table{suffix}")
    np.testing.assert_allclose(back.to_numpy("float64"), numbers.to_numpy("float64"))
    assert not list(tmp_path.glob(".*"))
    assert len(file_hash(tmp_path / f"table{suffix}")) == 64


def test_customers_are_what_real_tables_are_made_of():
    customers = read_table("customers")
    assert customers.equals(make_customers(3_000, seed=0))
    assert customers.shape == (3_000, 8)
    assert 0.5 < (customers["discount"] == 0).mean() < 0.7
    assert customers["income"].skew() > 3
    assert customers["income"].min() > 0
    assert set(customers["plan"]) == {"free", "plus", "business"}
    assert len(file_hash("customers")) == 64


def test_digits_are_there_without_a_file():
    digits = read_table("digits")
    assert digits.shape == (1797, 65)
    assert len(file_hash("digits")) == 64


def _truncated(source, target, tmp_path):
    write_table(pd.DataFrame({"a": np.arange(2000.0)}), tmp_path / source)
    whole = (tmp_path / source).read_bytes()
    (tmp_path / target).write_bytes(whole[: len(whole) // 2])
    return tmp_path / target


@pytest.mark.parametrize(("make", "message"), [
    (lambda p: p / "none.csv", "There is no file"),
    (lambda p: p / "table.docx", "is not a table that tfvae reads"),
    (lambda p: _truncated("a.parquet", "b.parquet", p), "damaged or truncated"),
    (lambda p: _truncated("a.npy", "b.npy", p), "damaged or truncated"),
    (lambda p: _truncated("a.npz", "b.npz", p), "damaged or truncated"),
])  # fmt: skip
def test_missing_and_truncated_files(make, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read_table(make(tmp_path))


@pytest.mark.parametrize(("text", "message"), [
    ("", "is empty"), ("a,b\n", "has no rows"), ("a,b\n1,2\n1,2,3\n", "damaged or truncated"),
    ("a,b,a\n1,2,3\n", "has two columns named 'a'"), ("a;a\n1;2\n", "has two columns named 'a'"),
])  # fmt: skip
def test_bad_csv(text, message, tmp_path):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_table(tmp_path / "bad.csv")


@pytest.mark.parametrize(("text", "encoding"), [
    ("a,b\n1.5,x\n", "utf-8"), ("a;b\n1,5;x\n", "utf-8"), ("a;b\n1.5;x\n", "utf-8-sig"), ("a\tb\n1.5\tx\n", "utf-16"),
    ("a|b\n1.5|x\n", "utf-8"), ('"a";b\n1,5;x\n', "utf-8"),
])  # fmt: skip
def test_text_of_other_countries_and_programs(text, encoding, tmp_path):
    (tmp_path / "table.csv").write_text(text, encoding=encoding)
    assert read_table(tmp_path / "table.csv").to_dict("list") == {"a": [1.5], "b": ["x"]}


def test_arrays_that_are_no_tables(tmp_path):
    np.savez(tmp_path / "two.npz", a=np.zeros(3), b=np.zeros(3))
    with pytest.raises(UserError, match="name the one to use `x`"):
        read_table(tmp_path / "two.npz")
    np.save(tmp_path / "text.npy", np.array(["a", "b"]))
    with pytest.raises(UserError, match="must hold rows of numbers"):
        read_table(tmp_path / "text.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="damaged or truncated|must hold|holds no array of numbers"):
        read_table(tmp_path / "objects.npy")
    np.save(tmp_path / "huge.npy", np.array([[2**63 + 1]], dtype="uint64"))
    with pytest.raises(UserError, match="beyond ±2\\^53"):
        read_table(tmp_path / "huge.npy")


def test_values_that_no_model_can_take(frame):
    with pytest.raises(UserError, match="1 of 200 rows have missing values"):
        check_values(frame.assign(height=frame["height"].where(frame.index != 3)))
    assert len(check_values(frame.assign(height=frame["height"].where(frame.index != 3)), "drop")) == 199
    with pytest.raises(UserError, match="1 infinite values, first in row 3"):
        check_values(frame.assign(height=frame["height"].where(frame.index != 2, np.inf)))
    with pytest.raises(UserError, match="No row is left"):
        check_values(frame.assign(height=np.nan), "drop")
    with pytest.raises(UserError, match=r"beyond ±2\^53"):
        TableCodec.fit(frame.assign(count=np.repeat(frame["count"][:100] + 2**60, 2).to_numpy()))
    with pytest.raises(UserError, match="overflow 64 bits"):
        TableCodec.fit(frame.assign(count=[2**70 + k for k in range(200)]))
    with pytest.raises(UserError, match="All columns are constant|all columns are constant"):
        TableCodec.fit(frame[["same"]])


def test_rows_that_do_not_fit_the_model(frame):
    codec = TableCodec.fit(frame)
    with pytest.raises(UserError, match="has no column 'height'"):
        codec.transform(frame.drop(columns="height"))
    with pytest.raises(UserError, match="kind is 'violet', which was not in the training data"):
        codec.transform(frame.assign(kind="violet"))
    with pytest.raises(UserError, match="height is 'tall', which is no number"):
        codec.transform(frame.assign(height="tall"))
    with pytest.raises(UserError, match="which is no integer"):
        codec.transform(frame.assign(count=0.5))
    with pytest.raises(UserError, match="same is 8, which was always 7 in the training data"):
        codec.transform(frame.assign(same=8))
    assert len(codec.transform(frame.drop(columns="same"))) == 200  # a constant column is not asked for


def test_types_that_no_model_can_take_and_types_that_it_can(frame, tmp_path):
    with pytest.raises(UserError, match="holds values of type Timedelta"):
        TableCodec.fit(frame.assign(day=pd.to_timedelta(frame["count"], unit="D")))
    special = frame.assign(count=frame["count"].astype("Int64"), kind=frame["count"].astype("category"))
    codec = TableCodec.fit(special)
    back = codec.inverse(codec.transform(special))
    assert back.dtypes.astype(str)["count"] == "Int64"
    assert (back["count"] == special["count"]).all()
    assert (back["kind"].astype(int) == special["kind"].astype(int)).all()
    write_table(frame[["smokes", "count"]], tmp_path / "t.npy")
    np.testing.assert_array_equal(read_table(tmp_path / "t.npy")["x0"], frame["smokes"].astype(int))
    write_table(frame[["height"]], tmp_path / "T.CSV")
    assert len(read_table(tmp_path / "T.CSV")) == 200


def test_writing_what_cannot_be_written(frame, tmp_path):
    with pytest.raises(UserError, match="can hold numbers only"):
        write_table(frame, tmp_path / "t.npy")
    with pytest.raises(UserError, match="ends in .csv"):
        write_table(frame, tmp_path / "t.txt")
    with pytest.raises(UserError, match="cannot be written"):
        write_table(frame, tmp_path / "none" / "t.csv")
    assert not list(tmp_path.iterdir())
