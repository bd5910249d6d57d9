"""Time and memory of tensorferry next to `cp` of the same bytes and to what users run today.

Only ratios mean something: absolute times drift by a third and more. So every run has a run of the reference right
before it, and the ratios are those of such pairs. A virtual machine gives free memory back to its host, and the first
touch afterwards costs up to 15 times as much: while the bench runs, a helper keeps that from happening (hold.cpp).
"""

from __future__ import annotations

import argparse
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile

import cases
import counts
import measure
import rows
from rows import Row

HERE = pathlib.Path(__file__).resolve().parent


class Bench:
    def __init__(self, options: argparse.Namespace, scratch: pathlib.Path):
        self.options = options
        self.scratch = scratch
        self.runner = measure.Runner(scratch)
        self.chosen = [c for c in cases.all_cases() if not options.only or self.matches(c)]
        self.count = not options.only or any(word.lower() in "w6 a million tensors" for word in options.only)
        if not self.chosen and not self.count:
            sys.exit("bench: nothing of that name; --only takes parts of a row's group and label")
        self.make_workloads()

    def matches(self, case: cases.Case) -> bool:
        return any(word.lower() in f"{case.group} {case.label}".lower() for word in self.options.only)

    def make_workloads(self) -> None:
        needed = {case.source for case in self.chosen}
        if any("{root}/safetensors" in word for case in self.chosen for word in case.arguments):
            needed.add("safetensors")
        if any(case.reference == "cmp" for case in self.chosen):
            needed.add("equal")
        self.options.inputs.mkdir(exist_ok=True, parents=True)
        if needed:
            self.make(self.options.size_mib, sorted(needed))
        if self.count:
            for count in (counts.FEW, *counts.counts(self.options.size_mib)):
                self.make(count, ["tiny"])
        self.read_inputs(needed)

    def make(self, size: int, names: list[str]) -> None:
        print(f"making the inputs: {', '.join(names)}", file=sys.stderr)
        command = [self.options.python, HERE / "workloads.py", self.options.inputs, str(size), *names]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: the inputs could not be made\n{done.stderr[-2000:]}")

    def read_inputs(self, names: set[str]) -> None:
        """Into the page cache, before memory is held, which may drive them out, and before they are used."""
        for name in names:
            subprocess.run(["sh", "-c", 'find "$0" -type f -exec cat {} + >/dev/null', self.input(name)], check=True)

    def input(self, name: str) -> pathlib.Path:
        return self.options.inputs / f"{name}-{self.options.size_mib}"

    def command(self, words: list[str], case: cases.Case, folder: pathlib.Path) -> list[str]:
        given = self.input(case.source)
        names = {"{in}": given / cases.ENTRIES[case.source], "{out}": folder / case.out, "{equal}": self.input("equal"),
                 "{root}/safetensors": self.input("safetensors")}  # fmt: skip
        command = []
        for word in words:
            if word == "{files}":
                command += sorted(str(path) for path in given.glob(cases.ELEMENTS[case.source]))
                continue
            for name, path in names.items():
                word = word.replace(name, str(path))
            command.append(word)
        return command

    def reference(self, case: cases.Case, folder: pathlib.Path, output: pathlib.Path | None) -> list[str]:
        given = self.input(case.source)
        if case.reference == "cmp":
            equal = self.input("equal")
            return ["cmp", str(equal / "a"), str(equal / "b")]
        if case.reference == "cp-output":
            return ["cp", "-r", str(output), str(folder / "copy")]
        files = sorted(str(path) for path in given.rglob("*") if path.is_file())
        copy = ["cp", *files, str(folder)]
        if case.reference == "cp-sync":
            return ["sh", "-c", 'cp "$@" && sync "$0"/*', str(folder), *copy[1:]]
        return copy

    def rows_of(self, case: cases.Case) -> list[Row]:
        own = [self.options.program, *case.arguments]
        goals = case.goals or (None, None)
        threads = [(" -j 2", ["-j", "2"], goals[0]), (" -j 1", ["-j", "1"], goals[1])]
        if "convert" not in own and "diff" not in own:
            threads = [("", [], goals[1])]
        rows = []
        for words, option, goal in threads:
            rows.append(Row(case, f"tensorferry{words}", [*own, *option], goal))
            if case.limit and not self.options.no_limit:
                rows.append(Row(case, f"limit{words}", [str(self.options.limit), *option, *case.limit]))
                rows[-2].limit = rows[-1]
        if case.peer and not self.options.no_peers:
            script = [self.options.python, str(HERE / "peers.py")]
            peer = case.peer if case.peer[0] == "h5repack" else [*script, *case.peer]
            if shutil.which(peer[0]):
                rows.append(Row(case, "h5repack" if peer[0] == "h5repack" else "Python script", peer))
        return rows

    def has_run(self, row: Row, number: int) -> bool:
        """Whether a row has a run in this round: a script takes seconds, and needs no more rounds than elsewhere."""
        return number < self.options.rounds or row.own or row.who.startswith("limit")

    def run_case(self, case: cases.Case) -> list[Row]:
        runs = self.rows_of(case)
        self.read_inputs({case.source})
        output = self.first_runs(case, runs)
        for number in range(-self.options.warm_up, self.options.rounds * case.times):
            for row in runs:
                if not self.has_run(row, number):
                    continue
                folder = self.runner.fresh()
                # A limit stands beside the program, and has the same reference run.
                if not row.who.startswith("limit"):
                    reference = self.runner.run(self.reference(case, folder, output), folder, case.many)
                    folder = self.runner.fresh()
                run = self.runner.run(self.command(row.command, case, folder), folder, case.many)
                if number >= 0:
                    row.walls.append(run.wall)
                    row.cpus.append(run.cpu)
                    row.references.append(reference.wall)
        return runs

    def first_runs(self, case: cases.Case, rows: list[Row]) -> pathlib.Path:
        """Peak memory, and an output."""
        output = None
        for row in rows:
            folder = self.runner.fresh()
            row.peak_kib = self.runner.peak_kib(self.command(row.command, case, folder), folder, case.many)
            output = output or folder / case.out
        return output


