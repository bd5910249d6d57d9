"""tensorferry reads every .npy that numpy writes, as numpy reads it, and refuses what numpy refuses."""

from __future__ import annotations

import io
import json
import random
import struct

import ml_dtypes
import numpy as np
import pytest
from numpy.lib import format as npy

import judge
from arrays import bits
from cli import assert_refused

NATIVE = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
          "complex64", "complex128")  # fmt: skip
CODES = ("int2", "int4", "uint2", "uint4", "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "float8_e4m3fn",
         "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")  # fmt: skip
SHAPES = {"scalar": (), "one": (1,), "empty": (0, 3), "odd": (3, 1, 5), "many": (1,) * 32 + (2,)}


@pytest.mark.filterwarnings("ignore:Stored array in format")
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions_orders_and_shapes(version, tf_cli, tmp_path):
    want = []
    for dtype in NATIVE:
        for label, shape in SHAPES.items():
            for order in "CF":
                for endian in "<>":
                    name = f"{dtype}-{label}-{order}-{'little' if endian == '<' else 'big'}"
                    array = np.asarray(bits(dtype, shape, len(want)), order=order)
                    want.append(judge.tensor(name, array, dtype))
                    with open(tmp_path / f"{name}.npy", "wb") as file:
                        npy.write_array(file, array.astype(array.dtype.newbyteorder(endian)), version)
    got, digest = tf_cli.hash(tmp_path)
    judge.assert_same(got, want)
    assert digest == judge.digest(want)


def test_types_of_ml_dtypes_as_np_save_writes_them(tf_cli, tmp_path):
    for dtype in ("bfloat16", "float8_e5m2"):
        array = bits(dtype, (16, 17))
        np.save(tmp_path / "a.npy", array)
        judge.assert_same(tf_cli.hash(tmp_path / "a.npy")[0], [judge.tensor("a", array, dtype)])
    for dtype in CODES:
        array = bits(dtype, (16, 16))
        np.save(tmp_path / "a.npy", array)
        tf_cli("convert", tmp_path / "a.npy", tmp_path / "x.onnx").fails_with(4, "--in-opt dtype=")
        got = tf_cli.hash(tmp_path / "a.npy", "--in-opt", f"dtype={dtype}")[0]
        judge.assert_same(got, [judge.tensor("a", array, dtype)])


def test_bfloat16_is_noted(tf_cli, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3, ml_dtypes.bfloat16))
    done = tf_cli.convert(tmp_path / "a.npy", tmp_path / "raw", "--to", "raw")
    assert "bfloat16" in done.out + done.err


def test_long_double_keeps_its_ten_bytes(tf_cli, tmp_path):
    array = np.array([1, -0.0, np.nan, np.longdouble(2) ** 16000, np.longdouble(1) / 3], np.longdouble).reshape(5, 1)
    np.save(tmp_path / "a.npy", array)
    raw = np.frombuffer(array.tobytes(), np.uint8).reshape(-1, 16).copy()
    raw[:, 10:] = 0
    judge.assert_same(tf_cli.hash(tmp_path / "a.npy")[0], [judge.from_bytes("a", raw.tobytes(), "longdouble", (5, 1))])


@pytest.mark.parametrize("order", "CF")
def test_byte_strings(order, tf_cli, tmp_path):
    array = np.array([[b"", b"plain", b"in\0side"], [b"\xff\xfe", b"tail\0\0", b"x" * 30]], order=order)
    np.save(tmp_path / "a.npy", array)
    judge.assert_same(tf_cli.hash(tmp_path / "a.npy")[0], [judge.tensor("a", array.astype(object), "string")])


def test_bool_bytes_become_zero_and_one(tf_cli, tmp_path):
    array = np.arange(4, dtype=np.uint8)
    np.save(tmp_path / "a.npy", array.view(np.bool_))
    want = [judge.tensor("a", array != 0, "bool")]
    judge.assert_same(tf_cli.hash(tmp_path / "a.npy")[0], want)


def test_a_large_array_in_column_order(tf_cli, tmp_path):
    array = np.asfortranarray(np.arange(3_000_000, dtype=np.int32).reshape(1000, 30, 100))
    np.save(tmp_path / "a.npy", array)
    for threads in (1, 3):
        tf_cli.convert(tmp_path / "a.npy", tmp_path / f"{threads}.npy", "-j", threads)
        back = np.load(tmp_path / f"{threads}.npy")
        assert back.flags.c_contiguous
        np.testing.assert_array_equal(back, array)


def test_two_arrays_in_one_file_are_the_first_with_a_note(tf_cli, tmp_path):
    with open(tmp_path / "a.npy", "wb") as file:
        np.save(file, np.arange(3))
        np.save(file, np.arange(4))
    judge.assert_same(tf_cli.hash(tmp_path / "a.npy")[0], [judge.tensor("a", np.arange(3), "int64")])
    done = tf_cli.convert(tmp_path / "a.npy", tmp_path / "b.npy")
    assert "behind the elements" in done.out + done.err


