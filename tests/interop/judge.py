"""What a tensor's bits are, from its definition and with no code of the project.

A tensor is judged in one canonical form: the little-endian, row-major bytes of its logical dtype, one byte per
element for sub-byte types with the upper bits zero; a string tensor is each element's length as an unsigned 64-bit
little-endian number, then its bytes. `hash --json` prints the SHA-256 of exactly that.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np

# canonical name -> numpy dtype with the same bytes per element (codes for what numpy has no type for)
NUMPY = {
    "bool": np.dtype(np.bool_),
    "int8": np.dtype("i1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "uint32": np.dtype("<u4"),
    "uint64": np.dtype("<u8"),
    "float16": np.dtype("<f2"),
    "float32": np.dtype("<f4"),
    "float64": np.dtype("<f8"),
    "complex64": np.dtype("<c8"),
    "complex128": np.dtype("<c16"),
    "qint8": np.dtype("i1"),
    "quint8": np.dtype("u1"),
    "qint16": np.dtype("<i2"),
    "quint16": np.dtype("<u2"),
    "qint32": np.dtype("<i4"),
}
for _name in (
    "bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2", "float8_e5m2fnuz",
    "float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn", "int4", "uint4", "int2", "uint2",
):  # fmt: skip
    NUMPY[_name] = np.dtype(getattr(ml_dtypes, _name))

# significant bits of the types that are narrower than the byte that holds them
SUB_BYTE = {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2, "float6_e2m3fn": 6, "float6_e3m2fn": 6}


@dataclass(frozen=True)
class Tensor:
    """What must come out: everything but the bytes themselves."""

    name: str  # bytes that are not UTF-8 stand as surrogate escapes
    dtype: str
    shape: tuple[int, ...]
    sha256: str
    bookkeeping: bool = False

    @property
    def name_bytes(self) -> bytes:
        return self.name.encode("utf-8", "surrogateescape")


def is_bookkeeping(name: str) -> bool:
    """Keys that TensorFlow stores for itself; they are listed and hashed, and no weights."""
    return name == "_CHECKPOINTABLE_OBJECT_GRAPH" or name.endswith("/.ATTRIBUTES/OBJECT_CONFIG_JSON") or (
        name == ".ATTRIBUTES/OBJECT_CONFIG_JSON"
    )


def string_bytes(elements) -> bytes:
    out = bytearray()
    for element in elements:
        out += struct.pack("<Q", len(element)) + element
    return bytes(out)


def canonical_bytes(array: np.ndarray, dtype: str) -> bytes:
    """Bytes of `array` whose elements are values (or codes, one per byte) of the logical dtype."""
    array = np.asarray(array)
    if dtype == "string":
        return string_bytes([e if isinstance(e, bytes) else e.encode() for e in array.reshape(-1).tolist()])
    want = NUMPY[dtype]
    if array.dtype.itemsize != want.itemsize:
        raise AssertionError(f"{dtype} holds {want.itemsize} bytes per element, the array {array.dtype}")
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    raw = np.ascontiguousarray(array).tobytes()
    return mask_codes(raw, dtype)


def mask_codes(raw: bytes, dtype: str) -> bytes:
    bits = SUB_BYTE.get(dtype)
    if bits is None:
        return raw
    return (np.frombuffer(raw, np.uint8) & ((1 << bits) - 1)).tobytes()


def tensor(name: str, array: np.ndarray, dtype: str) -> Tensor:
    array = np.asarray(array)
    return from_bytes(name, canonical_bytes(array, dtype), dtype, array.shape)


def from_bytes(name: str, raw: bytes, dtype: str, shape) -> Tensor:
    return Tensor(name, dtype, tuple(int(d) for d in shape), hashlib.sha256(raw).hexdigest(), is_bookkeeping(name))


def digest(tensors) -> str:
    """decisions.md 8: sorted by name bytes, bookkeeping left out."""
    total = hashlib.sha256()
    for t in sorted((t for t in tensors if not t.bookkeeping), key=lambda t: t.name_bytes):
        dims = ",".join(str(d) for d in t.shape)
        total.update(b"\0".join([t.name_bytes, t.dtype.encode(), dims.encode(), t.sha256.encode()]) + b"\n")
    return total.hexdigest()


# ---- what the program prints ---------------------------------------------------------------------------------

def json_name(entry: dict) -> str:
    if "name_base64" in entry:
        return base64.b64decode(entry["name_base64"]).decode("utf-8", "surrogateescape")
    return entry["name"]


def from_hash_json(text: str) -> tuple[list[Tensor], str]:
    document = json.loads(text)
    tensors = [
        Tensor(json_name(e), e["dtype"], tuple(e["shape"]), e["sha256"], bool(e.get("bookkeeping", False)))
        for e in document["tensors"]
    ]
    return tensors, document["digest"]


# ---- what the stored fixtures say ----------------------------------------------------------------------------

def from_expected(name: str, entry: dict) -> Tensor:
    sha = entry.get("sha256_of_strings") if entry["dtype"] == "string" else entry["sha256"]
    return Tensor(name, entry["dtype"], tuple(entry["shape"]), sha, is_bookkeeping(name))


def stored_checkpoints(root: Path) -> dict[str, tuple[Path, list[Tensor]]]:
    """Every V2 checkpoint under the fixtures: label -> (prefix, what it holds)."""
    found: dict[str, tuple[Path, list[Tensor]]] = {}
    expected = root / "tensorflow" / "expected.json"
    if expected.is_file():
        for prefix, entries in json.loads(expected.read_text()).items():
            path = root / "tensorflow" / prefix
            if Path(f"{path}.index").is_file():
                found[f"tensorflow/{prefix}"] = (path, [from_expected(n, e) for n, e in entries.items()])
    for file in sorted((root / "real").glob("**/*.expected.json")):
        path = file.with_name(file.name[: -len(".expected.json")])
        if Path(f"{path}.index").is_file():
            entries = json.loads(file.read_text())["tensors"]
            label = str(path.relative_to(root))
            found[label] = (path, [from_expected(e["name"], e) for e in entries])
    return found


# ---- comparing -----------------------------------------------------------------------------------------------

def assert_same(got, want, where: str = "") -> None:
    """Names, dtypes, shapes and bits are equal; says every difference, not the first."""
    got, want = ({t.name: t for t in list(side)} for side in (got, want))
    problems = [f"missing: {n!r}" for n in want if n not in got]
    problems += [f"not expected: {n!r}" for n in got if n not in want]
    for name in want.keys() & got.keys():
        g, w = got[name], want[name]
        if (g.dtype, g.shape, g.sha256) != (w.dtype, w.shape, w.sha256):
            problems.append(f"{name!r}: {g.dtype}{list(g.shape)} {g.sha256[:12]}, "
                            f"must be {w.dtype}{list(w.shape)} {w.sha256[:12]}")
    assert not problems, f"{where}\n  " + "\n  ".join(problems[:40])


def weights(tensors) -> list[Tensor]:
    return [t for t in tensors if not t.bookkeeping]