def machine(options: argparse.Namespace) -> str:
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    kind = subprocess.run(["stat", "-f", "-c", "%T", options.scratch], capture_output=True, text=True).stdout.strip()
    query = ("import importlib.metadata as m; print(', '.join(f'{n} {m.version(n)}' for n in "
             "('tensorflow-cpu', 'numpy', 'h5py', 'onnx', 'safetensors', 'ztensor')))")  # fmt: skip
    peers = subprocess.run([options.python, "-c", query], capture_output=True, text=True).stdout.strip()
    own = subprocess.run([options.program, "--version"], capture_output=True, text=True).stdout.strip()
    command = "./dev bench " + shlex.join(options.shown)
    return (f"{model}, {os.cpu_count()} processors, Linux {platform.release()}, {kind}; {own}; {peers}.\n"
            f"Load when it began: {options.load:.1f}. {options.size_mib} MiB, {options.rounds} rounds (short runs: up to 15 times as many) after "
            f"{options.warm_up} thrown away; {options.hold} GiB held warm. `{command}`")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--python", default=sys.executable, help="a Python with TensorFlow and the peers")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="rows with this in their name")
    parser.add_argument("--size-mib", type=int, default=1024, metavar="N", help="of the inputs; default 1024")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="default 5")
    parser.add_argument("--warm-up", type=int, default=1, metavar="N", help="rounds thrown away; default 1")
    parser.add_argument("--hold", type=int, metavar="GIB",
                        help="memory to keep warm; default 8, at most a third of what is available")  # fmt: skip
    parser.add_argument("--no-limit", action="store_true", help="without the minimal program")
    parser.add_argument("--no-peers", action="store_true", help="without the Python scripts and h5repack")
    parser.add_argument("--inputs", type=pathlib.Path, default=pathlib.Path("build/bench-inputs"),
                        help="where inputs are kept from run to run")  # fmt: skip
    parser.add_argument("--scratch", type=pathlib.Path, default=pathlib.Path("build"), help="where outputs are written")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="write the table there, too")
    options = parser.parse_args()
    options.inputs = options.inputs.resolve()
    words = sys.argv[1:]
    options.shown = words[4:] if words[2:3] == ["--python"] else words[2:]  # as ./dev puts them first
    tools = pathlib.Path(options.program).resolve().parent
    options.limit = tools / "bench_limit"
    options.load = os.getloadavg()[0]
    os.environ["NUMPY_MADVISE_HUGEPAGE"] = "0"  # kind to the scripts: no huge page is kept warm
    if not options.limit.exists() and not (options.no_limit and options.hold == 0):
        sys.exit("bench: bench_limit and bench_hold are missing beside the program: a Release build with tests makes them")
    if not os.access(measure.TIME, os.X_OK):
        sys.exit("bench: GNU time is missing (package: time)")

    scratch = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.scratch)).resolve()
    groups = []
    try:
        bench = Bench(options, scratch)
        if options.hold is None:
            options.hold = min(8, int(measure.available_gib() / 3))
        with measure.WarmMemory(tools / "bench_hold", options.hold):
            for case in bench.chosen:
                groups.append(bench.run_case(case))
                print(rows.lines(groups[-1]), flush=True)
            tables = [f"{rows.EXPLAINED}\n\n{rows.table(groups)}"] if groups else []
            if bench.count:
                tables.append(counts.table(bench.runner, options.program, options.inputs, options.size_mib, options.rounds))
        text = "\n\n".join([machine(options), *tables]) + "\n"
        print(f"\n{text}", flush=True)
        if options.markdown:
            options.markdown.write_text(f"# Benchmarks\n\n{text}")
    finally:
        shutil.rmtree(scratch)  # takes minutes after rows of many files


if __name__ == "__main__":
    main()
