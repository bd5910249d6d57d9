"""The raw form: numpy writes the bytes, tensorferry reads them by what the manifest says, and the other way round."""

from __future__ import annotations

import hashlib
import json

import jsonschema
import numpy as np
import pytest

import judge
import readback
from arrays import OTHER_DTYPES, STRINGS, TENSORFLOW_DTYPES, bits
from bundle_writer import crc32c
from raw_input import entry, stored_bytes, write_manifest, write_raw

EVERY = {d: (d, bits(d, (3, 5, 7))) for d in (*TENSORFLOW_DTYPES, *OTHER_DTYPES)}


def expected(tensors) -> list[judge.Tensor]:
    return [judge.tensor(n, a, d) for n, (d, a) in tensors.items()]


@pytest.mark.parametrize("big", [False, True], ids=["little", "big"])
@pytest.mark.parametrize("column", [False, True], ids=["row-major", "column-major"])
@pytest.mark.parametrize("checksum", [None, "sha256", "crc32c"])
def test_every_dtype_in_every_order(big, column, checksum, tf_cli, tmp_path):
    tensors = EVERY if not (big or column) else {k: v for k, v in EVERY.items() if k != "string"}
    source = write_raw(tmp_path / "in", tensors, big=big, column=column, checksum=checksum, gap=3)
    got, digest = tf_cli.hash(source)
    judge.assert_same(got, expected(tensors))
    assert digest == judge.digest(expected(tensors))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0, 2), (7919,), (13, 17, 19), (2,) * 12, (1,) * 40])
def test_every_shape_row_and_column_major(shape, tf_cli, tmp_path):
    for column in (False, True):
        tensors = {d: (d, bits(d, shape)) for d in ("float32", "complex128", "int4", "bool")}
        source = write_raw(tmp_path / str(column), tensors, big=True, column=column)
        judge.assert_same(tf_cli.hash(source)[0], expected(tensors), f"column-major {column}")


def test_the_writer_is_the_readers_inverse(checkpoint, tf_cli, tmp_path):
    prefix, want = checkpoint
    tf_cli.convert(prefix, tmp_path / "out", "--to", "raw")
    judge.assert_same(readback.raw_folder(tmp_path / "out"), judge.weights(want), str(prefix))
    assert tf_cli.hash(tmp_path / "out")[1] == judge.digest(want)
    tf_cli.convert(tmp_path / "out", tmp_path / "again", "--to", "raw")
    assert (tmp_path / "again" / "weights.bin").read_bytes() == (tmp_path / "out" / "weights.bin").read_bytes()


def test_written_manifests_fit_the_schema_and_are_aligned(fresh_one, tf_cli, tmp_path, repository):
    schema = json.loads((repository / "schemas" / "manifest.schema.json").read_text())
    prefix, _ = fresh_one
    for form in ("raw", "npy"):
        tf_cli.convert(prefix, tmp_path / form, "--to", form)
        document = json.loads((tmp_path / form / "manifest.json").read_text())
        jsonschema.validate(document, schema)
        assert document["tensorferry"] == 1
        for e in document["tensors"]:
            assert "sha256" in e or "crc32c" in e or e["length"] == 0, e
            assert e["offset"] % 64 == 0 or e["dtype"] == "string" or e["length"] == 0, e


def test_the_samples_manifests_fit_the_schema(repository):
    schema = json.loads((repository / "schemas" / "manifest.schema.json").read_text())
    manifests = sorted((repository / "samples").glob("*/manifest.json"))
    assert {m.parent.name for m in manifests} >= {"dense_kernel", "four_dtypes"}
    for manifest in manifests:
        jsonschema.validate(json.loads(manifest.read_text()), schema)


@pytest.mark.parametrize("change", [
    {"tensorferry": 2}, {"tensors": [{"name": "w", "shape": [1], "file": "w.bin"}]},
    {"tensors": [{"name": "w", "dtype": "float32", "file": "w.bin"}]},
    {"tensors": [{"name": "w", "dtype": "float32", "shape": [-1], "file": "w.bin"}]},
    {"tensors": [{"name": "w", "dtype": "float32", "shape": [1], "file": "../w.bin"}]},
    {"tensors": [{"name": "w", "dtype": "float32", "shape": [1], "file": "w.bin", "order": "diagonal"}]},
], ids=["version", "no dtype", "no shape", "negative", "path", "order"])  # fmt: skip
def test_the_schema_refuses_what_the_program_refuses(change, repository, tf_cli, tmp_path):
    schema = json.loads((repository / "schemas" / "manifest.schema.json").read_text())
    document = {"tensorferry": 1, "attributes": {}, "tensors": []} | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "w.bin").write_bytes(bytes(4))
    (tmp_path / "in" / "manifest.json").write_text(json.dumps(document))
    assert tf_cli("hash", tmp_path / "in", "--json").code in (3, 4, 5)


