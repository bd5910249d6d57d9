"""Raw folders written by numpy: one file of bytes for each tensor and a manifest.json."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import numpy as np

from bundle_writer import COMPONENT, crc32c
from judge import string_bytes


def stored_bytes(array: np.ndarray, dtype: str, big: bool = False, column: bool = False) -> bytes:
    """The bytes as they are to lie in the file."""
    if dtype == "string":
        elements = array.reshape(-1, order="F" if column else "C").tolist()
        return b"".join(struct.pack(">Q", len(e)) + e for e in elements) if big else string_bytes(elements)
    raw = array.tobytes(order="F" if column else "C")
    size = COMPONENT.get(dtype, array.dtype.itemsize)
    if big and size > 1:
        raw = np.frombuffer(raw, np.uint8).reshape(-1, size)[:, ::-1].tobytes()
    return raw


def entry(name: str, dtype: str, array: np.ndarray, raw: bytes, **facts) -> dict:
    made = {"name": name, "dtype": dtype, "shape": list(array.shape), "file": "weights.bin", "length": len(raw)}
    return {k: v for k, v in (made | facts).items() if v is not None}


def write_manifest(folder: Path, entries: list[dict], **top) -> Path:
    document = {"tensorferry": 1, "attributes": {}, "tensors": entries} | top
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder


def write_raw(folder: Path, tensors: dict[str, tuple[str, np.ndarray]], big=False, column=False, checksum=None,
              gap: int = 0) -> Path:
    """All tensors in one weights.bin, `gap` bytes of junk before each."""
    folder.mkdir(parents=True)
    blob, entries = bytearray(), []
    for name, (dtype, array) in tensors.items():
        blob += b"\xaa" * gap
        raw = stored_bytes(array, dtype, big, column)
        facts = {"offset": len(blob)}
        if big:
            facts["byte_order"] = "big"
        if column:
            facts["order"] = "column-major"
        if checksum == "sha256":
            facts["sha256"] = hashlib.sha256(raw).hexdigest()
        if checksum == "crc32c":
            facts["crc32c"] = f"{crc32c(raw):08x}"
        entries.append(entry(name, dtype, array, raw, **facts))
        blob += raw
    (folder / "weights.bin").write_bytes(blob)
    return write_manifest(folder, entries)
