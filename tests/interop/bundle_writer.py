"""A small TensorFlow V2 bundle writer of our own, for the bundles that TensorFlow does not write.

Big-endian ones, snappy blocks, slices of any dtype, and hostile content behind checksums that are right. It follows
the layout that TensorFlow reads (test_bundle_writer.py has TensorFlow read what should be legal); it shares nothing
with the program under test.

    footer  = metaindex handle | index handle | zeros to 40 bytes | magic
    block   = entries | u32 restarts... | u32 count, then type byte and masked CRC32C of both
    entry   = varint shared | varint unshared | varint value length | key bytes | value
"""

from __future__ import annotations

import struct
from pathlib import Path

MAGIC = bytes.fromhex("57fb808b247547db")
ENUM = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "string": 7, "complex64": 8,
    "int64": 9, "bool": 10, "qint8": 11, "quint8": 12, "qint32": 13, "bfloat16": 14, "qint16": 15, "quint16": 16,
    "uint16": 17, "complex128": 18, "float16": 19, "resource": 20, "variant": 21, "uint32": 22, "uint64": 23,
    "float8_e5m2": 24, "float8_e4m3fn": 25, "float8_e4m3fnuz": 26, "float8_e4m3b11fnuz": 27, "float8_e5m2fnuz": 28,
    "int4": 29, "uint4": 30, "int2": 31, "uint2": 32, "float4_e2m1fn": 33,
}  # fmt: skip
# bytes of one component: what a big-endian bundle swaps
COMPONENT = {"complex64": 4, "complex128": 8}

# ---- CRC32C --------------------------------------------------------------------------------------------------

_TABLE = []
for _i in range(256):
    _c = _i
    for _ in range(8):
        _c = (_c >> 1) ^ 0x82F63B78 if _c & 1 else _c >> 1
    _TABLE.append(_c)


