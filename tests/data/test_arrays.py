"""Broken .npy and .npz files: a table of the same numbers, or one sentence; never a traceback, never other numbers."""

import io
import random
import struct
import zipfile

import numpy as np
import pytest

from tfvae.codecs import ImageCodec
from tfvae.data.tables import read_table
from tfvae.host.errors import UserError

X = np.random.default_rng(0).normal(size=(50, 4))


def written(save, *args, **kwargs):
    stream = io.BytesIO()
    save(stream, *args, **kwargs)
    return stream.getvalue()


FILES = {
    "plain.npy": written(np.save, X),
    "stored.npz": written(np.savez, x=X),
    "packed.npz": written(np.savez_compressed, x=X, columns=np.array(list("abcd"))),
}


def mutated(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(data))
        kind = rng.choice(["flip", "delete", "cut", "insert"])
        if kind == "flip":
            data[at] ^= 1 << rng.randrange(8)
        elif kind == "delete":
            del data[at : at + rng.choice([1, 8, 100])]
        elif kind == "cut":
            data = data[: at + 1]
        else:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 9])))
        if not data:
            return b"x"
    return bytes(data)


@pytest.mark.parametrize("name", FILES)
def test_mutated_files_are_refused_in_one_short_sentence(name, tmp_path):
    rng, said = random.Random(name), []
    path = tmp_path / name
    for _ in range(300):
        path.write_bytes(mutated(FILES[name], rng))
        try:
            frame = read_table(path)
        except UserError as error:
            said.append(str(error))
        else:
            assert name == "plain.npy" or np.array_equal(frame.to_numpy(), X)  # whose bytes have no checksum
    assert len(said) > 250
    assert not [sentence for sentence in said if "\n" in sentence or len(sentence) > 400 + len(str(path))]


def test_a_flipped_bit_in_a_stored_member_is_seen(tmp_path):
    data = bytearray(FILES["stored.npz"])
    data[len(data) // 2] ^= 1
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(UserError, match="Bad CRC-32"):
        read_table(tmp_path / "x.npz")


def header(shape):
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_sizes_that_are_not_there_and_sizes_that_memory_does_not_hold(suffix, tmp_path):
    path = tmp_path / f"x{suffix}"

    def put(data):
        if suffix == ".npy":
            path.write_bytes(data)
            return
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", data)

    put(header("(2750000000000,)") + X.tobytes())
    for read in (read_table, ImageCodec((2, 2)).read):
        with pytest.raises(UserError, match="its header says 22,000,000,000,000 bytes of data and it has 1,600"):
            read(path)
    put(FILES["plain.npy"] + b"more")
    with pytest.raises(UserError, match="damaged or truncated"):
        read_table(path)


def test_more_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tfvae.data.arrays._memory", lambda: 1000)
    (tmp_path / "x.npz").write_bytes(FILES["packed.npz"])
    with pytest.raises(UserError, match="its 1,600 bytes do not fit into memory"):
        read_table(tmp_path / "x.npz")


def test_fortran_order_and_numbers_of_every_kind(tmp_path):
    for dtype in ("float32", "int8", "uint16", "bool"):
        array = np.asfortranarray(np.arange(12).reshape(4, 3).astype(dtype))
        np.save(tmp_path / "x.npy", array)
        np.testing.assert_array_equal(read_table(tmp_path / "x.npy").to_numpy(), array)
