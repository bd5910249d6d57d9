"""V1 checkpoints of our own: what TensorFlow does not write (snappy, extra dtypes) and what no reader may trust.

    ""          SavedTensorSlices { 1: { 1: tensor { 1: name  2: shape  3: dtype  4: slice }, 2: version } }
    slice key   SavedTensorSlices { 2: { 1: name  2: slice  3: TensorProto } }

test_v1.py has TensorFlow read what should be legal. The table is bundle_writer's.
"""

from __future__ import annotations

import struct
from pathlib import Path

import bundle_writer as bw
from bundle_writer import ENUM, field, slice_key, slice_proto, varint

FIXED = {"float32": (5, 4), "float64": (6, 8), "complex64": (9, 4), "complex128": (12, 8)}
VARINT = {"int64": 10, "bool": 11, "float16": 13, "bfloat16": 13, "uint32": 16, "uint64": 17}
# what TensorFlow 2.21 writes to V1, and what a reader may accept beside it
V1_DTYPES = ("float32", "float64", "int32", "int16", "int8", "uint8", "uint16", "qint8", "quint8", "qint32", "string",
             "complex64", "int64", "bool", "complex128", "float16")
EXTRA_DTYPES = ("bfloat16", "uint32", "uint64")


def integers(array, dtype: str) -> list[int]:
    if dtype in ("float16", "bfloat16"):
        array = array.view("<u2")
    elif array.dtype.kind not in "iub":
        array = array.view({1: "i1", 2: "<i2", 4: "<i4"}[array.dtype.itemsize])
    return [int(v) for v in array.reshape(-1)]


def values(array, dtype: str, packed: bool = True) -> bytes:
    """The typed field of a TensorProto."""
    if dtype == "string":
        return b"".join(varint(8 << 3 | 2) + varint(len(e)) + e for e in array.reshape(-1).tolist())
    if dtype in FIXED:
        number, width = FIXED[dtype]
        raw, kind = array.tobytes(), 5 if width == 4 else 1
        pieces = [raw[i : i + width] for i in range(0, len(raw), width)]
    else:
        number, kind = VARINT.get(dtype, 7), 0
        pieces = [varint(v) for v in integers(array, dtype)]
    if packed:
        return field(number, b"".join(pieces)) if pieces else b""
    return b"".join(varint(number << 3 | kind) + p for p in pieces)


def record(name: bytes, extents, message: bytes) -> bytes:
    return field(2, field(1, name) + field(2, slice_proto(extents)) + field(3, message))


class V1:
    """Collects tensors, then writes one table. `told` and `message` are where a file can lie."""

    def __init__(self, version: bytes | None = field(1, 1)):
        self.version, self.metas, self.records = version, [], []

    def describe(self, name: bytes, enum: int, shape, slices):
        dims = bw.shape_proto(shape) if not isinstance(shape, bytes) else shape
        listed = b"".join(varint(4 << 3 | 2) + varint(len(s)) + s for s in map(slice_proto, slices))
        self.metas.append(field(1, name) + field(2, dims) + field(3, enum) + listed)

    def put(self, name: bytes, extents, message: bytes):
        self.records.append((slice_key(name, extents), record(name, extents, message)))

    def add(self, name: str | bytes, dtype: str, array, message: bytes | None = None, shape=None, enum=None):
        name = name.encode() if isinstance(name, str) else name
        whole = [(0, -1)] * array.ndim
        self.describe(name, ENUM[dtype] if enum is None else enum, array.shape if shape is None else shape, [whole])
        self.put(name, whole, values(array, dtype) if message is None else message)

    def add_sliced(self, name: str, dtype: str, array, boxes, listed=None):
        self.describe(name.encode(), ENUM[dtype], array.shape, boxes if listed is None else listed)
        for extents in boxes:
            where = tuple(slice(s, None if n < 0 else s + n) for s, n in extents)
            self.put(name.encode(), extents, values(array[where], dtype))

    def header(self) -> bytes:
        meta = b"".join(field(1, m) for m in self.metas)
        return field(1, meta + (b"" if self.version is None else field(2, self.version)))

    def write(self, path: Path, header: bytes | None = None, **how) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        entries = [(b"", self.header() if header is None else header), *sorted(self.records)]
        path.write_bytes(bw.table(entries, **how))
        return path


def pack(fmt: str, *numbers) -> bytes:
    return struct.pack("<" + fmt, *numbers)
