"""h5py reads back the bits of every HDF5 file that tensorferry writes."""

from __future__ import annotations

import h5py
import ml_dtypes
import numpy as np
import pytest

import judge
import readback
from arrays import STRINGS, bits
from raw_input import write_raw


def test_a_file_holds_every_bit(checkpoint, tf_cli, tmp_path):
    prefix, want = checkpoint
    tf_cli.convert(prefix, tmp_path / "out.h5")
    judge.assert_same(readback.hdf5_file(tmp_path / "out.h5"), judge.weights(want), str(prefix))


OPTIONS = (["compression=gzip"], ["compression=gzip", "level=9", "shuffle=true"], ["compression=gzip", "chunk=4096"],
           ["compression=gzip", "level=1", "shuffle=false", "chunk=1024"], ["compression=none"])


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
@pytest.mark.parametrize("label", ["every_dtype", "odd_shapes", "slices_of_any_dtype"])
def test_filters_change_no_bit(label, options, fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints[label]
    words = [w for o in options for w in ("--out-opt", o)]
    tf_cli.convert(made.prefix, tmp_path / "out.h5", *words)
    judge.assert_same(readback.hdf5_file(tmp_path / "out.h5"), judge.weights(made.tensors))


def test_filters_are_those_that_were_asked_for(tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {"w": ("float32", np.zeros((300, 400), np.float32))})

    def made(*options):
        words = [w for o in options for w in ("--out-opt", o)]
        tf_cli.convert(source, tmp_path / "out.h5", "--overwrite", *words)
        with h5py.File(tmp_path / "out.h5") as file:
            w = file["w"]
            assert w.shape == (300, 400) and not w[()].any()
            return w.compression, w.compression_opts, w.shuffle, w.chunks, (tmp_path / "out.h5").stat().st_size

    assert made()[:4] == (None, None, False, None)
    kind, level, shuffle, chunks, size = made("compression=gzip", "level=7", "shuffle=true")
    assert (kind, level, shuffle) == ("gzip", 7, True) and chunks and size < 50000
    chunks = made("compression=gzip", "chunk=8000", "shuffle=false")[3]
    assert chunks is not None and np.prod(chunks) * 4 <= 8000
    assert made("compression=gzip", "shuffle=false")[2] is False


@pytest.mark.parametrize("option", ["compression=lzf", "level=10", "shuffle=perhaps", "chunk=-1"])
def test_options_of_the_wrong_kind_are_usage_errors(option, tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {"w": ("float32", np.zeros(4, np.float32))})
    tf_cli("convert", source, tmp_path / "out.h5", "--out-opt", option).fails_with(2)
    assert not (tmp_path / "out.h5").exists()


def test_a_chunk_that_needs_more_memory_is_refused_until_it_is_given(tf_cli, tmp_path):
    array = np.arange(10 << 20, dtype=np.float64)
    source = write_raw(tmp_path / "in", {"w": ("float64", array)})
    options = [w for o in ("compression=gzip", "chunk=32M", "level=1") for w in ("--out-opt", o)]
    words = ("convert", source, tmp_path / "out.h5", *options)
    for more in ((), ("--dry-run",)):
        tf_cli(*words, *more).fails_with(2, "usage.memory_limit", "chunk=BYTES")
    assert not (tmp_path / "out.h5").exists()
    done, took = tf_cli.measured(*words, "--memory-limit", "160M", "--no-sync")
    assert done.code == 0 and took["peak_kib"] < 92 * 1024, (done, took)
    with h5py.File(tmp_path / "out.h5") as file:
        assert np.prod(file["w"].chunks) * 8 > 16 << 20
        np.testing.assert_array_equal(file["w"][()], array)


def test_users_see_the_values_through_plain_h5py(fresh_checkpoints, tf_cli, tmp_path):
    """What file["name"][()] gives, with no knowledge of tensorferry."""
    tf_cli.convert(fresh_checkpoints["every_dtype"].prefix, tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        for dtype in ("int8", "int64", "uint16", "uint64", "bool", "float16", "float32", "float64", "complex64",
                      "complex128", "qint16"):
            want, got = bits(dtype, (16, 17)), file[dtype][()]
            assert got.dtype == want.dtype, dtype
            np.testing.assert_array_equal(got, want, dtype)
        for dtype, seen in (("bfloat16", np.float32), ("float8_e5m2", np.float16)):
            want, got = bits(dtype, (16, 17)).astype(seen), file[dtype][()]
            assert got.dtype == seen, dtype
            np.testing.assert_array_equal(got, want, dtype)
        for dtype in ("int4", "int2", "uint4", "uint2"):
            np.testing.assert_array_equal(file[dtype][()].astype(np.int16), bits(dtype, (16, 17)).astype(np.int16), dtype)
        assert "tensorferry_dtype" not in file["float32"].attrs
        assert file["int4"].attrs["tensorferry_dtype"] == "int4"


def test_strings_are_vlen_text_or_vlen_bytes(tf_cli, tmp_path):
    text = np.array([["plain", ""], ["żółć", "漢字"]])
    as_bytes = np.array([[t.encode() for t in row] for row in text], dtype=object)
    anything = np.array(STRINGS, dtype=object)
    source = write_raw(tmp_path / "in", {"text": ("string", as_bytes), "any/bytes": ("string", anything),
                                         "scalar": ("string", np.array(b"one", dtype=object))})
    tf_cli.convert(source, tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["text"].asstr()[()].tolist() == text.tolist()
        assert file["scalar"].asstr()[()] == "one"
        assert [v.tobytes() for v in file["any/bytes"][()]] == STRINGS


def test_a_name_that_is_a_prefix_of_another_stands_beside_it(tf_cli, tmp_path):
    names = ["a", "a/b", "a/b/c", "a/b/c/d", "x/y", "x"]
    tensors = {n: ("int32", np.array([i], np.int32)) for i, n in enumerate(names)}
    tf_cli.convert(write_raw(tmp_path / "in", tensors), tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        by_name = {d.attrs.get("tensorferry_name", p.decode()): d[()].tolist()
                   for p, d in readback.hdf5_datasets(file).items()}
        assert by_name == {n: [i] for i, n in enumerate(names)}
        assert isinstance(file["a"], h5py.Group) and file["a/b/c/d"][()].tolist() == [3]


@pytest.mark.parametrize("name", ["/lead", "trail/", "a//b", ".", "..", "a/./b", "100%", "%41", "%", "nul\0x", "%~",
                                  "x%~", "sp ace", "żółć"])
def test_an_odd_name_comes_back_exactly(name, tf_cli, tmp_path):
    tf_cli.convert(write_raw(tmp_path / "in", {name: ("int32", np.array([7], np.int32))}), tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        (path, dataset), = readback.hdf5_datasets(file).items()
        assert dataset[()].tolist() == [7]
        if path.decode() != name and "\0" not in name:
            assert dataset.attrs["tensorferry_name"] == name
    judge.assert_same(readback.hdf5_file(tmp_path / "out.h5"), [judge.tensor(name, np.array([7], np.int32), "int32")])


def test_every_dtype_that_only_raw_files_hold_is_carried(tf_cli, tmp_path):
    tensors = {d: (d, bits(d, (5, 7))) for d in ("float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn")}
    tf_cli.convert(write_raw(tmp_path / "in", tensors), tmp_path / "out.h5")
    judge.assert_same(readback.hdf5_file(tmp_path / "out.h5"), [judge.tensor(d, a, d) for d, (_, a) in tensors.items()])
    with h5py.File(tmp_path / "out.h5") as file:
        again = file["float8_e8m0fnu"][()].view(ml_dtypes.float8_e8m0fnu)
        np.testing.assert_array_equal(again.view(np.uint8), tensors["float8_e8m0fnu"][1].view(np.uint8))


def test_a_rank_that_hdf5_cannot_hold_is_refused_before_anything_is_written(tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {"deep": ("float32", np.zeros((1,) * 33, np.float32))})
    done = tf_cli("convert", source, tmp_path / "out.h5")
    assert done.code in (4, 5) and "deep" in done.err and "32" in done.err, done
    assert not (tmp_path / "out.h5").exists()


def test_the_limit_of_strings_is_that_of_every_command(tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {"text": ("string", np.array([b"x" * 1000, b"y"], dtype=object))})
    for target in ("hdf5", "onnx", "npz", "raw"):
        for limit, code in (("900", 8), ("4K", 0)):
            done = tf_cli("convert", source, tmp_path / target, "--to", target, "--limit", f"strings={limit}")
            assert done.code == code and ("--limit strings=BYTES" in done.err) == (code != 0), done
    assert tf_cli("hash", source, "--limit", "strings=4K").code == 0
    assert "--limit strings=BYTES" in tf_cli("hash", source, "--limit", "strings=900").err
