"""Every output is old or new at every moment, whatever fails: one system call of a conversion fails, or kills it, or
is held while a second converter runs to its end. A sample of all calls; strace injects them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from cli import tree
from raw_input import write_raw

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")

# target, options, and the file without which nothing is readable
FORMS = {
    "safetensors": ("m.safetensors", ("--out-opt", "split_max_size=20000"), "m.safetensors.index.json"),
    "tensorflow": ("ck", ("--to", "tensorflow", "--out-opt", "shards=2"), "ck"),
    "onnx": ("m.onnx", ("--out-opt", "external=always"), "m.onnx"),
    "raw": ("r", ("--to", "raw"), "r"),
    "npy": ("n", ("--to", "npy"), "n"),
    "hdf5": ("m.h5", (), "m.h5"),
}
SETS = ("safetensors", "tensorflow", "onnx")
CALLS = ("fsync", "fdatasync", "linkat", "renameat", "renameat2", "unlinkat", "fchmod", "mkdirat", "pwrite64",
         "fallocate", "getdents64")  # fmt: skip


class Bench:
    """An old output, and the ways to replace it by a new one or by a third."""

    def __init__(self, cli, folder: Path, form: str):
        self.cli, self.form, self.out = cli, form, folder / "out"
        self.sources, self.trees, self.hashes = {}, {}, {}
        for seed, name in enumerate(("old", "new", "third")):
            random = np.random.default_rng(seed)
            tensors = {f"w{i}": ("float32", random.standard_normal((50, 70)).astype(np.float32)) for i in range(3)}
            self.sources[name] = write_raw(folder / f"in_{name}", tensors)
            made = folder / name
            made.mkdir()
            cli(*self.words(name, made)).succeeds()
            self.trees[name], self.hashes[self.hash(made)] = tree(made), name
        self.old = folder / "old"

    def words(self, name: str, out: Path | None = None) -> list[str]:
        target, options, _ = FORMS[self.form]
        return ["convert", str(self.sources[name]), str((out or self.out) / target), *options, "-j", "1", "--overwrite"]

    def hash(self, folder: Path) -> str | None:
        done = self.cli("hash", folder / FORMS[self.form][2])
        return done.out.replace(str(folder), "") if done.code == 0 else None

    def reset(self, old: bool) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        if old:
            shutil.copytree(self.old, self.out)
        else:
            self.out.mkdir()

    def state(self) -> str:
        found = self.hash(self.out)
        return "nothing" if found is None else self.hashes.get(found, "a mixture")

    def strace(self, *how: str) -> list[str]:
        (self.out.parent / "trace").unlink(missing_ok=True)
        return ["strace", "-f", "-qq", "-o", str(self.out.parent / "trace"), *how, self.cli.program, *self.words("new")]

    def count(self, old: bool) -> dict[str, int]:
        self.reset(old)
        subprocess.run(self.strace("-e", "trace=" + ",".join(CALLS)), check=True, capture_output=True)
        text = (self.out.parent / "trace").read_text()
        counts = {call: len(re.findall(rf"\b{call}\(", text)) for call in CALLS}
        return {call: n for call, n in counts.items() if n}

    def inject(self, call: str, what: str, number: int) -> subprocess.CompletedProcess:
        how = self.strace("-e", f"trace={call}", "-e", f"inject={call}:{what}:when={number}")
        return subprocess.run(how, capture_output=True, text=True, timeout=60)

    def untold(self, said: str, expected: str | None) -> list[str]:
        """Names in the folder of the output that neither belong there nor are told."""
        wanted = self.trees[expected] if expected else {}
        tops = {name.split("/")[0] for name in wanted}
        return [p.name for p in self.out.iterdir() if p.name not in tops and p.name not in said]


@pytest.fixture(params=FORMS)
def bench(request, tf_cli, tmp_path):
    return Bench(tf_cli, tmp_path, request.param)


def places(count: int) -> list[int]:
    return sorted({1, count} if count else {})


@pytest.mark.parametrize("old", [False, True], ids=["fresh", "replacing"])
def test_a_system_call_that_fails_leaves_the_old_output_or_says_what_it_left(old, bench):
    before = "old" if old else "nothing"
    for call, count in bench.count(old).items():
        for number in places(count):
            bench.reset(old)
            done = bench.inject(call, "error=EIO", number)
            where, state = (call, number, done.returncode, done.stderr), bench.state()
            assert done.returncode in (0, 6, 7), where
            if done.returncode == 0:
                assert state == "new", where
                assert bench.untold(done.stderr, "new") == [], where
            else:
                assert state == before or "stands all the same" in done.stderr, (where, state)
                assert bench.untold(done.stderr, "old" if old else None) == [], where


@pytest.mark.parametrize("old", [False, True], ids=["fresh", "replacing"])
def test_a_kill_leaves_old_or_new_or_nothing_readable_and_the_next_run_mends_it(old, bench):
    for call, count in bench.count(old).items():
        if call in ("pwrite64", "fallocate", "getdents64"):
            continue  # nothing has a name yet
        for number in places(count):
            bench.reset(old)
            done = bench.inject(call, "signal=KILL", number)
            state, where = bench.state(), (call, number, done.returncode)
            assert state in ("new", "old" if old else "nothing", "nothing"), (where, state)
            assert bench.form in SETS or not old or state != "nothing", where
            bench.cli(*bench.words("new")).succeeds()
            assert tree(bench.out) == bench.trees["new"], where


@pytest.mark.parametrize("old", [False, True], ids=["fresh", "replacing"])
def test_a_second_converter_in_between_gives_one_output_whole(old, bench):
    for call in ("fdatasync", "fsync", "linkat", "renameat2"):
        for number in places(bench.count(old).get(call, 0)):
            bench.reset(old)
            how = bench.strace("-e", f"trace={call}", "-e", f"inject={call}:signal=STOP:when={number}")
            first = subprocess.Popen(how, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            child = stopped_child(bench, first)
            second = bench.cli(*bench.words("third"))
            said = let_go(first, child)
            state, where = bench.state(), (call, number, first.returncode, second.code, said, second.err)
            assert second.code in (0, 7) and first.returncode in (0, 7), where
            assert state in ([name for name, code in (("new", first.returncode), ("third", second.code)) if code == 0]), (
                where, state)  # fmt: skip
            assert bench.untold(said + second.err, state) == [], where
            if second.code == 7:
                assert "output.busy" in second.identifiers or not old, where


def stopped_child(bench: Bench, tracer: subprocess.Popen) -> int | None:
    """The process that strace holds, once it is stopped; None when it has ended before."""
    trace, until = bench.out.parent / "trace", time.monotonic() + 60
    while time.monotonic() < until:
        ended = tracer.poll() is not None
        found = re.search(r"^(\d+) --- (?:stopped by )?SIGSTOP", trace.read_text() if trace.exists() else "", re.MULTILINE)
        if ended or found:
            return int(found[1]) if found and not ended else None
        time.sleep(0.002)
    tracer.kill()
    raise AssertionError("strace neither stopped the program nor ended")


def let_go(tracer: subprocess.Popen, child: int | None) -> str:
    """Lets the stopped process go on to its end; returns what it said. Again and again, since a signal that comes
    while strace is still busy with the stop may be lost."""
    until = time.monotonic() + 60
    while child and tracer.poll() is None and time.monotonic() < until:
        try:
            os.kill(child, signal.SIGCONT)
        except ProcessLookupError:
            break
        time.sleep(0.02)
    try:
        return tracer.communicate(timeout=60)[1]
    except subprocess.TimeoutExpired:
        tracer.kill()
        raise


@pytest.mark.parametrize("form", SETS)
def test_of_two_that_replace_one_set_the_second_is_told_before_it_works(form, tf_cli, tmp_path):
    bench = Bench(tf_cli, tmp_path, form)
    bench.reset(True)
    how = bench.strace("-e", "trace=pwrite64", "-e", "inject=pwrite64:signal=STOP:when=1")
    first = subprocess.Popen(how, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    child = stopped_child(bench, first)
    assert child
    bench.cli(*bench.words("third")).fails_with(7, "output.busy")
    assert bench.state() == "old"
    assert (let_go(first, child), first.returncode)[1] == 0
    assert bench.state() == "new" and tree(bench.out) == bench.trees["new"]


def test_what_a_smaller_set_leaves_of_a_larger_one_is_told(tf_cli, tmp_path):
    bench = Bench(tf_cli, tmp_path, "tensorflow")
    bench.reset(True)
    words = [w.replace("shards=2", "shards=1") for w in bench.words("new")]
    done = tf_cli(*words).succeeds()
    assert "ck.data-00001-of-00002" in done.err and bench.state() == "new", done
