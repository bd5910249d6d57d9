"""What a cast must give, by means that share nothing with the program: tables of all codes for small dtypes, numpy for
the others."""

from __future__ import annotations

import numpy as np

from judge import NUMPY, SUB_BYTE

FLOATS = ("float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz",
          "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "float16", "bfloat16", "float32", "float64")  # fmt: skip
INTEGERS = ("int2", "int4", "int8", "int16", "int32", "int64", "uint2", "uint4", "uint8", "uint16", "uint32", "uint64",
            "qint8", "quint8", "qint16", "quint16", "qint32")  # fmt: skip
COMPLEX = {"complex64": "float32", "complex128": "float64"}
NUMERIC = ("bool", *INTEGERS, *FLOATS, *COMPLEX)
IEEE = ("float8_e5m2", "float16", "bfloat16", "float32", "float64")
WITHOUT_NAN = ("float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn")
WITHOUT_MINUS_ZERO = ("float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz")


def width(dtype: str) -> int:
    return SUB_BYTE.get(dtype) or NUMPY[dtype].itemsize * 8


def values(array: np.ndarray, dtype: str) -> np.ndarray:
    """Exactly, as long double: it holds every integer of 64 bits."""
    if dtype in SUB_BYTE and dtype in INTEGERS:
        code = array.view(np.uint8).astype(np.int64)
        if not dtype.startswith("u"):
            code = np.where(code >= 1 << (width(dtype) - 1), code - (1 << width(dtype)), code)
        return code.astype(np.longdouble)
    with np.errstate(invalid="ignore"):
        if dtype in FLOATS and width(dtype) < 32:
            array = array.astype(np.float32)
        return array.astype(np.longdouble)


def codes_of(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(f"<u{array.dtype.itemsize}")


def limits(dtype: str) -> tuple[int, int]:
    bits, unsigned = width(dtype), dtype.lstrip("q").startswith("u")
    return (0, (1 << bits) - 1) if unsigned else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def to_integer(x: np.ndarray, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes, and what does not fit; that saturates, NaN becomes 0."""
    low, high = limits(dtype)
    with np.errstate(invalid="ignore"):
        rounded = np.rint(x)
        unfit = np.isnan(x) | (rounded < low) | (rounded > high)
        clipped = np.clip(np.where(np.isnan(x), 0, rounded), np.longdouble(low), np.longdouble(high))
    mask = (1 << width(dtype)) - 1
    size = NUMPY[dtype].itemsize
    negative, whole = clipped < 0, np.abs(clipped).astype(np.uint64)
    code = np.where(negative, (~whole) + np.uint64(1), whole) & np.uint64(mask)
    return code.astype(f"<u{size}"), unfit


def table(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """The numbers from zero on and their codes, in ascending order, with the one that would follow the largest."""
    bits = width(dtype)
    count = 1 << bits if dtype == "float8_e8m0fnu" else 1 << (bits - 1)
    codes = np.arange(count).astype("u1" if bits <= 8 else "<u2")
    numbers = values(codes.view(NUMPY[dtype]), dtype)
    codes, numbers = codes[np.isfinite(numbers)].astype(np.uint64), numbers[np.isfinite(numbers)]
    beyond = numbers[-1] * 2 if dtype == "float8_e8m0fnu" else 2 * numbers[-1] - numbers[-2]
    return np.append(numbers, beyond), np.append(codes, codes[-1] + 1)


def to_small_float(x: np.ndarray, dtype: str, overflow: str) -> tuple[np.ndarray, np.ndarray]:
    numbers, codes = table(dtype)
    sign = 1 << (width(dtype) - 1)
    size = np.abs(x)
    place = np.clip(np.searchsorted(numbers, size), 1, len(numbers) - 1)  # numbers[place - 1] < size <= numbers[place]
    low, high = numbers[place - 1], numbers[place]
    middle = low + (high - low) / 2
    even = codes[place] % 2 == 0
    if dtype == "float8_e8m0fnu":
        even = np.ones_like(even)  # ties go up
    with np.errstate(invalid="ignore"):
        code = np.where((size > middle) | ((size == middle) & even), codes[place], codes[place - 1])
    negative = np.signbit(x)
    nan = np.isnan(x)
    unfit = (code == codes[-1]) & ~nan
    largest = codes[-2]
    if dtype == "float8_e8m0fnu":
        below = (negative | (x == 0)) & ~nan
        unfit |= below
        code = np.where(below, 0, np.where(unfit, largest, code))
        if overflow == "infinity":
            code = np.where(unfit, 0xFF, code)
        return np.where(nan, 0xFF, code).astype("u1"), unfit
    code = np.where(unfit, largest, code)
    if dtype in IEEE:
        infinite = codes[-1]
        code = np.where(np.isinf(x) | (unfit & (overflow == "infinity")), infinite, code)
        unfit &= ~np.isinf(x)
        nan_code = infinite | infinite >> np.uint64(1)  # the highest bit of the fraction: told apart by is_nan()
    elif dtype in WITHOUT_NAN:
        unfit |= nan
        nan_code = 0
    else:
        nan_code = sign if dtype in WITHOUT_MINUS_ZERO else sign - 1
        if overflow == "infinity":
            code = np.where(unfit, nan_code, code)
    signed = negative & ~((code == 0) & (dtype in WITHOUT_MINUS_ZERO)) & (code != sign)
    code = np.where(signed, code | np.uint64(sign), code)
    plain_nan = sign if dtype in WITHOUT_MINUS_ZERO else nan_code
    code = np.where(nan, plain_nan, code)
    return code.astype("u1" if width(dtype) <= 8 else "<u2"), unfit


def to_large_float(x: np.ndarray, dtype: str, overflow: str) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(over="ignore", invalid="ignore"):
        result = x.astype(NUMPY[dtype])  # the processor's own rounding, once
    unfit = np.isinf(result) & ~np.isinf(x)
    if overflow == "saturate":
        result = np.where(unfit, np.copysign(np.finfo(NUMPY[dtype]).max, x).astype(NUMPY[dtype]), result)
    return codes_of(result), unfit


def to_real(x: np.ndarray, dtype: str, overflow: str) -> tuple[np.ndarray, np.ndarray]:
    if dtype == "bool":
        return (x != 0).astype("u1"), np.zeros(x.shape, bool)
    if dtype in INTEGERS:
        return to_integer(x, dtype)
    return (to_large_float if width(dtype) >= 32 else to_small_float)(x, dtype, overflow)


def is_nan(codes: np.ndarray, dtype: str) -> np.ndarray:
    """Of codes of a real dtype."""
    if dtype not in FLOATS or dtype in WITHOUT_NAN:
        return np.zeros(codes.shape, bool)
    return np.isnan(values(codes.view(NUMPY[dtype]), dtype))
