"""Bundles that lie: the checksums are right, the content is not. name -> (builder, exit code that it must have)."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

import bundle_writer as bw
from bundle_writer import Bundle, entry_proto, header_proto, mask, crc32c, string_payload, varint

VALUES = np.arange(6, dtype=np.float32)
PAYLOAD = VALUES.tobytes()
CRC = mask(crc32c(PAYLOAD))
FLOAT, STRING = bw.ENUM["float32"], bw.ENUM["string"]


def good(prefix: Path) -> Path:
    bundle = Bundle()
    bundle.add("w", "float32", VALUES)
    return bundle.write(prefix)


def with_index(content: bytes):
    def build(prefix: Path) -> Path:
        good(prefix)
        Path(f"{prefix}.index").write_bytes(content)
        return prefix
    return build


def with_header(header: bytes):
    def build(prefix: Path) -> Path:
        bundle = Bundle()
        bundle.add("w", "float32", VALUES)
        return bundle.write(prefix, header=header)
    return build


def with_entry(**facts):
    """One tensor `w` of six floats, with these facts of its entry replaced."""
    def build(prefix: Path) -> Path:
        told = {"enum": FLOAT, "shape": (6,), "offset": 0, "size": len(PAYLOAD), "crc": CRC} | facts
        bundle = Bundle()
        bundle.store(PAYLOAD)
        bundle.entries.append((b"w", entry_proto(told.pop("enum"), told.pop("shape"), **told)))
        return bundle.write(prefix)
    return build


def with_value(value: bytes):
    def build(prefix: Path) -> Path:
        bundle = Bundle()
        bundle.store(PAYLOAD)
        bundle.entries.append((b"w", value))
        return bundle.write(prefix)
    return build


def with_strings(payload: bytes, crc: int, count: int = 2):
    def build(prefix: Path) -> Path:
        bundle = Bundle()
        bundle.add_payload(b"s", STRING, (count,), payload, crc)
        return bundle.write(prefix)
    return build


def with_slices(boxes, listed=None, shape=(4, 6), dtype="float32", drop=(), **lies):
    def build(prefix: Path) -> Path:
        bundle = Bundle()
        array = np.zeros(shape, np.float32)
        bundle.add_sliced("w", dtype, array, boxes, listed=listed)
        bundle.entries = [e for i, e in enumerate(bundle.entries) if i not in drop]
        for key, value in lies.items():
            bundle.entries[int(key[1:])] = (bundle.entries[int(key[1:])][0], value)
        return bundle.write(prefix)
    return build


GOOD_ENTRY = entry_proto(FLOAT, (6,), size=len(PAYLOAD), crc=CRC)
PLAIN = [(b"", header_proto()), (b"w", GOOD_ENTRY)]
BLOCK = bw.block(PLAIN)


def blocks(content, footer=None) -> bytes:
    return bw.table_of_blocks([(b"w", content)], footer=footer)


def restarts(count: int) -> bytes:
    return BLOCK[:-4] + struct.pack("<I", count)


def raw_entries(data: bytes) -> bytes:
    return data + struct.pack("<II", 0, 1)


def string(elements, damage=lambda raw: raw):
    payload, crc = string_payload(elements)
    return with_strings(damage(payload), crc, len(elements))


def snappy(data: bytes) -> bytes:
    return blocks((data, 1, None))


far = 1 << 62
HOSTILE = {
    # the table
    "bad magic": (with_index(blocks(BLOCK)[:-8] + b"\0" * 8), 3),
    "footer handles are endless varints": (with_index(blocks(BLOCK, footer=b"\xff" * 40 + bw.MAGIC)), 3),
    "index block beyond the file": (
        with_index(blocks(BLOCK, footer=(b"\0\0" + varint(1 << 40) + varint(64)).ljust(40, b"\0") + bw.MAGIC)), 3),
    "index block of nearly 2^64 bytes": (
        with_index(blocks(BLOCK, footer=(b"\0\0" + varint(0) + varint((1 << 64) - 5)).ljust(40, b"\0") + bw.MAGIC)), 3),
    "offset plus size wraps": (
        with_index(blocks(BLOCK, footer=(b"\0\0" + varint((1 << 64) - 8) + varint(64)).ljust(40, b"\0") + bw.MAGIC)), 3),
    "block checksum wrong": (with_index(blocks((BLOCK, 0, 0x12345678))), 3),
    "unknown compression": (with_index(blocks((BLOCK, 7, None))), (3, 4)),
    "snappy announces 4 GiB": (with_index(snappy(b"\xff\xff\xff\xff\x0f")), 3),
    "snappy announces 60 MiB": (with_index(snappy(varint(60 << 20) + b"\x00a")), 3),
    "snappy copy from nothing": (with_index(snappy(varint(8) + b"\x0e\x05\x00\x00")), 3),
    "snappy copy of offset 0": (with_index(snappy(varint(8) + b"\x00a" + b"\x0e\x00\x00")), 3),
    "snappy ends early": (with_index(snappy(varint(len(BLOCK)) + b"\xf0\xff")), 3),
    "snappy gives more than announced": (with_index(snappy(varint(3) + b"\x1cabcdefgh")), 3),
    "restart array longer than the block": (with_index(blocks(restarts(0xFFFFFFFF))), 3),
    "restart array of 2^30": (with_index(blocks(restarts(1 << 30))), 3),
    "block of three bytes": (with_index(blocks(b"abc")), 3),
    "shares more than the previous key": (with_index(blocks(raw_entries(b"\x05\x01\x01ab"))), 3),
    "varint of eleven bytes": (with_index(blocks(raw_entries(b"\x80" * 11 + b"\x01ab"))), 3),
    "value runs past the block": (with_index(blocks(raw_entries(b"\x00\x01\xff\xff\xff\xff\x07a"))), 3),
    "keys out of order": (with_index(bw.table([PLAIN[0], (b"x", GOOD_ENTRY), (b"w", GOOD_ENTRY)], sort=False)), 3),
    "a key twice": (with_index(bw.table([*PLAIN, PLAIN[1]], sort=False)), 3),
    "no header entry": (with_index(bw.table([PLAIN[1]])), 3),
    "a table of nothing": (with_index(bw.table([])), 3),
    "header is no message": (with_header(b"\xff\xff\xff"), 3),
    "entry is no message": (with_value(b"\x12\x7f"), 3),
    "entry with an eleven-byte varint": (with_value(b"\x08" + b"\xff" * 10 + b"\x01"), 3),
    # the header
    "no shards": (with_header(header_proto(0)), 3),
    "negative shards": (with_header(header_proto(-1)), 3),
    "2^31 shards": (with_header(header_proto(1 << 31)), 3),
    "2^31 - 1 shards": (with_header(header_proto((1 << 31) - 1)), (3, 6)),
    "newer minimum reader": (with_header(header_proto(1, min_consumer=2)), 4),
    "this reader named bad": (with_header(header_proto(1, bad_consumers=[1])), 4),
    # entries
    "shard 5 of 1": (with_entry(shard=5), 3),
    "negative shard": (with_entry(shard=-1), 3),
    "offset past the end": (with_entry(offset=1000), 3),
    "offset plus size overflows": (with_entry(offset=(1 << 63) - 8), 3),
    "negative offset": (with_entry(offset=-24), 3),
    "negative size": (with_entry(size=-24), 3),
    "size smaller than the shape": (with_entry(size=20), 3),
    "size larger than the shape": (with_entry(size=28), 3),
    "wrong tensor checksum": (with_entry(crc=CRC ^ 1), 3),
    "no tensor checksum": (with_entry(crc=0), 3),
    "negative dimension": (with_entry(shape=(-1,)), 3),
    "unknown rank": (with_entry(unknown_rank=True), 3),
    "product overflows": (with_entry(shape=(far, 8)), 3),
    "bytes overflow": (with_entry(shape=(far,)), 3),
    "product overflows beside a zero": (with_entry(shape=(far, 8, 0), size=0), 3),
    "product overflows after a zero": (with_entry(shape=(0, far, 8), size=0), 3),
    "a terabyte in 24 bytes": (with_entry(shape=(1 << 38,), size=1 << 40), 3),
    "dtype 0": (with_entry(enum=0), (3, 4)),
    "dtype 99": (with_entry(enum=99), 4),
    # strings
    "string lengths past the payload": (with_strings(varint(100) + varint(5) + bytes(4) + b"ab", 0), 3),
    "string length of 2^60": (with_strings(varint(1 << 60) + varint(0) + bytes(4), 0), 3),
    "string lengths that overflow together": (with_strings(varint((1 << 64) - 1) + varint(2) + bytes(4), 0), 3),
    "string lengths cut off": (with_strings(b"\xff", 0), 3),
    "more strings than bytes": (with_strings(b"\0" * 8, 0, 1 << 40), 3),
    "string length checksum wrong": (string([b"ab", b"c"], lambda p: p[:2] + bytes([p[2] ^ 1]) + p[3:]), 3),
    "string bytes damaged": (string([b"ab", b"c"], lambda p: p[:-1] + b"x"), 3),
    # slices
    "slice missing": (with_slices([[(0, 2), (0, 6)]], shape=(4, 6)), 3),
    "slices overlap": (with_slices([[(0, 3), (0, 6)], [(2, 2), (0, 6)]]), 3),
    "slice listed twice": (with_slices([[(0, 2), (0, 6)], [(2, 2), (0, 6)]],
                                       listed=[[(0, 2), (0, 6)], [(0, 2), (0, 6)]]), 3),
    "slice of another rank": (with_slices([[(0, 2), (0, 6)]], listed=[[(0, 2)]]), 3),
    "slice past the end": (with_slices([[(0, 2), (0, 6)], [(2, 2), (0, 6)]],
                                       listed=[[(0, 2), (0, 6)], [(2, 3), (0, 6)]]), 3),
    "slice start plus length overflows": (with_slices([[(0, 2), (0, 6)]], listed=[[((1 << 63) - 1, 2), (0, 6)]]), 3),
    "negative slice start": (with_slices([[(0, 2), (0, 6)]], listed=[[(-2, 4), (0, 6)]]), 3),
    "slice entry missing": (with_slices([[(0, 2), (0, 6)], [(2, 2), (0, 6)]], drop=(1,)), 3),
    "slice entry of another dtype": (with_slices([[(0, 2), (0, 6)], [(2, 2), (0, 6)]],
                                                 _0=entry_proto(3, (2, 6), size=48, crc=mask(crc32c(bytes(48))))), 3),
    "slice entry of another shape": (with_slices([[(0, 2), (0, 6)], [(2, 2), (0, 6)]],
                                                 _0=entry_proto(1, (3, 4), size=48, crc=mask(crc32c(bytes(48))))), 3),
}  # fmt: skip
