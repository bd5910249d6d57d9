"""Messages taken apart and written otherwise, as protobuf allows: what the official parser says of them stays the same."""

from __future__ import annotations

import random

from google.protobuf.descriptor import FieldDescriptor


def varint(number: int) -> bytes:
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def block(number: int, contents: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(contents)) + contents


def take_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def fields(data: bytes):
    """(number, wire type, contents, the field as it stands) of each field."""
    at = 0
    while at < len(data):
        start = at
        tag, at = take_varint(data, at)
        kind = tag & 7
        if kind == 0:
            _, end = take_varint(data, at)
        elif kind == 2:
            length, at = take_varint(data, at)
            end = at + length
        else:
            end = at + (8 if kind == 1 else 4)
        yield tag >> 3, kind, data[at:end], data[start:end]
        at = end


def is_repeated(field: FieldDescriptor) -> bool:
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == FieldDescriptor.LABEL_REPEATED


class Splitter:
    """Writes each field that is one message in two or three occurrences, with other fields and groups in between."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.splits = 0

    def __call__(self, descriptor, data: bytes) -> bytes:
        return b"".join(self.split(descriptor, data))

    def split(self, descriptor, data: bytes) -> list[bytes]:
        early, late = [], []
        for number, kind, contents, raw in fields(data):
            field = descriptor.fields_by_number.get(number)
            message = field is not None and kind == 2 and field.message_type is not None
            if not message:
                late.append(raw)
                continue
            parts = self.split(field.message_type, contents)
            if is_repeated(field):
                late.append(block(number, b"".join(parts)))
                continue
            cut = self.random.randrange(len(parts) + 1)
            early.append(block(number, b"".join(parts[:cut])))
            late.append(block(number, b"".join(parts[cut:])))
            if self.random.random() < 0.2:
                late.append(block(number, b""))
            self.splits += 1
        # Python's parser drops the entry of a map that holds something else; the one in C++ does not.
        return early + ([] if descriptor.GetOptions().map_entry else self.group()) + late

    def group(self) -> list[bytes]:
        """What no schema has: it is skipped."""
        if self.random.random() < 0.5:
            return []
        inside = self.random.choice([b"", varint(1 << 3) + b"\x05", block(2, b"text"), varint(9 << 3 | 3) + varint(9 << 3 | 4)])
        return [varint(5000 << 3 | 3) + inside + varint(5000 << 3 | 4)]