def test_a_folder_that_tensorferry_wrote_without_its_manifest(tf_cli, tmp_path):
    arrays = {"a/b:0": np.arange(3.0), "W": np.arange(2), "w": np.arange(4), "": np.arange(1), "../x": np.ones(2)}
    np.savez(tmp_path / "in.npz", **arrays)
    tf_cli.convert(tmp_path / "in.npz", tmp_path / "out", "--to", "npy")
    (tmp_path / "out" / "manifest.json").unlink()
    want = [judge.tensor(name, array, array.dtype.name) for name, array in arrays.items()]
    judge.assert_same(tf_cli.hash(tmp_path / "out")[0], want)


def test_what_is_written_is_verified_by_reading_it_back(tf_cli, tmp_path):
    arrays = {"a/b": np.arange(3.0), "half": bits("bfloat16", (5,)), "text": np.array([b"a", b"bc"])}
    np.savez(tmp_path / "in.npz", **arrays)
    tf_cli.convert(tmp_path / "in.npz", tmp_path / "out", "--to", "npy", "--verify")
    tf_cli.convert(tmp_path / "in.npz", tmp_path / "out.npz", "--verify")
    tf_cli.convert(tmp_path / "in.npz", tmp_path / "other_name.npy", "--include", "a/b", "--verify")
    for source in ("out", "out.npz"):
        got = tf_cli.hash(tmp_path / source)[0]
        judge.assert_same(got, [judge.tensor(n, a, {"a/b": "float64", "half": "bfloat16", "text": "string"}[n])
                                for n, a in ((n, a.astype(object) if n == "text" else a) for n, a in arrays.items())])
    got = tf_cli.hash(tmp_path / "out", "--from", "npy")[0]
    judge.assert_same(got, tf_cli.hash(tmp_path / "out.npz")[0])


def test_integers_of_numpy_are_what_the_option_says(tf_cli, tmp_path):
    stored = {"int4": "int8", "uint2": "uint8", "int2": "int8", "uint4": "uint8"}
    for dtype, numpy_type in stored.items():
        array = bits(dtype, (3, 5))
        np.save(tmp_path / "w.npy", array.astype(numpy_type))
        judge.assert_same(tf_cli.hash(tmp_path / "w.npy", "--in-opt", f"dtype={dtype}")[0], [judge.tensor("w", array, dtype)])
        tf_cli.convert(tmp_path / "w.npy", tmp_path / "again.npy", "--in-opt", f"dtype={dtype}", "--verify", "--overwrite")
        assert (tmp_path / "again.npy").read_bytes() == (tmp_path / "w.npy").read_bytes()
    # What a manifest of ours says is not overruled.
    np.savez(tmp_path / "in.npz", w=np.arange(3, dtype=np.int8))
    tf_cli.convert(tmp_path / "in.npz", tmp_path / "described", "--to", "npy")
    assert tf_cli.listing(tmp_path / "described", "--from", "npy", "--in-opt", "dtype=int4")["w"]["dtype"] == "int8"
    np.save(tmp_path / "f.npy", np.arange(3.0))
    assert tf_cli.listing(tmp_path / "f.npy", "--in-opt", "dtype=int4")["f"]["dtype"] == "float64"


# ---- what numpy says of strange headers, it says of all ------------------------------------------------------

GOOD = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }"


def in_file(text: str | bytes, payload: bytes = bytes(range(12)), version: int = 1, length: int | None = None) -> bytes:
    raw = text if isinstance(text, bytes) else text.encode("latin-1")
    size = len(raw) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size) + raw + payload


def mutants() -> list[str]:
    """Headers token by token: other spellings of each, harmless things between them, and now and then damage."""
    rng = random.Random(5)
    spelled = {"'descr'": ["'descr'", '"descr"', "u'descr'", "'de' 'scr'", "'\\x64escr'", "('descr')", "r'descr'"],
               "'<i2'": ["'<i2'", "'>i2'", "'i2'", "'int16'", "'h'", "'<' 'i2'", '"|i2"', "'=i2'", "('<i2')", "'<\\151\\u0032'"],
               "'shape'": ["'shape'", '"shape"', "u\"shape\"", "'''shape'''"],
               "'fortran_order'": ["'fortran_order'", "'fortran_' 'order'"],
               "False": ["False", "True", "(False)", "0", "None"],
               "2": ["2", "2L", "+2", "0x2", "0b10", "0o2", "(2)", "-2", "02", "2.0", "2_", "True", "2l"],
               "3": ["3", "3L", "0_3", "0x_3", "0X3", "1_0"]}
    between = ["", "", "", "", " ", "\n", "\t", "# note\n", "\\\n", "\x0c"]
    damage = ["'", ",", "(", ")", "{", "}", ":", "x", "b", "'descr': '<i2',", "'x': 1,", "*", "L", "\\", "\r\n", "\0"]
    tokens = ["{", "'descr'", ":", "'<i2'", ",", "'fortran_order'", ":", "False", ",", "'shape'", ":", "(", "2", ",", "3", ")",
              ",", "}"]
    made = []
    for _ in range(2000):
        here = [rng.choice(spelled[t]) if t in spelled and rng.random() < 0.3 else t for t in tokens]
        if rng.random() < 0.3:
            here.insert(rng.randrange(len(here) + 1), rng.choice(damage))
        if rng.random() < 0.15:
            del here[rng.randrange(len(here))]
        made.append("".join(t + rng.choice(between) for t in here) + rng.choice(["", "\n", " # end", "\n\n", " \n# x\n"]))
    return made


