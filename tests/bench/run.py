"""Time and memory of `tensorferry convert` next to `cp` of the same bytes, in the same round.

Only ratios mean something: absolute times drift by a third and more. The traps that this avoids:
- A virtual machine gives free memory back to its host, and the first touch afterwards costs up to 15 times as
  much: the first rounds are thrown away, and every round runs everything once, cp first.
- ext4 does not reuse inodes that were just deleted and scans past them: every output gets a fresh directory.
- Dirty pages beyond a tenth of memory wake the write-back thread: an output is removed, untimed, before the next run.
- A process inherits the memory peak of the one that started it: GNU time, which is small, stands between.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
TIME = "/usr/bin/time"


def write_raw_dump(folder, mebibytes):
    """100 float32 tensors (fewer below 100 MiB) of unequal size: a manifest.json and weights.bin."""
    generator = random.Random(1)
    count = min(100, mebibytes)
    weights = [generator.uniform(0.2, 1.8) for _ in range(count)]
    scale = mebibytes * MIB / sum(weights) / 4096
    rows = [max(1, int(weight * scale)) for weight in weights]
    tensors, offset = [], 0
    folder.mkdir()
    block = generator.randbytes(MIB)
    with open(folder / "weights.bin", "wb") as out:
        for index, row in enumerate(rows):
            length = row * 4096
            tensors.append({"name": f"layer_{index:03}/kernel", "dtype": "float32", "shape": [row, 1024],
                            "file": "weights.bin", "offset": offset, "length": length})  # fmt: skip
            for start in range(0, length, MIB):
                out.write(block[: min(MIB, length - start)])
            offset += length
    (folder / "manifest.json").write_text(json.dumps({"tensorferry": 1, "attributes": {}, "tensors": tensors}))
    return offset


class Bench:
    def __init__(self, options, scratch):
        self.scratch = scratch
        self.input = scratch / "input"
        self.bytes = write_raw_dump(self.input, options.size_mib)
        convert = [options.program, "convert", str(self.input)]
        self.jobs = {"cp": (["cp", str(self.input / "weights.bin")], "out")}
        for threads in (1, 2):
            for label, name, extra in (
                ("raw > npy", "out/", ["--to", "npy"]),
                ("raw > onnx", "out.onnx", []),
                ("raw > h5", "out.h5", []),
            ):
                command = [*convert, "@", *extra, "--no-sync", "-q", "-j", str(threads)]
                self.jobs[f"{label}, {threads} thread{'s' if threads > 1 else ''}"] = (command, name)
        self.jobs["cp, then sync"] = (["sh", "-c", 'cp "$0" "$1" && sync "$1"', str(self.input / "weights.bin")], "out")
        self.jobs["raw > onnx, synced"] = ([*convert, "@", "-q", "-j", "1"], "out.onnx")

    def run(self, label):
        """Seconds and peak KiB of one run."""
        command, name = self.jobs[label]
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        target = f"{folder}/{name}"
        command = [target if part == "@" else part for part in command]
        if target not in command:
            command.append(target)
        report = folder / "time"
        start = time.perf_counter()
        done = subprocess.run([TIME, "-f", "%M", "-o", str(report), *command], stdin=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} exited with {done.returncode}")
        peak = int(report.read_text().split()[-1])
        shutil.rmtree(folder)
        return seconds, peak


def main():
    parser = argparse.ArgumentParser(description="tensorferry convert next to cp")
    parser.add_argument("--program", required=True)
    parser.add_argument("--size-mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=2, help="rounds that are thrown away")
    parser.add_argument("--scratch", type=pathlib.Path, default=pathlib.Path("build"), help="where to write")
    options = parser.parse_args()
    if not os.access(TIME, os.X_OK):
        sys.exit("bench: GNU time is missing (package: time)")

    scratch = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.scratch)).resolve()
    try:
        bench = Bench(options, scratch)
        seconds = {label: [] for label in bench.jobs}
        peaks = dict.fromkeys(bench.jobs, 0)
        for number in range(options.warm_up + options.rounds):
            for label in bench.jobs:
                elapsed, peak = bench.run(label)
                if number >= options.warm_up:
                    seconds[label].append(elapsed)
                    peaks[label] = max(peaks[label], peak)
    finally:
        shutil.rmtree(scratch)

    print(f"{bench.bytes / MIB:.0f} MiB, {options.rounds} rounds after {options.warm_up} that were thrown away")
    print(f"{'':24} {'x cp':>6}  {'least-most':>11}  {'median s':>8}  {'peak MiB':>8}")
    for label, times in seconds.items():
        base = seconds["cp, then sync" if "sync" in label else "cp"]
        ratios = [own / reference for own, reference in zip(times, base)]
        spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
        print(f"{label:24} {statistics.median(ratios):6.2f}  {spread:>11}  {statistics.median(times):8.3f}"
              f"  {peaks[label] / 1024:8.1f}")  # fmt: skip
    print("x cp: the median of the ratios to cp in the same round; synced runs, to cp and sync.")


if __name__ == "__main__":
    main()
