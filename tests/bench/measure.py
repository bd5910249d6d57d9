"""Runs of a program in a fresh folder: seconds, processor seconds, peak memory."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import sys
import tempfile
import time

TIME = "/usr/bin/time"


@dataclasses.dataclass
class Run:
    wall: float
    cpu: float


class Runner:
    """Outputs get a fresh folder each: ext4 does not reuse inodes that were just deleted, and scans past them. Large
    ones are removed, untimed, at once, since dirty pages beyond a tenth of memory wake the write-back thread; folders
    of many files, at the very end."""

    def __init__(self, scratch: pathlib.Path):
        self.scratch = scratch

    def fresh(self) -> pathlib.Path:
        return pathlib.Path(tempfile.mkdtemp(dir=self.scratch))

    def run(self, command: list[str], folder: pathlib.Path, keep: bool = False) -> Run:
        with open(os.devnull, "r+b") as null:
            actions = [(os.POSIX_SPAWN_DUP2, null.fileno(), 0), (os.POSIX_SPAWN_DUP2, null.fileno(), 1)]
            start = time.perf_counter()
            child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
            _, status, usage = os.wait4(child, 0)
            wall = time.perf_counter() - start
        if os.waitstatus_to_exitcode(status) != 0:
            sys.exit(f"bench: {' '.join(command)} failed with {os.waitstatus_to_exitcode(status)}")
        if not keep:
            shutil.rmtree(folder)
        return Run(wall, usage.ru_utime + usage.ru_stime)

    def peak_kib(self, command: list[str], folder: pathlib.Path, keep: bool = False) -> int:
        """A process inherits the peak of the one that started it: GNU time, which is small, stands between."""
        report = self.scratch / "time"
        self.run([TIME, "-f", "%M", "-o", str(report), *command], folder, keep)
        return int(report.read_text().split()[-1])