def test_numpy_descriptors_name_dtypes_and_their_byte_order(tf_cli, tmp_path):
    array = bits("float64", (4, 3))
    for i, (descr, big) in enumerate({"<f8": False, ">f8": True, "float64": False}.items()):
        folder = tmp_path / str(i)
        folder.mkdir()
        raw = stored_bytes(array, "float64", big)
        (folder / "weights.bin").write_bytes(raw)
        write_manifest(folder, [entry("w", descr, array, raw)])
        judge.assert_same(tf_cli.hash(folder)[0], [judge.tensor("w", array, "float64")], descr)


def test_defaults_are_offset_0_little_endian_row_major_and_no_length(tf_cli, tmp_path):
    array = bits("int16", (2, 9))
    (tmp_path / "weights.bin").write_bytes(array.tobytes())
    write_manifest(tmp_path, [entry("w", "int16", array, b"", length=None)])
    judge.assert_same(tf_cli.hash(tmp_path)[0], [judge.tensor("w", array, "int16")])


def test_a_manifest_may_be_named_by_its_file_or_its_folder(tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", EVERY)
    assert tf_cli.hash(source / "manifest.json")[1] == tf_cli.hash(source)[1] == judge.digest(expected(EVERY))


def test_attributes_survive(tf_cli, tmp_path):
    array = np.zeros(2, np.float32)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(array.tobytes())
    mine = {"axis": "channels", "scale": 0.1, "count": 3, "frozen": True}
    write_manifest(folder, [entry("w", "float32", array, array.tobytes(), attributes=mine)], attributes={"model": "x", "n": 7})
    tf_cli.convert(folder, tmp_path / "out", "--to", "raw")
    document = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert document["attributes"] == {"model": "x", "n": 7}
    assert document["tensors"][0]["attributes"] == mine


@pytest.mark.parametrize("kind", ["sha256", "crc32c"])
def test_a_wrong_checksum_is_corrupt_and_says_both_values(kind, tf_cli, tmp_path):
    array = bits("float32", (4,))
    raw = array.tobytes()
    right = hashlib.sha256(raw).hexdigest() if kind == "sha256" else f"{crc32c(raw):08x}"
    wrong = ("0" if right[0] != "0" else "1") + right[1:]
    for name, value, code in (("good", right, 0), ("bad", wrong, 3)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "weights.bin").write_bytes(raw)
        write_manifest(folder, [entry("w", "float32", array, raw, **{kind: value})])
        done = tf_cli("convert", folder, tmp_path / f"{name}.npy")
        assert done.code == code, done
        assert (tmp_path / f"{name}.npy").exists() == (code == 0)
        if code:
            done.fails_with(3, right, wrong)


def test_bytes_without_a_manifest_need_dtype_and_shape(tf_cli, tmp_path):
    array = bits("float32", (784, 12))
    (tmp_path / "weights.bin").write_bytes(b"head" + array.tobytes())
    say = ["--in-opt", "dtype=float32", "--in-opt", "shape=784,12", "--in-opt", "offset=4"]
    tf_cli.convert(tmp_path / "weights.bin", tmp_path / "out.npy", "--from", "raw", *say)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy").view("<u4"), array.view("<u4"))
    for missing in (say[:2], say[2:], []):
        done = tf_cli("convert", tmp_path / "weights.bin", tmp_path / "no.npy", "--from", "raw", *missing)
        assert done.code in (2, 3) and done.identifiers, done
        assert "dtype" in done.err or "shape" in done.err, done
        assert not (tmp_path / "no.npy").exists()


def test_bytes_without_a_manifest_may_be_big_endian(tf_cli, tmp_path):
    array = bits("int32", (6,))
    (tmp_path / "w.bin").write_bytes(stored_bytes(array, "int32", big=True))
    options = [w for o in ("dtype=int32", "shape=6", "order=big") for w in ("--in-opt", o)]
    tf_cli.convert(tmp_path / "w.bin", tmp_path / "out.npy", "--from", "raw", *options)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), array)


def test_bytes_without_a_manifest_whose_size_is_not_the_shapes_are_corrupt(tf_cli, tmp_path):
    (tmp_path / "w.bin").write_bytes(bytes(10))
    options = [w for o in ("dtype=float32", "shape=3") for w in ("--in-opt", o)]
    tf_cli("convert", tmp_path / "w.bin", tmp_path / "out.npy", "--from", "raw", *options).fails_with(3, "12", "10")


def test_unmarked_bytes_are_never_guessed(tf_cli, tmp_path):
    (tmp_path / "w.bin").write_bytes(bits("float32", (100,)).tobytes())
    tf_cli("convert", tmp_path / "w.bin", tmp_path / "out.npy").fails_with(4)


def test_the_string_form_is_length_and_bytes(tf_cli, tmp_path):
    values = np.array([STRINGS], dtype=object)
    source = write_raw(tmp_path / "in", {"s": ("string", values)})
    tf_cli.convert(source, tmp_path / "out", "--to", "raw")
    assert readback.raw_bytes(tmp_path / "out", readback.manifest_entries(tmp_path / "out")[0]) == judge.string_bytes(STRINGS)