def crc32c(data: bytes, crc: int = 0) -> int:
    crc ^= 0xFFFFFFFF
    table = _TABLE
    for byte in bytes(data):
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def mask(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c_repeated(block: bytes, times: int) -> int:
    """CRC32C of `block` repeated, without going over the copies (appending is linear over GF(2))."""

    def apply(matrix, vector):
        out, i = 0, 0
        while vector:
            if vector & 1:
                out ^= matrix[i]
            vector >>= 1
            i += 1
        return out

    def compose(a, b):
        return [apply(a, column) for column in b]

    def power(matrix, n):
        out = [1 << i for i in range(32)]
        while n:
            if n & 1:
                out = compose(matrix, out)
            matrix, n = compose(matrix, matrix), n >> 1
        return out

    one_byte = [_TABLE[(1 << i) & 0xFF] ^ ((1 << i) >> 8) for i in range(32)]
    shift = power(one_byte, len(block))  # effect of appending len(block) zero bytes to a raw register
    unit = crc32c(block)
    total = 0
    for _ in range(times):
        total = apply(shift, total) ^ unit
    return total


# ---- protobuf and ordered code -------------------------------------------------------------------------------

def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value) -> bytes:
    """int -> varint field (left out when 0), bytes -> length-delimited field."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value) if value else b""


def shape_proto(dims, unknown_rank: bool = False) -> bytes:
    out = b"".join(field(2, field(1, d)) for d in dims)
    return out + field(3, int(unknown_rank))


def slice_proto(extents) -> bytes:
    """extents: (start, length) for each dimension; length -1 = the whole dimension."""
    out = b""
    for start, length in extents:
        out += field(1, field(1, start) + (b"" if length < 0 else varint(2 << 3) + varint(length)))
    return out


def entry_proto(enum, shape, shard=0, offset=0, size=0, crc=0, slices=(), unknown_rank=False) -> bytes:
    out = field(1, enum) + field(2, shape_proto(shape, unknown_rank)) + field(3, shard) + field(4, offset)
    out += field(5, size)
    if crc:
        out += varint(6 << 3 | 5) + struct.pack("<I", crc)
    return out + b"".join(field(7, slice_proto(s)) for s in slices)


def header_proto(num_shards=1, big=False, producer=1, min_consumer=0, bad_consumers=()) -> bytes:
    version = field(1, producer) + field(2, min_consumer)
    if bad_consumers:
        version += field(3, b"".join(varint(b) for b in bad_consumers))
    return field(1, num_shards) + field(2, int(big)) + field(3, version)


def ordered_unsigned(value: int) -> bytes:
    raw = value.to_bytes(8, "big").lstrip(b"\0")
    return bytes([len(raw)]) + raw


def ordered_string(value: bytes) -> bytes:
    escaped = b"".join(b"\0\xff" if b == 0 else b"\xff\0" if b == 255 else bytes([b]) for b in value)
    return escaped + b"\0\1"


def ordered_signed(value: int) -> bytes:
    n = next(n for n in range(1, 11) if -(1 << (7 * n - 1)) <= value < (1 << (7 * n - 1)))
    bits = value & ((1 << (8 * n)) - 1)
    return (bits ^ (((1 << n) - 1) << (7 * n))).to_bytes(n, "big")


def slice_key(name: bytes, extents) -> bytes:
    key = ordered_unsigned(0) + ordered_string(name) + ordered_unsigned(len(extents))
    return key + b"".join(ordered_signed(s) + ordered_signed(n) for s, n in extents)


# ---- snappy --------------------------------------------------------------------------------------------------

def snappy(raw: bytes) -> bytes:
    """Literals, and a copy wherever a 16-byte run repeats what stands at most 60,000 bytes back."""
    out, literal, seen, i = bytearray(varint(len(raw))), bytearray(), {}, 0

    def flush():
        for at in range(0, len(literal), 60):
            piece = literal[at : at + 60]
            out.append((len(piece) - 1) << 2)
            out.extend(piece)
        literal.clear()

    while i < len(raw):
        run = raw[i : i + 16]
        at = seen.get(run, -1)
        if len(run) == 16 and 0 <= at and i - at <= 60000:
            flush()
            out.append((16 - 1) << 2 | 2)
            out += struct.pack("<H", i - at)
            i += 16
            continue
        seen.setdefault(run, i)
        literal.append(raw[i])
        i += 1
    flush()
    return bytes(out)


# ---- the table -----------------------------------------------------------------------------------------------

def block(entries, restart_interval: int = 16) -> bytes:
    out, restarts, previous = bytearray(), [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % restart_interval == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(previous)) and key[shared] == previous[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        previous = key
    restarts = restarts or [0]
    return bytes(out) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def seal(content: bytes, kind: int = 0, crc: int | None = None) -> bytes:
    """Adds the trailer; `content` is what is stored (already compressed when kind is 1)."""
    stored = content + bytes([kind])
    return stored + struct.pack("<I", mask(crc32c(stored)) if crc is None else crc)


def table(entries, compress: bool = False, per_block: int = 1000, sort: bool = True) -> bytes:
    """A whole index file; `entries` are (key, value)."""
    entries = sorted(entries) if sort else list(entries)
    blocks = []
    for i in range(0, max(len(entries), 1), per_block):
        part = entries[i : i + per_block]
        blocks.append((part[-1][0] if part else b"", block(part)))
    return table_of_blocks(blocks, compress)


def table_of_blocks(blocks, compress: bool = False, footer=None) -> bytes:
    """`blocks`: (last key, raw block, or (stored bytes, kind, crc or None)); the rest of the file is made around them."""
    out, index = bytearray(), []

    def put(content):
        stored, kind, crc = content if isinstance(content, tuple) else (
            (snappy(content), 1, None) if compress else (content, 0, None))
        handle = varint(len(out)) + varint(len(stored))
        out.extend(seal(stored, kind, crc))
        return handle

    for last, content in blocks:
        index.append((last, put(content)))
    meta = put(block([]))
    handles = meta + put(block(index, restart_interval=1))
    return bytes(out) + (footer or handles.ljust(40, b"\0") + MAGIC)


# ---- a bundle ------------------------------------------------------------------------------------------------

def to_order(payload: bytes, dtype: str, itemsize: int, big: bool) -> bytes:
    size = COMPONENT.get(dtype, itemsize)
    if not big or size == 1:
        return payload
    return b"".join(payload[i : i + size][::-1] for i in range(0, len(payload), size))


def string_payload(elements, big: bool = False) -> tuple[bytes, int]:
    """The stored bytes of a string tensor and its (unmasked) checksum."""
    order = ">" if big else "<"
    crc = 0
    for e in elements:
        crc = crc32c(struct.pack(order + "I", len(e)), crc)
    checksum = struct.pack(order + "I", mask(crc))
    crc = crc32c(b"".join([checksum, *elements]), crc)
    return b"".join(varint(len(e)) for e in elements) + checksum + b"".join(elements), crc


class Bundle:
    """Collects tensors, then writes PREFIX.index and PREFIX.data-*. Every fact can be replaced by a lie."""

    def __init__(self, big: bool = False, shards: int = 1):
        self.big, self.entries = big, []
        self.data = [bytearray() for _ in range(shards)]

    def store(self, payload: bytes, shard: int = 0) -> int:
        offset = len(self.data[shard])
        self.data[shard] += payload
        return offset

    def add_payload(self, name: bytes, enum: int, shape, payload: bytes, crc: int | None = None, shard: int = 0, **lies):
        offset = self.store(payload, shard)
        facts = {"shard": shard, "offset": offset, "size": len(payload),
                 "crc": mask(crc32c(payload) if crc is None else crc)}
        facts.update(lies)
        self.entries.append((name, entry_proto(facts.pop("enum", enum), facts.pop("dims", shape), **facts)))

    def add(self, name: str | bytes, dtype: str, array, shard: int = 0, **lies):
        name = name.encode() if isinstance(name, str) else name
        if dtype == "string":
            payload, crc = string_payload([bytes(e) for e in array.reshape(-1).tolist()], self.big)
            self.add_payload(name, ENUM[dtype], array.shape, payload, crc, shard, **lies)
        else:
            payload = to_order(array.tobytes(), dtype, array.dtype.itemsize, self.big)
            self.add_payload(name, ENUM[dtype], array.shape, payload, None, shard, **lies)

    def add_sliced(self, name: str, dtype: str, array, boxes, shards=None, listed=None):
        """`boxes`: a list of extents; length -1 = the whole dimension. `listed`: what the full entry claims."""
        for i, extents in enumerate(boxes):
            where = tuple(slice(s, None if n < 0 else s + n) for s, n in extents)
            self.add(slice_key(name.encode(), extents), dtype, array[where], (shards or [0] * len(boxes))[i])
        full = entry_proto(ENUM[dtype], array.shape, slices=boxes if listed is None else listed)
        self.entries.append((name.encode(), full))

    def write(self, prefix: Path, header: bytes | None = None, compress=False, per_block=1000, sort=True) -> Path:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        head = [(b"", header_proto(len(self.data), self.big) if header is None else header)]
        Path(f"{prefix}.index").write_bytes(table(head + self.entries, compress, per_block, sort))
        for i, content in enumerate(self.data):
            Path(f"{prefix}.data-{i:05d}-of-{len(self.data):05d}").write_bytes(content)
        return prefix
