"""Small checkpoints for the table of edge cases: each gives where it is and what it holds."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

import bundle_writer as bw
import hostile
import judge
import v1_writer
from arrays import bits
from bundle_writer import ENUM, Bundle, entry_proto, header_proto, mask, slice_key, varint


def sub(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True)
    return folder / name


def crc_field(payload: bytes) -> bytes:
    return varint(6 << 3 | 5) + struct.pack("<I", mask(bw.crc32c(payload)))


def plain(prefix: Path, values=hostile.VALUES, name: str = "w", shard: int = 0, **how):
    bundle = Bundle()
    bundle.add_payload(name.encode(), ENUM["float32"], values.shape, values.tobytes(), shard=0)
    if shard:
        bundle.entries = [(name.encode(), entry_proto(1, values.shape, shard=shard, size=values.nbytes,
                                                      crc=mask(bw.crc32c(values.tobytes()))))]
    return bundle.write(prefix, **how), [judge.tensor(name, values, "float32")]


def two_shards(prefix: Path):
    bundle, want = Bundle(shards=2), []
    for i, name in enumerate("ab"):
        array = bits("int64", (5, 2), i)
        bundle.add(name, "int64", array, shard=i)
        want.append(judge.tensor(name, array, "int64"))
    return bundle.write(prefix), want


def separated(prefix: Path):
    """Two data blocks whose index keys lie between the keys."""
    bundle, want = Bundle(), []
    for i, name in enumerate(("abc", "xyz")):
        array = bits("int32", (4,), i)
        bundle.add(name, "int32", array)
        want.append(judge.tensor(name, array, "int32"))
    bundle.write(prefix)
    blocks = [(b"b", bw.block([(b"", header_proto()), bundle.entries[0]])), (b"y", bw.block([bundle.entries[1]]))]
    Path(f"{prefix}.index").write_bytes(bw.table_of_blocks(blocks))
    return prefix, want


def beside_good(prefix: Path, **facts) -> Path:
    """A good tensor and `w`, of which these facts are told."""
    bundle = Bundle()
    bundle.add("good", "float32", hostile.VALUES)
    told = {"enum": 1, "shape": (6,), "offset": 0, "size": 24, "crc": hostile.CRC} | facts
    bundle.entries.append((b"w", entry_proto(told.pop("enum"), told.pop("shape"), **told)))
    return bundle.write(prefix)


def of_dtypes(prefix: Path, dtypes):
    bundle, want = Bundle(), []
    for i, dtype in enumerate(dtypes):
        array = bits(dtype, (4, 5) if dtype == "string" else (16, 17), i)
        bundle.add(dtype, dtype, array)
        want.append(judge.tensor(dtype, array, dtype))
    return bundle.write(prefix), want


def payload_of_masked_crc(masked: int) -> bytes:
    """The four bytes whose masked CRC32C is that: a CRC of four bytes is a bijection, linear but for a constant."""
    wanted = (masked - 0xA282EAD8) & 0xFFFFFFFF
    wanted = (wanted << 15 | wanted >> 17) & 0xFFFFFFFF
    zero = bw.crc32c(bytes(4))
    rows = [(bw.crc32c(struct.pack("<I", 1 << i)) ^ zero, 1 << i) for i in range(32)]
    rest, value = wanted ^ zero, 0
    for bit in reversed(range(32)):
        pivot = next(r for r in rows if r[0] >> bit == 1)
        rows = [(c ^ pivot[0], v ^ pivot[1]) if c >> bit & 1 and (c, v) != pivot else (c, v) for c, v in rows if (c, v) != pivot]
        if rest >> bit & 1:
            rest, value = rest ^ pivot[0], value ^ pivot[1]
    payload = struct.pack("<I", value)
    assert mask(bw.crc32c(payload)) == masked
    return payload


def v1(path: Path, name: str = "w"):
    table, array = v1_writer.V1(), bits("float32", (3, 4))
    table.add(name, "float32", array)
    return table.write(path), [judge.tensor(name, array, "float32")]


def unmerged(folder: Path):
    """Two workers' parts, with a tensor that is cut between them."""
    cut, parts = bits("float32", (4, 6), 9), []
    boxes = [[(0, 3), (0, 6)], [(3, 1), (0, 6)]]
    want = [judge.tensor("cut", cut, "float32")]
    for i, name in enumerate("ab"):
        array, bundle = bits("int16", (5,), i), Bundle()
        bundle.add(name, "int16", array)
        start, count = boxes[i][0]
        bundle.add(slice_key(b"cut", boxes[i]), "float32", cut[start : start + count])
        bundle.entries.append((b"cut", entry_proto(1, (4, 6), slices=[boxes[i]])))
        parts.append(bundle.write(folder / f"part-{i:05d}-of-00002"))
        want.append(judge.tensor(name, array, "int16"))
    return folder, want
