"""Compares a model with the one that was injected into it, byte by byte: only elements of named tensors may differ.

A parser of its own for the wire format; headers are compared as bytes, but for the lengths of messages around what was replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# of what lies in a message, the fields that are messages with tensors below them
INSIDE = {"model": {7: "graph", 20: "training", 25: "function"}, "training": {1: "graph", 2: "graph"},
          "function": {7: "node"}, "graph": {1: "node", 5: "tensor"}, "node": {5: "attribute"},
          "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"}}  # fmt: skip
DATA = {4, 5, 6, 7, 9, 10, 11, 13, 14}


@dataclass
class Field:
    number: int
    tag: bytes
    length: bytes  # as it stands there; empty for numbers
    contents: bytes


def varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(message: bytes) -> Iterator[Field]:
    at = 0
    while at < len(message):
        start = at
        tag, at = varint(message, at)
        head, length = message[start:at], b""
        start = at
        if tag & 7 == 2:
            size, at = varint(message, at)
            length, start = message[start:at], at
            at += size
        else:
            at = varint(message, at)[1] if tag & 7 == 0 else at + {1: 8, 5: 4}[tag & 7]
        assert at <= len(message)
        yield Field(tag >> 3, head, length, message[start:at])


def changed(old: bytes, new: bytes, kind: str = "model") -> list[str]:
    """The names of the tensors whose elements or whose place differ; everything else is asserted to be the same."""
    if old == new:
        return []
    before, after = list(fields(old)), list(fields(new))
    if kind == "tensor":
        def rest(parts):
            return [(f.tag, f.length, f.contents) for f in parts if f.number not in DATA]

        assert rest(before) == rest(after)
        return [next((f.contents.decode() for f in before if f.number == 8), "")]
    assert [f.tag for f in before] == [f.tag for f in after], kind
    found = []
    for a, b in zip(before, after):
        if a.contents == b.contents:
            assert a.length == b.length, (kind, a.number, "a length that did not have to change")
            continue
        assert a.number in INSIDE[kind], (kind, a.number)
        found += changed(a.contents, b.contents, INSIDE[kind][a.number])
    return found