@pytest.mark.filterwarnings("ignore")
def test_a_mutated_header_is_read_as_numpy_reads_it_or_refused_as_numpy_refuses_it(tf_cli, tmp_path):
    want, differ = {}, []
    for i, text in enumerate(mutants()):
        data = in_file(text, bytes(range(120)))
        (tmp_path / f"{i}.npy").write_bytes(data)
        try:
            array = np.load(io.BytesIO(data))
            want[str(i)] = (text, array.shape, array.dtype)
        except Exception:  # noqa: BLE001  numpy raises many kinds
            want[str(i)] = (text, None, None)
    listed = {e["name"]: e for e in json.loads(tf_cli("ls", tmp_path, "--json").out)["tensors"]}
    for key, (text, shape, dtype) in want.items():
        entry = listed[key]
        ours = None if "problem" in entry else tuple(entry["shape"])
        if ours != shape or (shape is not None and entry["dtype"] != dtype.name):
            differ.append((text, shape, dtype, entry))
    accepted = sum(shape is not None for _, shape, _ in want.values())
    assert accepted > 100 and accepted < len(want) - 100
    assert not differ, differ[:5]


HOSTILE = {
    "version 0": (in_file(GOOD, version=0), 4, "0.0"),
    "version 4": (in_file(GOOD, version=4), 4, "4.0"),
    "header of nearly 4 GiB in 12 bytes": (b"\x93NUMPY\x02\x00\xf0\xff\xff\xff", 5, "limit"),
    "header longer than the file": (in_file(GOOD, b"", length=5000), 3, "5010"),
    "10,000 parentheses": (in_file("(" * 10_000), 3, "nested"),
    "a call": (in_file(GOOD.replace("'<i2'", "__import__('os').system('true')")), 3, "__import__"),
    "an expression": (in_file(GOOD.replace("2", "2**64")), 3, ""),
    "2^64 as an extent": (in_file(GOOD.replace("2, 3", "18446744073709551616,")), 3, "64 bits"),
    "a missing key": (in_file("{'descr': '<i2', 'shape': (2, 3)}"), 3, "fortran_order"),
    "an extra key": (in_file(GOOD.replace("}", "'x': 1}")), 3, "x"),
    "no tuple": (in_file(GOOD.replace("(2, 3)", "(6)")), 3, "tuple"),
    "a list": (in_file(GOOD.replace("(2, 3)", "[2, 3]")), 3, "tuple"),
    "np.int64": (in_file(GOOD.replace("2, 3", "np.int64(6),")), 3, "np"),
    "negative": (in_file(GOOD.replace("2", "-2")), 3, "negative"),
    "objects": (in_file(GOOD.replace("<i2", "|O")), 4, "pickle is never executed"),
    "records": (in_file(GOOD.replace("'<i2'", "[('a', '<i2')]")), 4, "records"),
    "text that is no Unicode": (in_file(GOOD.replace("<i2", "<U1"), b"\x00\xd8\x00\x00" * 6), 4, "not a character"),
    "dates": (in_file(GOOD.replace("<i2", "<M8[ns]"), bytes(48)), 4, "<M8[ns]"),
    "an unknown type": (in_file(GOOD.replace("<i2", "<g2")), 4, "<g2"),
    "one byte of nothing": (in_file(GOOD.replace("<i2", "|V1"), bytes(6)), 4, "--in-opt dtype="),
    "more than the file holds": (in_file(GOOD.replace("2, 3", "1000000000000,")), 3, "needs bytes"),
    "a product that overflows": (in_file(GOOD.replace("2, 3", f"{1 << 62}, 8")), 3, ""),
    "a product that overflows beside 0": (in_file(GOOD.replace("2, 3", f"{1 << 62}, 8, 0")), 3, ""),
    "rank 65": (in_file(GOOD.replace("2, 3", "1," * 65), bytes(2)), 4, "64"),
    "one byte short": (in_file(GOOD, bytes(11)), 3, "needs bytes"),
}  # fmt: skip


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_files_are_refused_by_class_and_reason(label, tf_cli, tmp_path):
    data, code, says = HOSTILE[label]
    (tmp_path / "w.npy").write_bytes(data)
    assert_refused(tf_cli, tmp_path / "w.npy", code, tmp_path / "out", says)
    assert tf_cli("ls", tmp_path / "w.npy").code in (0, code)


def test_every_prefix_is_refused(tf_cli, tmp_path):
    whole = in_file(GOOD)
    for n in range(len(whole)):
        (tmp_path / f"{n:03}.npy").write_bytes(whole[:n])
    listed = json.loads(tf_cli("ls", tmp_path, "--from", "npy", "--json").out)["tensors"]
    assert len(listed) == len(whole) and all("problem" in e for e in listed)
