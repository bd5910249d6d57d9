"""The table: what was measured, pair by pair, and whether a goal is met."""

from __future__ import annotations

import dataclasses
import statistics

import cases

CLOSE = 1.10  # to the limit, where the goal lies below the limit

EXPLAINED = """x reference: the median of the ratios to `cp` of the input's files right before the run; cp-sync: to `cp` and
`sync` of the copies; cp-output: to `cp -r` of the folder that was written; cmp: to `cmp` of two equal files.
limit: a minimal program (tests/bench/limit.cpp) that reads the input's bytes, computes what the row computes and writes them, without
names, checks of anything else, or a commit; `x limit` is the median of the ratios to its run right afterwards. It is linked statically.
Goals: "met"; "limit": the median of the minimal program misses it, too, and ours is within 10 % of it; "not met"."""

HEADER = """| work | program | wall s | CPU s | peak MiB | x reference | spread | x limit | goal | best peer |
|---|---|--:|--:|--:|--:|--:|--:|---|--:|"""


@dataclasses.dataclass
class Row:
    case: cases.Case
    who: str
    command: list[str]
    goal: float | None = None
    limit: Row | None = None
    walls: list[float] = dataclasses.field(default_factory=list)
    cpus: list[float] = dataclasses.field(default_factory=list)
    references: list[float] = dataclasses.field(default_factory=list)
    peak_kib: int = 0

    @property
    def ratios(self) -> list[float]:
        return [own / other for own, other in zip(self.walls, self.references)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> str:
        return f"{min(self.ratios):.2f}-{max(self.ratios):.2f}"

    @property
    def over_limit(self) -> float | None:
        if self.limit is None:
            return None
        return statistics.median(own / other for own, other in zip(self.walls, self.limit.walls))

    @property
    def own(self) -> bool:
        return self.who.startswith("tensorferry")

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        if self.peak_kib / 1024 > self.case.peak_mib:
            return f"{self.goal:g} not met: memory above {self.case.peak_mib} MiB"
        if self.ratio <= self.goal:
            return f"{self.goal:g} met"
        given = self.limit is None or self.limit.ratio <= self.goal
        return f"{self.goal:g} {'not met' if given or self.over_limit > CLOSE else 'limit'}"


def line(row: Row, peer: Row | None) -> str:
    beside = ""
    if peer and row.own:
        pairs = [theirs / own for own, theirs in zip(row.walls, peer.walls)]
        beside = f"{statistics.median(pairs):.1f} times as fast"
    reference = "" if row.case.reference == "cp" else f" {row.case.reference}"
    over = "" if row.over_limit is None else f"{row.over_limit:.2f}"
    return (f"| {row.case.group} {row.case.label} | {row.who} | {statistics.median(row.walls):.4f} "
            f"| {statistics.median(row.cpus):.3f} | {row.peak_kib / 1024:.1f} | {row.ratio:.2f}{reference} "
            f"| {row.spread} | {over} | {row.verdict} | {beside} |")  # fmt: skip


def lines(rows: list[Row]) -> str:
    """Of one case."""
    peer = next((row for row in rows if not row.own and not row.who.startswith("limit")), None)
    return "\n".join(line(row, peer) for row in rows)


def summary(groups: list[list[Row]]) -> str:
    words = [row.verdict.split(" ", 1)[1] for rows in groups for row in rows if row.verdict]
    counts = {word: sum(given.startswith(word) for given in words) for word in ("met", "limit", "not met")}
    return "Goals: " + ", ".join(f"{count} {word}" for word, count in counts.items()) + "."


def table(groups: list[list[Row]]) -> str:
    return "\n".join([HEADER, *(lines(rows) for rows in groups)]) + "\n\n" + summary(groups)
