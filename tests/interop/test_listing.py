"""ls, info and print say what is there; progress and logs go where they belong."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time

import numpy as np
import pytest

import readback
from raw_input import write_raw

NUMBERS = {
    "f": ("float32", np.array([[1.5, -2.25, 0.1], [np.inf, np.nan, -0.0]], np.float32)),
    "d": ("float64", np.array([0.1, 1e300, -1e-300])),
    "i": ("int64", np.array([-(2**63), 2**63 - 1])),
    "u": ("uint64", np.array([2**64 - 1], np.uint64)),
    "b": ("bool", np.array([True, False])),
    "c": ("complex64", np.array([1 + 2j, -0.5j], np.complex64)),
    "s": ("string", np.array([b"text", b"\x00\xff"], dtype=object)),
    "scalar": ("int32", np.array(42, np.int32)),
    "none": ("float32", np.zeros((0, 3), np.float32)),
}


@pytest.fixture
def numbers(tmp_path):
    return write_raw(tmp_path / "in", NUMBERS)


def test_ls_shows_name_dtype_and_shape_of_every_tensor(numbers, tf_cli):
    lines = tf_cli("ls", numbers).succeeds().out.splitlines()
    for name, (dtype, array) in NUMBERS.items():
        (line,) = [x for x in lines if re.match(rf"\s*{name}\s", x)]
        assert dtype in line and all(str(d) in line for d in array.shape), line


def test_long_and_tree_listings_show_the_same_tensors(fresh_checkpoints, tf_cli):
    made = fresh_checkpoints["partitioned"]
    for form in ("--long", "--tree"):
        out = tf_cli("ls", made.prefix, form, "--names", "raw").succeeds().out
        assert all(t.name.split("/")[-1] in out for t in made.tensors), out
    assert "model.ckpt.data-00000-of-00001" in tf_cli("ls", made.prefix, "--long").succeeds().out


def test_info_is_what_the_bare_program_prints(fresh_checkpoints, tf_cli):
    made = fresh_checkpoints["every_dtype"]
    out = tf_cli("info", made.prefix).succeeds().out
    assert "tensorflow" in out.lower() and "31" in out and "bfloat16" in out
    assert tf_cli(made.prefix).succeeds().out == out
    assert json.loads(tf_cli("info", made.prefix, "--json").succeeds().out)


def test_print_gives_values_that_read_back_exactly(numbers, tf_cli):
    """Enough digits that the float is the same float."""
    for name in ("f", "d", "i", "u"):
        dtype, array = NUMBERS[name]
        out = tf_cli("print", numbers, name, "--full").succeeds().out
        finite = [v for v in array.reshape(-1).tolist() if np.isfinite(v)]
        words = {w for w in re.findall(r"[-+0-9.e]+", out)}
        parsed = set()
        for w in words:
            try:
                parsed.add(int(w) if dtype.endswith("int64") else float(np.dtype(dtype).type(w)))
            except ValueError:
                pass
        assert set(finite) <= parsed, (finite, out)
    assert "nan" in tf_cli("print", numbers, "f").out.lower() and "inf" in tf_cli("print", numbers, "f").out.lower()
    assert "text" in tf_cli("print", numbers, "s").succeeds().out
    assert "42" in tf_cli("print", numbers, "scalar").succeeds().out
    assert "true" in tf_cli("print", numbers, "b").succeeds().out.lower()


def test_print_as_json_and_in_slices(tf_cli, tmp_path):
    array = np.arange(24, dtype=np.int32).reshape(4, 6) * 1001
    source = write_raw(tmp_path / "in", {"w": ("int32", array)})
    text = tf_cli("print", source, "w", "--full", "--json").succeeds().out
    assert [int(n) for n in re.findall(r"\d+", text)].count(23023) == 1 and json.loads(text)
    part = tf_cli("print", source, "w", "--full", "--slice", "1:3,:2").succeeds().out
    for value in (6006, 7007, 12012, 13013):
        assert str(value) in part, part
    for value in (5005, 8008, 18018):
        assert str(value) not in part, part


def test_a_conversion_says_one_line_and_keeps_stdout_for_data(numbers, tf_cli, tmp_path):
    done = tf_cli("convert", numbers, tmp_path / "out.h5").succeeds()
    text = done.out + done.err
    assert "9 tensors" in text, done
    assert "\r" not in text and "\x1b" not in text, "no bar where there is no terminal"
    quiet = tf_cli("convert", numbers, tmp_path / "quiet.h5", "-q").succeeds()
    assert quiet.out == ""


def test_progress_as_json_lines(tf_cli, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "weights.bin").write_bytes(b"")
    with open(source / "weights.bin", "r+b") as file:
        file.truncate(512 << 20)
    (source / "manifest.json").write_text(json.dumps({"tensorferry": 1, "tensors": [
        {"name": "w", "dtype": "float32", "shape": [128 << 20], "file": "weights.bin"}]}))
    done = tf_cli("convert", source, tmp_path / "out.onnx", "--progress", "json", "--no-sync").succeeds()
    events = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert events and all(isinstance(e, dict) for e in events)
    (tmp_path / "out.onnx").unlink()


def test_a_terminal_sees_a_bar_and_a_file_sees_none(tf_cli, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    with open(source / "weights.bin", "wb") as file:
        file.truncate(512 << 20)
    (source / "manifest.json").write_text(json.dumps({"tensorferry": 1, "tensors": [
        {"name": "w", "dtype": "float32", "shape": [128 << 20], "file": "weights.bin"}]}))
    ours, theirs = pty.openpty()
    child = subprocess.Popen([tf_cli.program, "convert", str(source), str(tmp_path / "out"), "--to", "raw", "--no-sync",
                              "-j", "1"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    time.sleep(0.05)
    child.send_signal(signal.SIGSTOP)  # so that the run takes more than half a second on any machine
    time.sleep(0.8)
    child.send_signal(signal.SIGCONT)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    assert child.wait() == 0
    os.close(ours)
    assert b"MB/s" in seen and b"\r" in seen, seen[-500:]
    for file in (tmp_path / "out").iterdir():
        file.unlink()


def test_listing_and_hashing_work_on_every_output_that_is_a_raw_folder(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["every_dtype"]
    tf_cli.convert(made.prefix, tmp_path / "out", "--to", "raw")
    assert set(tf_cli.listing(tmp_path / "out")) == {t.name for t in made.tensors}
    assert readback.manifest_entries(tmp_path / "out")
