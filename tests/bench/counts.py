"""W6: a million tensors of a few bytes, in time that is linear and memory that is bounded for each."""

from __future__ import annotations

import dataclasses
import pathlib
import statistics

import measure

FEW = 10  # what a process takes before the first tensor
MILLION = 1_000_000
WORK = (("ls", ["ls", "{in}"]),
        ("safetensors -> safetensors", ["convert", "{in}", "{out}/out.safetensors", "--no-sync", "-q"]),
        ("safetensors -> ONNX", ["convert", "{in}", "{out}/out.onnx", "--no-sync", "-q"]))  # fmt: skip

HEADER = """Bytes for each tensor: peak memory beyond that of a model of ten, divided by their number. Linear: time for each tensor, over that of
the same work on a tenth of them.

| W6 | tensors | wall s | CPU s | peak MiB | bytes for each | linear |
|---|--:|--:|--:|--:|--:|--:|"""


def counts(mebibytes: int) -> tuple[int, int]:
    """A million and a tenth of it, or less in a smaller run."""
    most = max(1000, MILLION * min(mebibytes, 1024) // 1024)
    return most // 10, most


@dataclasses.dataclass
class Cost:
    wall: float
    cpu: float
    peak_kib: int


def cost(runner: measure.Runner, program: str, words: list[str], source: pathlib.Path, rounds: int) -> Cost:
    def command(folder):
        return [program] + [word.replace("{in}", str(source)).replace("{out}", str(folder)) for word in words]

    folder = runner.fresh()
    peak = runner.peak_kib(command(folder), folder)
    runs = []
    for _ in range(rounds):
        folder = runner.fresh()
        runs.append(runner.run(command(folder), folder))
    return Cost(statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs), peak)


def source(inputs: pathlib.Path, count: int) -> pathlib.Path:
    return inputs / f"tiny-{count}" / "model.safetensors"


def table(runner: measure.Runner, program: str, inputs: pathlib.Path, mebibytes: int, rounds: int) -> str:
    lines = [HEADER]
    for label, words in WORK:
        few = cost(runner, program, words, source(inputs, FEW), 1)
        tenth = None
        for count in counts(mebibytes):
            own = cost(runner, program, words, source(inputs, count), rounds)
            linear = f"{own.wall / tenth.wall / 10:.2f}" if tenth else ""
            each = (own.peak_kib - few.peak_kib) * 1024 / count
            lines.append(f"| {label} | {count:,} | {own.wall:.3f} | {own.cpu:.3f} | {own.peak_kib / 1024:.1f} | {each:.0f} "
                         f"| {linear} |")  # fmt: skip
            tenth = tenth or own
    return "\n".join(lines)
