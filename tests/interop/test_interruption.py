"""A conversion that is stopped in the middle leaves nothing behind; one whose input changes fails."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import readback
from cli import leftovers
from raw_input import entry, write_manifest

SIZE = 1 << 30
FORMS = readback.FORMS


@pytest.fixture
def large(tmp_path) -> Path:
    """1 GiB of zeros that take no disk."""
    source = tmp_path / "in"
    source.mkdir()
    with open(source / "weights.bin", "wb") as file:
        file.truncate(SIZE)
    parts = [entry(f"w{i}", "float32", np.zeros(0), b"", shape=[SIZE // 16], length=SIZE // 4, offset=i * (SIZE // 4))
             for i in range(4)]
    return write_manifest(source, parts)


def stopped_in_the_middle(tf_cli, source, target, *args):
    """Starts a conversion and holds it (SIGSTOP) once it has written a part of its output."""
    process = tf_cli.start("convert", source, target, "-j", "1", "--no-sync", *args)
    written = 0
    while written < 8 << 20:
        assert process.poll() is None, process.communicate()
        facts = Path(f"/proc/{process.pid}/io").read_text()
        written = int(facts.split("wchar: ")[1].split()[0])
        time.sleep(0.0005)
    process.send_signal(signal.SIGSTOP)
    while Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T":
        assert process.poll() is None, process.communicate()
        time.sleep(0.0005)
    return process


def finish(process) -> tuple[int, str]:
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    return process.returncode, err.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("form", FORMS)
def test_a_signal_ends_the_program_by_that_signal_and_leaves_nothing(form, number, large, tf_cli, tmp_path):
    how, out = FORMS[form], tmp_path / "out"
    out.mkdir()
    process = stopped_in_the_middle(tf_cli, large, out / how.target, *how.options)
    process.send_signal(number)
    code, err = finish(process)
    assert code == -number, (code, err)
    assert leftovers(out) == []


@pytest.mark.parametrize("form", FORMS)
def test_an_old_output_survives_a_signal(form, large, tf_cli, tmp_path):
    how, out = FORMS[form], tmp_path / "out"
    out.mkdir()
    target = out / how.target
    small = tmp_path / "small"
    small.mkdir()
    (small / "weights.bin").write_bytes(bytes(8))
    write_manifest(small, [entry("w", "float32", np.zeros(2, np.float32), bytes(8))])
    tf_cli.convert(small, target, *how.options)
    process = stopped_in_the_middle(tf_cli, large, target, "--overwrite", *how.options)
    process.send_signal(signal.SIGTERM)
    code, err = finish(process)
    assert code == -signal.SIGTERM, (code, err)
    assert leftovers(out) == [how.target]
    assert [t.name for t in how.read(target)] == ["w"]


@pytest.mark.parametrize("form", FORMS)
def test_a_kill_leaves_nothing_under_the_final_name(form, large, tf_cli, tmp_path):
    how, out = FORMS[form], tmp_path / "out"
    out.mkdir()
    process = stopped_in_the_middle(tf_cli, large, out / how.target, *how.options)
    process.kill()
    process.communicate(timeout=60)
    assert all(name.startswith(".") for name in leftovers(out)), leftovers(out)


@pytest.mark.parametrize("change", ["truncated", "rewritten", "rewritten with its time restored", "grown"])
def test_an_input_that_changes_while_it_is_read_is_an_input_error(change, large, tf_cli, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    process = stopped_in_the_middle(tf_cli, large, out / "x.onnx")
    weights = large / "weights.bin"
    before = weights.stat()
    time.sleep(0.02)  # more than a tick of the file system's clock
    if change == "truncated":
        os.truncate(weights, SIZE // 2)
    else:
        with open(weights, "r+b") as file:
            file.seek(SIZE if change == "grown" else SIZE - 1)
            file.write(b"\x01")
    if change.endswith("restored"):
        os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    code, err = finish(process)
    assert code == 6 and "error[input." in err and "weights.bin" in err, (code, err)
    assert leftovers(out) == []


@pytest.mark.parametrize("form", FORMS)
def test_an_output_that_appears_meanwhile_is_not_replaced(form, large, tf_cli, tmp_path):
    how, out = FORMS[form], tmp_path / "out"
    out.mkdir()
    target = out / how.target
    process = stopped_in_the_middle(tf_cli, large, target, *how.options)
    if "." in how.target:
        target.write_bytes(b"somebody else's")
    else:
        target.mkdir()
        (target / "mine").write_bytes(b"somebody else's")
    code, err = finish(process)
    assert code == 7 and "error[output." in err, (code, err)
    assert leftovers(out) == [how.target]
    assert (target if "." in how.target else target / "mine").read_bytes() == b"somebody else's"


def test_several_signals_at_once_end_it_once(large, tf_cli, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    process = stopped_in_the_middle(tf_cli, large, out / "x.h5")
    for _ in range(3):
        process.send_signal(signal.SIGTERM)
    code, _ = finish(process)
    assert code == -signal.SIGTERM and leftovers(out) == []
