"""Time and memory of tensorferry next to `cp` of the same bytes and to what users run today.

Only ratios mean something: absolute times drift by a third and more. So every run has a run of the reference right
before it, and the ratios are those of such pairs. The first rounds are thrown away: a virtual machine gives free
memory back to its host, and the first touch afterwards costs up to 15 times as much.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

import cases
import measure

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Row:
    case: cases.Case
    who: str
    goal: float | None
    command: list[str]
    walls: list[float] = dataclasses.field(default_factory=list)
    cpus: list[float] = dataclasses.field(default_factory=list)
    references: list[float] = dataclasses.field(default_factory=list)
    peak_kib: int = 0

    @property
    def ratio(self) -> float:
        return statistics.median(own / other for own, other in zip(self.walls, self.references))

    @property
    def spread(self) -> str:
        ratios = [own / other for own, other in zip(self.walls, self.references)]
        return f"{min(ratios):.2f}-{max(ratios):.2f}"


class Bench:
    def __init__(self, options: argparse.Namespace, scratch: pathlib.Path):
        self.options = options
        self.scratch = scratch
        self.runner = measure.Runner(scratch)
        self.chosen = [c for c in cases.all_cases() if not options.only or self.matches(c)]
        if not self.chosen:
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
        print(f"making the inputs: {', '.join(sorted(needed))}", file=sys.stderr)
        command = [self.options.python, HERE / "workloads.py", self.options.inputs, str(self.options.size_mib)]
        done = subprocess.run([*command, *sorted(needed)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: the inputs could not be made\n{done.stderr[-2000:]}")
        for name in needed:  # in the page cache
            subprocess.run(["sh", "-c", 'find "$0" -type f -exec cat {} + >/dev/null', self.input(name)], check=True)

    def input(self, name: str) -> pathlib.Path:
        return self.options.inputs / f"{name}-{self.options.size_mib}"

    def command(self, words: list[str], case: cases.Case, folder: pathlib.Path) -> list[str]:
        entry = self.input(case.source) / cases.ENTRIES[case.source]
        other = str(self.input("safetensors").parent)
        return [word.replace("{in}", str(entry)).replace("{out}", str(folder / case.out))
                .replace("{root}/safetensors", f"{other}/safetensors-{self.options.size_mib}") for word in words]

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
        if "convert" not in own and "diff" not in own:
            rows = [Row(case, "tensorferry", goals[1], own)]
        else:
            rows = [Row(case, f"tensorferry -j {n}", goal, [*own, "-j", str(n)]) for n, goal in zip((2, 1), goals)]
        if case.peer and not self.options.no_peers:
            script = [self.options.python, str(HERE / "peers.py")]
            peer = case.peer if case.peer[0] == "h5repack" else [*script, *case.peer]
            if shutil.which(peer[0]):
                rows.append(Row(case, "h5repack" if peer[0] == "h5repack" else "Python script", None, peer))
        return rows

    def run_case(self, case: cases.Case) -> list[Row]:
        rows = self.rows_of(case)
        output = None
        for number in range(-self.options.warm_up, self.options.rounds):
            for row in rows:
                folder = self.runner.fresh()
                reference = self.runner.run(self.reference(case, folder, output), folder, case.many) if (
                    output or case.reference != "cp-output") else None  # fmt: skip
                folder = self.runner.fresh()
                command = self.command(row.command, case, folder)
                if number == -self.options.warm_up:
                    row.peak_kib = self.runner.peak_kib(command, folder, case.many)
                    if case.many and output is None:
                        output = folder / case.out
                    continue
                run = self.runner.run(command, folder, case.many)
                if number >= 0:
                    row.walls.append(run.wall)
                    row.cpus.append(run.cpu)
                    row.references.append(reference.wall)
        return rows


def verdict(row: Row) -> str:
    if row.goal is None:
        return ""
    met = row.ratio <= row.goal and row.peak_kib / 1024 <= row.case.peak_mib
    return f"{row.goal:g} {'met' if met else 'not met'}"


def table(groups: list[list[Row]]) -> str:
    lines = ["| work | program | wall s | CPU s | peak MiB | x reference | spread | goal | best peer |",
             "|---|---|--:|--:|--:|--:|--:|---|--:|"]  # fmt: skip
    for rows in groups:
        peers = [row for row in rows if not row.who.startswith("tensorferry")]
        for row in rows:
            beside = ""
            if peers and row not in peers:
                pairs = [theirs / own for own, theirs in zip(row.walls, peers[0].walls)]
                beside = f"{statistics.median(pairs):.1f} times as fast"
            reference = "" if row.case.reference == "cp" else f" {row.case.reference}"
            lines.append(f"| {row.case.group} {row.case.label} | {row.who} | {statistics.median(row.walls):.4f} "
                         f"| {statistics.median(row.cpus):.3f} | {row.peak_kib / 1024:.1f} | {row.ratio:.2f}{reference} "
                         f"| {row.spread} | {verdict(row)} | {beside} |")  # fmt: skip
    return "\n".join(lines)


def machine(options: argparse.Namespace) -> str:
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    kind = subprocess.run(["stat", "-f", "-c", "%T", options.scratch], capture_output=True, text=True).stdout.strip()
    query = ("import importlib.metadata as m; print(', '.join(f'{n} {m.version(n)}' for n in "
             "('tensorflow-cpu', 'numpy', 'h5py', 'onnx', 'safetensors')))")  # fmt: skip
    peers = subprocess.run([options.python, "-c", query], capture_output=True, text=True).stdout.strip()
    own = subprocess.run([options.program, "--version"], capture_output=True, text=True).stdout.strip()
    command = "./dev bench " + shlex.join(options.shown)
    return (f"{model}, {os.cpu_count()} processors, Linux {platform.release()}, {kind}; {own}; {peers}.\n"
            f"Load when it began: {options.load:.1f}. {options.size_mib} MiB, {options.rounds} rounds after "
            f"{options.warm_up} that were thrown away. `{command}`")  # fmt: skip


EXPLAINED = """x reference: the median of the ratios to `cp` of the input's files right before the run; cp-sync: to `cp` and
`sync` of the copies; cp-output: to `cp -r` of the folder that was written; cmp: to `cmp` of two equal files."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--python", default=sys.executable, help="a Python with TensorFlow and the peers")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="rows with this in their name")
    parser.add_argument("--size-mib", type=int, default=1024, metavar="N", help="of the inputs; default 1024")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="default 5")
    parser.add_argument("--warm-up", type=int, default=2, metavar="N", help="rounds thrown away; default 2, least 1")
    parser.add_argument("--no-peers", action="store_true", help="without the Python scripts and h5repack")
    parser.add_argument("--inputs", type=pathlib.Path, default=pathlib.Path("build/bench-inputs"),
                        help="where inputs are kept from run to run")  # fmt: skip
    parser.add_argument("--scratch", type=pathlib.Path, default=pathlib.Path("build"), help="where outputs are written")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="write the table there, too")
    options = parser.parse_args()
    options.inputs = options.inputs.resolve()
    words = sys.argv[1:]
    options.shown = words[4:] if words[2:3] == ["--python"] else words[2:]  # as ./dev puts them first
    options.warm_up = max(1, options.warm_up)
    options.load = os.getloadavg()[0]
    if not os.access(measure.TIME, os.X_OK):
        sys.exit("bench: GNU time is missing (package: time)")

    scratch = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.scratch)).resolve()
    groups = []
    try:
        bench = Bench(options, scratch)
        for case in bench.chosen:
            groups.append(bench.run_case(case))
            print(table(groups[-1:]).split("\n", 2)[2], flush=True)
    finally:
        shutil.rmtree(scratch)
    text = f"{machine(options)}\n\n{EXPLAINED}\n\n{table(groups)}\n"
    print(f"\n{text}")
    if options.markdown:
        options.markdown.write_text(f"# Benchmarks\n\n{text}")


if __name__ == "__main__":
    main()
