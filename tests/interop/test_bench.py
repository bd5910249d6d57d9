"""The benchmark itself: that every row runs, at a size that shows nothing about speed."""

from __future__ import annotations

import os
import subprocess
import sys


def bench(repository, tmp_path, *arguments):
    command = [sys.executable, repository / "tests/bench/run.py", "--program", os.environ["TENSORFERRY"],
               "--python", sys.executable, "--size-mib", "2", "--rounds", "1", "--warm-up", "1",
               "--inputs", tmp_path / "inputs", "--scratch", tmp_path, "--markdown", tmp_path / "table.md",
               *arguments]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in (tmp_path / "table.md").read_text().splitlines() if line.startswith("| W")]


def test_the_rows_run(repository, tmp_path):
    rows = bench(repository, tmp_path, "--no-peers", "--only", "W1", "--only", "W2 TF -> npy", "--only", "W3",
                 "--only", "W5", "--only", "diff")  # fmt: skip
    assert sum("-> HDF5 deflate" in row for row in rows) == 2
    assert all(" met |" in row for row in rows)


def test_the_peers_run(repository, tmp_path):
    rows = bench(repository, tmp_path, "--only", "W4 raw -> npy", "--only", "HDF5 -> safetensors")
    assert sum("| Python script |" in row for row in rows) == 2
    assert all("times as fast" in row for row in rows if "| tensorferry" in row)
