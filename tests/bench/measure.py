"""Runs of a program in a fresh folder: seconds, processor seconds, peak memory."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
import time

TIME = "/usr/bin/time"
SMALL = 16 << 10


@dataclasses.dataclass
class Run:
    wall: float
    cpu: float


class Runner:
    """Outputs get a fresh folder each, and are emptied at once, untimed, and removed at the very end: ext4 does not reuse
    inodes that were just deleted, and scans past them whenever it creates a file."""

    def __init__(self, scratch: pathlib.Path):
        self.scratch = scratch

    def fresh(self) -> pathlib.Path:
        return pathlib.Path(tempfile.mkdtemp(dir=self.scratch))

    def run(self, command: list[str], folder: pathlib.Path, many: bool = False) -> Run:
        """`many`: thousands of small files; they are written back now, untimed, rather than later beside what is timed, and
        leave the page cache: the memory that is held warm would be used up."""
        with open(os.devnull, "r+b") as null:
            actions = [(os.POSIX_SPAWN_DUP2, null.fileno(), 0), (os.POSIX_SPAWN_DUP2, null.fileno(), 1)]
            start = time.perf_counter()
            child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
            _, status, usage = os.wait4(child, 0)
            wall = time.perf_counter() - start
        if os.waitstatus_to_exitcode(status) != 0:
            sys.exit(f"bench: {' '.join(command)} failed with {os.waitstatus_to_exitcode(status)}")
        if many:
            os.sync()
            forget(folder)
        else:
            empty(folder)
        return Run(wall, usage.ru_utime + usage.ru_stime)

    def peak_kib(self, command: list[str], folder: pathlib.Path, many: bool = False) -> int:
        """A process inherits the peak of the one that started it: GNU time, which is small, stands between."""
        report = self.scratch / "time"
        self.run([TIME, "-f", "%M", "-o", str(report), *command], folder, many)
        return int(report.read_text().split()[-1])


def empty(folder: pathlib.Path) -> None:
    """Dirty pages beyond a tenth of memory would wake the thread that writes them back."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size > SMALL:
            os.truncate(path, 0)


def forget(folder: pathlib.Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


class WarmMemory:
    """The program hold, while measurements last."""

    def __init__(self, program: pathlib.Path, gibibytes: int):
        self.process = None
        if gibibytes > 0:
            self.process = subprocess.Popen([program, str(gibibytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            if b"ready" not in self.process.stdout.read():  # it closes its output once it is ready
                sys.exit("bench: the memory could not be held; --hold 0 goes without")

    def __enter__(self) -> WarmMemory:
        return self

    def __exit__(self, *_) -> None:
        if self.process:
            self.process.stdin.close()
            self.process.wait()


def available_gib() -> float:
    found = next(line for line in open("/proc/meminfo") if line.startswith("MemAvailable:"))
    return int(found.split()[1]) / (1 << 20)
