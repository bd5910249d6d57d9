"""Runs the program under test and says what it printed when an expectation fails."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import judge

# the identifier that every error carries: error[corrupt.truncated]
ERROR = re.compile(r"error\[([a-z0-9_.-]+)\]")
CODES = {"usage": 2, "corrupt": 3, "unsupported": 4, "unsafe": 5, "input": 6, "output": 7, "resources": 8, "lossy": 9}


def take_signals() -> None:
    """In a child: a shell starts what runs in its background with SIGINT ignored, which a program passes on."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@dataclass(repr=False)
class Result:
    args: list[str]
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"{' '.join(self.args)}\nexit {self.code}\n{self.out[-2000:]}\n{self.err[-2000:]}"

    __repr__ = __str__

    @property
    def identifiers(self) -> list[str]:
        return ERROR.findall(self.err)

    def fails_with(self, code: int, *says: str) -> "Result":
        """The exit code of cli.md, an identifier of that class, and every text in `says` on stderr."""
        assert self.code == code, self
        kinds = {i.split(".")[0] for i in self.identifiers}
        assert any(CODES.get(k) == code for k in kinds), f"no error identifier of class {code}: {self}"
        for text in says:
            assert text in self.err, f"{text!r} is not in the message: {self}"
        return self

    def succeeds(self) -> "Result":
        assert self.code == 0, self
        return self


@dataclass
class Cli:
    program: str

    def __call__(self, *args, timeout: float = 60, **popen) -> Result:
        words = [self.program, *map(str, args)]
        done = subprocess.run(words, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL, **popen)
        return Result(words, done.returncode, done.stdout.decode("utf-8", "replace"),
                      done.stderr.decode("utf-8", "replace"))

    def start(self, *args, **popen) -> subprocess.Popen:
        """For tests that send signals: the program does not ignore them, however the tests were started."""
        popen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                 "preexec_fn": take_signals, **popen}
        return subprocess.Popen([self.program, *map(str, args)], **popen)

    def measured(self, *args, **popen) -> tuple[Result, dict]:
        """Also the peak memory in KiB and the seconds of the run."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            words = [sys.executable, "-S", "-E", str(Path(__file__).with_name("measure.py")), str(report)]
            done = Cli(words[0])(*words[1:], self.program, *args, **popen)
            facts = json.loads(report.read_text())
        return Result([self.program, *map(str, args)], facts["code"], done.out, done.err), facts

    def convert(self, source, target, *args, **popen) -> Result:
        """A conversion that must succeed; raw keys, and no waiting for the disk."""
        return self("convert", source, target, "--names", "raw", "--no-sync", *args, **popen).succeeds()

    def hash(self, source, *args) -> tuple[list[judge.Tensor], str]:
        return judge.from_hash_json(self("hash", source, "--json", "--names", "raw", *args).succeeds().out)

    def listing(self, source, *args) -> dict[str, dict]:
        document = json.loads(self("ls", source, "--json", "--names", "raw", *args).succeeds().out)
        return {judge.json_name(e): e for e in document["tensors"]}


def assert_refused(tf_cli: Cli, source, code: int, folder: Path, *says: str, target: str = "old.onnx") -> Result:
    """A conversion fails with that code: nothing new beside the target, and the old file untouched."""
    folder.mkdir(exist_ok=True)
    (folder / target).write_bytes(b"the old file")
    done = tf_cli("convert", source, folder / target, "--names", "raw", "--no-sync", "--overwrite")
    done.fails_with(code, *says)
    assert (folder / target).read_bytes() == b"the old file", done
    assert leftovers(folder) == [target], done
    return done


def leftovers(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def tree(path: Path) -> dict[str, bytes]:
    """Every file under `path` (or the file itself) with its bytes."""
    if path.is_file():
        return {"": path.read_bytes()}
    return {str(f.relative_to(path)): f.read_bytes() for f in sorted(path.rglob("*")) if f.is_file()}
