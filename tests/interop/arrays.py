"""Seeded arrays whose bit patterns are hard to carry: every code, NaN payloads, -0.0, subnormals."""

from __future__ import annotations

import numpy as np

from judge import NUMPY, SUB_BYTE

# every dtype that TensorFlow 2.21 can save
TENSORFLOW_DTYPES = (
    "bool", "int2", "int4", "int8", "int16", "int32", "int64", "uint2", "uint4", "uint8", "uint16", "uint32", "uint64",
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2", "float8_e5m2fnuz", "float4_e2m1fn",
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
    "qint8", "quint8", "qint16", "quint16", "qint32", "string",
)  # fmt: skip
# what tensorferry knows beyond them
OTHER_DTYPES = ("float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn")

STRINGS = [b"", b"plain", b"with\0NUL", b"\xff\xfe not UTF-8 \x80", "żółć 漢字".encode(), b"x" * 5000, b"\0", b"tail\0\0"]


def bits(dtype: str, shape, seed: int = 0) -> np.ndarray:
    """Random bit patterns; 256 elements of a one-byte type hold every code."""
    shape = tuple(shape)
    count = int(np.prod(shape, dtype=np.int64))
    rng = np.random.default_rng([seed, *dtype.encode()])
    if dtype == "string":
        out = np.empty(count, dtype=object)
        for i in range(count):
            out[i] = STRINGS[i % len(STRINGS)] + (b"" if i < len(STRINGS) else str(i).encode())
        return out.reshape(shape)
    want = NUMPY[dtype]
    if dtype == "bool":
        return (rng.integers(0, 2, count) == 1).reshape(shape)
    raw = rng.integers(0, 256, count * want.itemsize, dtype=np.uint8)
    if want.itemsize == 1 and count >= 256:
        raw[:256] = rng.permutation(256).astype(np.uint8)
    if dtype in SUB_BYTE:
        raw &= (1 << SUB_BYTE[dtype]) - 1
    array = raw.view(want).copy()
    special = SPECIAL.get(dtype)
    if special is not None and count >= len(special):
        array[: len(special)] = special.view(want)
    return array.reshape(shape)


# quiet and signalling NaN with payloads, infinities, -0.0, least subnormal, largest subnormal, largest finite
SPECIAL = {
    "float16": np.array([0x7E01, 0x7C01, 0xFE55, 0x7C00, 0xFC00, 0x8000, 0x0001, 0x03FF, 0x7BFF], "<u2"),
    "bfloat16": np.array([0x7FC1, 0x7F81, 0xFFD5, 0x7F80, 0xFF80, 0x8000, 0x0001, 0x007F, 0x7F7F], "<u2"),
    "float32": np.array(
        [0x7FC00001, 0x7F800001, 0xFFD55555, 0x7F800000, 0xFF800000, 0x80000000, 1, 0x007FFFFF, 0x7F7FFFFF], "<u4"),
    "float64": np.array(
        [0x7FF8000000000001, 0x7FF0000000000001, 0xFFFD555555555555, 0x7FF0000000000000, 0xFFF0000000000000,
         0x8000000000000000, 1, 0x000FFFFFFFFFFFFF, 0x7FEFFFFFFFFFFFFF], "<u8"),
}  # fmt: skip
