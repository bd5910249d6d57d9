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
                 "--only", "W5", "--only", "edits", "--only", "diff", "--hold", "1")  # fmt: skip
    assert sum("-> HDF5 deflate" in row for row in rows) == 2
    own = [row for row in rows if "| tensorferry" in row]
    assert all(row.rsplit("|", 3)[1].strip().split(" ", 1)[1].startswith(("met", "limit", "not met")) for row in own)
    limits = [row for row in rows if "| limit -j" in row]
    assert len(limits) > len(own) / 2


def test_the_counts_run(repository, tmp_path):
    rows = bench(repository, tmp_path, "--only", "W6", "--hold", "0")
    assert len(rows) == 1  # the head of the table
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert sum(line.startswith("| safetensors -> ") for line in lines) == 4


def test_the_peers_run(repository, tmp_path):
    rows = bench(repository, tmp_path, "--only", "W4 raw -> npy", "--only", "HDF5 -> safetensors", "--hold", "0")
    assert sum("| Python script |" in row for row in rows) == 2
    assert all("times as fast" in row for row in rows if "| tensorferry" in row)
