"""numpy reads back the bits of every .npy that tensorferry writes."""

from __future__ import annotations

import io
import re

import ml_dtypes
import numpy as np
import pytest

import judge
import readback
from arrays import STRINGS, bits
from raw_input import write_raw


def test_a_folder_holds_every_bit(checkpoint, tf_cli, tmp_path):
    prefix, want = checkpoint
    tf_cli.convert(prefix, tmp_path / "out", "--to", "npy")
    judge.assert_same(readback.npy_folder(tmp_path / "out"), judge.weights(want), str(prefix))


def test_the_manifest_of_a_folder_is_a_raw_manifest(checkpoint, tf_cli, tmp_path):
    prefix, want = checkpoint
    tf_cli.convert(prefix, tmp_path / "out", "--to", "npy")
    entries = {judge.json_name(e): e for e in readback.manifest_entries(tmp_path / "out")}
    for t in judge.weights(want):
        if t.dtype != "string":
            raw = readback.raw_bytes(tmp_path / "out", entries[t.name])
            got = judge.from_bytes(t.name, judge.mask_codes(raw, t.dtype), entries[t.name]["dtype"], entries[t.name]["shape"])
            judge.assert_same([got], [t])


def test_the_folder_reads_back_to_the_same_tensors(checkpoint, tf_cli, tmp_path):
    prefix, want = checkpoint
    tf_cli.convert(prefix, tmp_path / "out", "--to", "npy")
    got, digest = tf_cli.hash(tmp_path / "out")
    judge.assert_same(got, judge.weights(want), str(prefix))
    assert digest == judge.digest(want)


def test_native_files_are_byte_for_byte_what_numpy_saves(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["odd_shapes"]
    tf_cli.convert(made.prefix, tmp_path / "out", "--to", "npy", "--exclude", "string*")
    seen = 0
    for file in sorted((tmp_path / "out").glob("*.npy")):
        if file.name.startswith(("float32", "int64", "bool", "complex128")):
            again = io.BytesIO()
            np.save(again, np.load(file), allow_pickle=False)
            assert file.read_bytes() == again.getvalue(), file.name
            seen += 1
    assert seen == 40


def test_types_that_numpy_lacks_have_the_documented_descr(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["every_dtype"]
    tf_cli.convert(made.prefix, tmp_path / "out", "--to", "npy")
    for dtype, descr in {"bfloat16": "<V2", "float8_e5m2": "|V1", "float8_e4m3fn": "|V1", "int4": "|i1", "uint2": "|u1",
                         "qint32": "<i4", "float4_e2m1fn": "|V1"}.items():
        header = (tmp_path / "out" / f"{dtype}.npy").read_bytes()[:128]
        assert re.search(rb"'descr': '([^']*)'", header)[1].decode() == descr, dtype


def test_values_are_those_that_ml_dtypes_gives(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["every_dtype"]
    tf_cli.convert(made.prefix, tmp_path / "out", "--to", "npy")
    half = np.load(tmp_path / "out" / "bfloat16.npy").view(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(half.view("<u2"), bits("bfloat16", (16, 17)).view("<u2"))
    signed = np.load(tmp_path / "out" / "int4.npy")
    np.testing.assert_array_equal(signed, bits("int4", (16, 17)).astype(np.int8))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "bool", "complex64", "int4"])
def test_one_tensor_becomes_one_file(dtype, fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["every_dtype"]
    tf_cli.convert(made.prefix, tmp_path / "one.npy", "--include", dtype)
    array = np.load(tmp_path / "one.npy")
    want = next(t for t in made.tensors if t.name == dtype)
    judge.assert_same([judge.from_bytes(dtype, readback.from_carrier(array, dtype), dtype, array.shape)], [want])
    assert [p.name for p in tmp_path.iterdir()] == ["one.npy"]


def test_several_tensors_into_one_npy_is_a_usage_error_that_names_the_ways_out(fresh_checkpoints, tf_cli, tmp_path):
    done = tf_cli("convert", fresh_checkpoints["every_dtype"].prefix, tmp_path / "all.npy")
    done.fails_with(2, ".npz")
    assert "folder" in done.err or "directory" in done.err, done
    assert not list(tmp_path.iterdir())


def test_file_names_are_injective_reversible_and_safe_on_every_system(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["odd_names"]
    tf_cli.convert(made.prefix, tmp_path / "out", "--to", "npy", "--exclude", "text/of")
    entries = readback.manifest_entries(tmp_path / "out")
    files = [e["file"] for e in entries]
    assert len({f.lower() for f in files}) == len(files), "names collide where case does not count"
    devices = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.I)
    for entry in entries:
        name, file = judge.json_name(entry).encode("utf-8", "surrogateescape"), entry["file"]
        assert re.fullmatch(r"[A-Za-z0-9_%~][A-Za-z0-9._%~-]*\.npy", file) and len(file) <= 255, file
        assert not devices.match(file), file
        stem = file.removesuffix(".npy")
        if "%~" not in stem:
            assert readback.unescape(stem.encode()) == name, (file, name)


def test_names_that_are_not_utf8_stand_as_base64(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["odd_names"]
    tf_cli.convert(made.prefix, tmp_path / "out", "--to", "npy", "--exclude", "text/of")
    coded = [e for e in readback.manifest_entries(tmp_path / "out") if "name_base64" in e]
    assert [judge.json_name(e).encode("utf-8", "surrogateescape") for e in coded] == [b"\xff\xfe/not-utf8"]
    assert all("name" not in e for e in coded)


def test_a_string_pair_is_plain_numpy(tf_cli, tmp_path):
    values = np.array([STRINGS, STRINGS[::-1]], dtype=object)
    source = write_raw(tmp_path / "in", {"scope/words": ("string", values)})
    tf_cli.convert(source, tmp_path / "out", "--to", "npy")
    raw = np.load(tmp_path / "out" / "scope%2Fwords%23bytes.npy")
    offsets = np.load(tmp_path / "out" / "scope%2Fwords%23offsets.npy")
    assert readback.from_pair(raw, offsets) == values.reshape(-1).tolist()
    judge.assert_same(readback.npy_folder(tmp_path / "out"), [judge.tensor("scope/words", values, "string")])


@pytest.mark.parametrize("taken", ["words#bytes", "words#offsets"])
def test_a_derived_name_that_is_taken_is_refused(taken, tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {"words": ("string", np.array([b"a"], dtype=object)),
                                         taken: ("uint8", np.zeros(3, np.uint8))})
    done = tf_cli("convert", source, tmp_path / "out", "--to", "npy")
    assert done.code in (4, 9) and taken in done.err, done
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]
