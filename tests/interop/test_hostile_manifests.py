"""Raw manifests that are wrong, unsafe or hostile, and inputs that are no files."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

import judge
from cli import assert_refused
from raw_input import entry, write_manifest

ARRAY = np.arange(4, dtype=np.float32)
RAW = ARRAY.tobytes()


def one(folder: Path, **facts) -> Path:
    """A folder with one good tensor `w`, but for these facts (None leaves one out)."""
    folder.mkdir()
    (folder / "weights.bin").write_bytes(RAW)
    told = entry("w", "float32", ARRAY, RAW) | facts
    return write_manifest(folder, [{k: v for k, v in told.items() if v is not None}])


def test_the_manifest_that_the_others_change_is_good(tf_cli, tmp_path):
    judge.assert_same(tf_cli.hash(one(tmp_path / "in"))[0], [judge.tensor("w", ARRAY, "float32")])


CASES = {
    "no dtype": ({"dtype": None}, 3, "refusing to guess"),
    "no shape": ({"shape": None}, 3, "refusing to guess"),
    "no file": ({"file": None}, 3, ""),
    "no name": ({"name": None}, 3, ""),
    "ambiguous float": ({"dtype": "float"}, 4, "float32"),
    "ambiguous half": ({"dtype": "half"}, 4, "float16"),
    "unknown dtype": ({"dtype": "float128000"}, 4, "float32"),
    "void dtype": ({"dtype": "V2"}, 4, ""),
    "length is not the shape's": ({"length": 12}, 3, "16"),
    "shape larger than the file": ({"shape": [5], "length": None}, 3, "20"),
    "offset past the end": ({"offset": 17}, 3, "16"),
    "offset near 2^63": ({"offset": (1 << 63) - 8}, 3, ""),
    "offset above 2^64": ({"offset": 1 << 70}, 3, ""),
    "negative offset": ({"offset": -1}, 3, ""),
    "fractional offset": ({"offset": 0.5}, 3, ""),
    "offset is text": ({"offset": "0"}, 3, ""),
    "negative dimension": ({"shape": [-4]}, 3, ""),
    "fractional dimension": ({"shape": [4.0]}, 3, ""),
    "product overflows": ({"shape": [1 << 62, 8], "length": None}, 3, ""),
    "product overflows beside 0": ({"shape": [0, 1 << 62, 8], "length": 0}, 3, ""),
    "shape is a number": ({"shape": 4}, 3, ""),
    "byte order unknown": ({"byte_order": "middle"}, (3, 4), ""),
    "order unknown": ({"order": "diagonal"}, (3, 4), ""),
    "sha256 too short": ({"sha256": "12"}, 3, ""),
    "crc32c is no hex": ({"crc32c": "xyzxyzxy"}, 3, ""),
    "rank 300": ({"shape": [1] * 299 + [4]}, (4, 5), "255"),
    "path upwards": ({"file": "../weights.bin"}, 5, "../weights.bin"),
    "path in a folder above": ({"file": "sub/../../weights.bin"}, 5, ""),
    "absolute path": ({"file": "/etc/passwd"}, 5, "/etc/passwd"),
    "path with NUL": ({"file": "weights.bin\0.txt"}, 5, ""),
    "path of a folder": ({"file": ".."}, 5, ""),
    "path with a backslash": ({"file": "..\\weights.bin"}, 5, ""),
    "empty path": ({"file": ""}, (3, 5), ""),
    "missing file": ({"file": "elsewhere.bin"}, 6, "elsewhere.bin"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_fact_is_refused(case, tf_cli, tmp_path):
    facts, codes, says = CASES[case]
    source = one(tmp_path / "in", **facts)
    codes = codes if isinstance(codes, tuple) else (codes,)
    done = tf_cli("convert", source, tmp_path / "out.npy")
    assert done.code in codes, done
    done.fails_with(done.code, says)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


@pytest.mark.parametrize("text", [
    "", "[]", "null", "{}", "{", "\ufeff{}", '{"tensorferry": 1}', '{"tensorferry": 1, "tensors": {}}',
    '{"tensorferry": 1, "tensors": [null]}', '{"tensorferry": 1, "tensors": [], "tensors": []}',
    '{"tensorferry": 1, "tensors": NaN}', '{"tensorferry": 1, "tensors": []} x', '{"tensorferry": "1", "tensors": []}',
    "[" * 100_000, '{"a":' * 100_000, '{"tensorferry": 1, "tensors": [], "x": "' + "\\ud800" + '"}',
], ids=["empty", "list", "null", "no keys", "cut", "byte order mark", "no tensors", "tensors no list", "entry no object",
        "a key twice", "NaN", "rubbish behind", "version is text", "deep lists", "deep objects", "lone surrogate"])  # fmt: skip
def test_a_text_that_is_no_manifest_is_refused(text, tf_cli, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "manifest.json").write_text(text)
    done = tf_cli("convert", tmp_path / "in", tmp_path / "out.npy", "--from", "raw", timeout=10)
    assert done.code in (3, 5), done
    done.fails_with(done.code)
    assert not (tmp_path / "out.npy").exists()


def test_every_proper_prefix_of_a_manifest_is_corrupt(tf_cli, tmp_path):
    source = one(tmp_path / "in")
    text = (source / "manifest.json").read_bytes()
    for length in range(len(text)):
        (source / "manifest.json").write_bytes(text[:length])
        done = tf_cli("hash", source)
        assert done.code == 3 or (done.code == 4 and length < len(text) // 2), done  # too short to be known for a manifest
        tf_cli("convert", source, tmp_path / "out.npy", "--from", "raw").fails_with(3, "manifest.json")
        assert not (tmp_path / "out.npy").exists()


def test_every_proper_prefix_of_the_bytes_is_corrupt(tf_cli, tmp_path):
    source = one(tmp_path / "in")
    for length in range(len(RAW)):
        (source / "weights.bin").write_bytes(RAW[:length])
        assert_refused(tf_cli, source, 3, tmp_path / "out", '"w"', str(length))


def test_a_name_twice_is_corrupt(tf_cli, tmp_path):
    source = one(tmp_path / "in")
    write_manifest(source, [entry("w", "float32", ARRAY, RAW)] * 2)
    assert_refused(tf_cli, source, 3, tmp_path / "out", '"w"')


def test_a_link_out_of_the_folder_is_unsafe(tf_cli, tmp_path):
    source = one(tmp_path / "in")
    (tmp_path / "secret.bin").write_bytes(RAW)
    (source / "weights.bin").unlink()
    (source / "weights.bin").symlink_to("../secret.bin")
    assert_refused(tf_cli, source, 5, tmp_path / "out", "weights.bin")


def test_a_link_inside_the_folder_is_followed(tf_cli, tmp_path):
    source = one(tmp_path / "in")
    (source / "weights.bin").rename(source / "real.bin")
    (source / "weights.bin").symlink_to("real.bin")
    judge.assert_same(tf_cli.hash(source)[0], [judge.tensor("w", ARRAY, "float32")])


def test_a_cache_of_symlinks_is_followed(tf_cli, tmp_path):
    """The manifest itself is a link into a folder of blobs, and so are the files that it names."""
    source = one(tmp_path / "whole")
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "abc"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for i, name in enumerate(("manifest.json", "weights.bin")):
        (source / name).rename(blobs / f"{i}")
        (snapshot / name).symlink_to(f"../../blobs/{i}")
    judge.assert_same(tf_cli.hash(snapshot / "manifest.json")[0], [judge.tensor("w", ARRAY, "float32")])


def test_hard_linked_and_overlapping_inputs_are_read(tf_cli, tmp_path):
    source = one(tmp_path / "in")
    os.link(source / "weights.bin", source / "twin.bin")
    write_manifest(source, [entry("w", "float32", ARRAY, RAW), entry("twin", "float32", ARRAY, RAW, file="twin.bin"),
                            entry("tail", "float32", ARRAY[2:], RAW[8:], offset=8)])
    judge.assert_same(tf_cli.hash(source)[0], [judge.tensor("w", ARRAY, "float32"), judge.tensor("twin", ARRAY, "float32"),
                                               judge.tensor("tail", ARRAY[2:], "float32")])


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "socket"])
def test_a_file_that_is_no_file_is_an_input_error_and_never_waits(kind, tf_cli, tmp_path):
    source = one(tmp_path / "in")
    special = source / "weights.bin"
    special.unlink()
    if kind == "fifo":
        os.mkfifo(special)
    elif kind == "device":
        special.symlink_to("/dev/zero")
    elif kind == "folder":
        special.mkdir()
    else:
        import socket

        here = os.getcwd()
        os.chdir(source)  # socket names are short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("weights.bin")
        os.chdir(here)
    done = tf_cli("convert", source, tmp_path / "out.npy", timeout=10)
    assert done.code in ((5, 6) if kind == "device" else (6,)), done
    assert not (tmp_path / "out.npy").exists()


def test_special_files_as_the_input_itself(tf_cli, tmp_path):
    for source in ("/dev/zero", "/dev/null"):
        tf_cli("ls", source, timeout=10).fails_with(6)
        tf_cli("convert", source, tmp_path / "out.npy", "--from", "raw", "--in-opt", "dtype=uint8", "--in-opt", "shape=4",
               timeout=10).fails_with(6)
    assert tf_cli("ls", "/proc/self/status", timeout=10).code in (4, 6)
    (tmp_path / "empty").mkdir()
    assert tf_cli("ls", tmp_path / "empty").code in (4, 6)


def test_a_fifo_that_is_being_written_does_not_hang_the_probe(tf_cli, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    stop = threading.Event()

    def feed():
        while not stop.is_set():
            try:
                handle = os.open(tmp_path / "fifo", os.O_WRONLY | os.O_NONBLOCK)
                os.close(handle)
            except OSError:
                stop.wait(0.05)

    writer = threading.Thread(target=feed)
    writer.start()
    try:
        tf_cli("ls", tmp_path / "fifo", timeout=10).fails_with(6)
    finally:
        stop.set()
        writer.join()


def test_random_bytes_and_misleading_extensions_are_unknown_formats(tf_cli, tmp_path):
    noise = np.random.default_rng(1).bytes(5000)
    for name in ("noise", "model.onnx", "weights.h5", "model.ckpt", "a.npy"):
        (tmp_path / name).write_bytes(noise)
        done = tf_cli("ls", tmp_path / name)
        assert done.code in (3, 4), done
        if name == "noise":
            done.fails_with(4, "tensorflow", "raw")


def test_a_sparse_terabyte_is_listed_and_read_in_part_without_being_held(tf_cli, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    with open(source / "weights.bin", "wb") as file:
        file.truncate(1 << 40)
    write_manifest(source, [entry("huge", "float32", ARRAY, b"", shape=[1 << 38], length=1 << 40),
                            entry("last", "float32", ARRAY, RAW, offset=(1 << 40) - 16)])
    done, took = tf_cli.measured("ls", source, "--json")
    assert done.code == 0 and took["peak_kib"] < 96 * 1024 and took["seconds"] < 2, (done, took)
    assert json.loads(done.out)["tensors"][0]["bytes"] == 1 << 40
    done, took = tf_cli.measured("convert", source, tmp_path / "last.npy", "--include", "last", "--no-sync")
    assert done.code == 0 and took["peak_kib"] < 96 * 1024 and took["seconds"] < 2, (done, took)
    assert np.load(tmp_path / "last.npy").tolist() == [0, 0, 0, 0]


def test_twenty_thousand_tensors_take_linear_time(tf_cli, tmp_path):
    seconds = {}
    for count in (2_000, 20_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / "weights.bin").write_bytes(bytes(4 * count))
        value = np.zeros((), np.float32)
        write_manifest(folder, [entry(f"t/{i}", "float32", value, bytes(4), offset=4 * i) for i in range(count)])
        _, took = tf_cli.measured("ls", folder, "--json")
        done, also = tf_cli.measured("convert", folder, tmp_path / f"{count}.onnx", "--no-sync")
        assert done.code == 0, done
        seconds[count] = took["seconds"] + also["seconds"]
    assert seconds[20_000] < 20 * max(seconds[2_000], 0.05), seconds
