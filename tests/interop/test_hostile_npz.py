"""Archives that are wrong, ambiguous or hostile."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib

import numpy as np
import pytest

import judge
from cli import assert_refused

ARRAY = np.arange(300, dtype=np.int16)


def archive_of(method=zipfile.ZIP_STORED, names=("w.npy", "v.npy")) -> bytearray:
    data = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(data, "w", method) as archive:
        for name in names:
            content = io.BytesIO()
            np.save(content, ARRAY)
            archive.writestr(zipfile.ZipInfo(name), content.getvalue(), method)
    return bytearray(data.getvalue())


def patched(places, method=zipfile.ZIP_STORED):
    """Bytes at offsets from the first local header (positive) or from the first central header (negative - 1)."""
    data = archive_of(method)
    central = data.index(b"PK\1\2")
    for at, value in places.items():
        start = at if at >= 0 else central - at - 1
        data[start:start + len(value)] = value
    return data


def central(at: int) -> int:
    return -at - 1


def with_end(fill) -> bytes:
    data = archive_of()
    at = data.rindex(b"PK\5\6")
    end = list(struct.unpack("<4sHHHHIIH", data[at:]))
    fill(end)
    return bytes(data[:at]) + struct.pack("<4sHHHHIIH", *end)


def lie(index, value):
    def fill(end):
        end[index] = value
    return fill


def overlapping() -> bytes:
    """Both entries of the directory name the first member's bytes, as bombs do."""
    data = archive_of(names=("w.npy", "w.npx"))
    second = data.rindex(b"PK\1\2")
    data[second + 42:second + 46] = struct.pack("<I", 1)
    return bytes(data)


def quoted() -> bytes:
    """The kernel of every member is the next member: David Fifield's overlap, with right local headers."""
    inner = archive_of(names=("b.npy",))
    local = bytes(inner[:inner.index(b"PK\1\2")])
    head = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 0, 0, 33, zlib.crc32(local), len(local), len(local), 5, 0) + b"a.npy"
    entry_b = bytearray(inner[inner.index(b"PK\1\2"):inner.index(b"PK\5\6")])
    entry_b[42:46] = struct.pack("<I", len(head))
    entry_a = b"PK\1\2\x14\0" + head[4:30] + bytes(14) + b"a.npy"
    body = head + local
    return body + entry_a + bytes(entry_b) + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 2, 2, len(entry_a + entry_b), len(body), 0)


def declared(header: str, content: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        raw = header.encode()
        archive.writestr("w.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(raw)) + raw + content)
    return data.getvalue()


def bomb(size: int) -> bytes:
    """100 KiB that claim to inflate to `size`."""
    data = archive_of(zipfile.ZIP_DEFLATED, names=("w.npy",))
    where = data.index(b"PK\1\2")
    extra = struct.pack("<HHQ", 1, 8, size)
    local = data[:30] + data[30:where]
    local[22:26] = b"\xff" * 4
    local[28:30] = struct.pack("<H", len(extra))
    local = local[:35] + extra + local[35:]
    entry_ = data[where:data.index(b"PK\5\6")]
    entry_[24:28] = b"\xff" * 4
    entry_[30:32] = struct.pack("<H", len(extra))
    entry_ += extra
    return bytes(local + entry_) + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(entry_), len(local), 0)


GOOD_HEADER = "{'descr': '<i2', 'fortran_order': False, 'shape': (%s,)}"
EMPTY_ZIP = b"PK\5\6" + bytes(18)
HOSTILE = {
    # label: (bytes, exit code, words)
    "members that overlap": (overlapping(), 3, ""),
    "a member inside another": (quoted(), 3, "overlap"),
    "a bomb": (bomb(5 << 40), 5, "limit"),
    "an array larger than its member": (declared(GOOD_HEADER % "1000000000000", b"ab"), 3, "needs bytes"),
    "an array that overflows": (declared(GOOD_HEADER % f"{1 << 62}, 8", b"ab"), 3, ""),
    "objects": (declared((GOOD_HEADER % "1").replace("<i2", "|O"), b"\x80\4N."), 4, "pickle is never executed"),
    "CRC-32 wrong, stored": (patched({14: b"abcd", central(16): b"abcd"}), 3, "crc32"),
    "CRC-32 wrong, deflated": (patched({14: b"abcd", central(16): b"abcd"}, zipfile.ZIP_DEFLATED), 3, "CRC-32"),
    "an element changed": (patched({35 + 128 + 7: b"x"}), 3, "crc32"),
    "another local name": (patched({30: b"x"}), 3, "name"),
    "another local size": (patched({22: b"\1"}), 3, "size"),
    "another local method": (patched({8: b"\x08"}), 3, "method"),
    "another local CRC-32": (patched({14: b"abcd"}), 3, "CRC-32"),
    "a member twice": (archive_of(names=("w.npy", "w.npy")), 3, "twice"),
    "with and without .npy": (archive_of(names=("w.npy", "w")), 3, "w"),
    "encrypted": (patched({6: b"\1", central(8): b"\1"}), 4, "encrypted"),
    "bzip2": (archive_of(zipfile.ZIP_BZIP2), 4, "method 12"),
    "lzma": (archive_of(zipfile.ZIP_LZMA), 4, "method 14"),
    "an unknown method": (patched({8: b"\x63", central(10): b"\x63"}), 4, "method 99"),
    "a zip64 field missing": (patched({central(24): b"\xff" * 4}), 3, "zip64"),
    "two end records": (bytes(archive_of())[:-2] + struct.pack("<H", 22) + EMPTY_ZIP, 3, "two end records"),
    "an end record in the comment": (bytes(archive_of())[:-2] + struct.pack("<H", 30) + b"xxxx" + EMPTY_ZIP + b"yyyy", 3,
                                     "two end records"),
    "prepended bytes": (b"#!/bin/sh\n" + bytes(archive_of()), 3, "in front"),
    "a zip behind a zip": (bytes(archive_of()) + bytes(archive_of()), 3, ""),
    "more members told": (with_end(lambda end: (lie(3, 3)(end), lie(4, 3)(end))), 3, "do not fit"),
    "fewer members told": (with_end(lambda end: (lie(3, 1)(end), lie(4, 1)(end))), 3, "behind"),
    "65,534 members told": (with_end(lambda end: (lie(3, 65534)(end), lie(4, 65534)(end))), 3, "do not fit"),
    "a directory elsewhere": (with_end(lie(6, 10)), 3, ""),
    "a split archive": (with_end(lie(1, 1)), 4, "split"),
}  # fmt: skip


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_archives_are_refused_by_class_and_reason(label, tf_cli, tmp_path):
    data, code, says = HOSTILE[label]
    (tmp_path / "a.npz").write_bytes(data)
    done = tf_cli("convert", tmp_path / "a.npz", tmp_path / "plain", "--to", "raw", "--from", "npz")
    done.fails_with(code, says)
    if data[:2] == b"PK":  # found by its content, too
        assert_refused(tf_cli, tmp_path / "a.npz", code, tmp_path / "out")


def test_a_wrong_checksum_of_one_member_spares_the_others(tf_cli, tmp_path):
    (tmp_path / "a.npz").write_bytes(patched({14: b"abcd", central(16): b"abcd"}))
    judge.assert_same(tf_cli.hash(tmp_path / "a.npz", "--include", "v")[0], [judge.tensor("v", ARRAY, "int16")])
    tf_cli("hash", tmp_path / "a.npz", "--include", "w").fails_with(3)
    done = tf_cli("convert", tmp_path / "a.npz", tmp_path / "b.npz", "--salvage", "--no-sync")
    assert done.code == 3, done
    judge.assert_same(tf_cli.hash(tmp_path / "b.npz")[0], [judge.tensor("v", ARRAY, "int16")])


def test_what_inflates_far_is_read_when_the_user_says_so(tf_cli, tmp_path):
    (tmp_path / "a.npz").write_bytes(bomb(5 << 40))
    done = tf_cli("hash", tmp_path / "a.npz", "--in-opt", "inflated_limit=6T")
    done.fails_with(3)  # it does not inflate to what it claims


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_prefix_is_refused_and_every_flipped_bit_found(method, tf_cli, tmp_path):
    """In the archive of numpy: what is accepted after a flip holds the same bits, or the name of a tensor changed."""
    small = io.BytesIO()
    with zipfile.ZipFile(small, "w", method) as archive:
        content = io.BytesIO()
        np.save(content, ARRAY[:4])
        archive.writestr(zipfile.ZipInfo("w.npy"), content.getvalue(), method)
    whole = small.getvalue()
    want = [judge.tensor("w", ARRAY[:4], "int16")]
    for n in range(0, len(whole), 5):
        (tmp_path / "a.npz").write_bytes(whole[:n])
        assert tf_cli("hash", tmp_path / "a.npz", "--from", "npz").code == 3
    for at in range(0, len(whole), 3):
        (tmp_path / "a.npz").write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1:])
        done = tf_cli("hash", tmp_path / "a.npz", "--json", "--from", "npz")
        if done.code == 0:
            got = judge.from_hash_json(done.out)[0]
            assert [(t.dtype, t.shape, t.sha256) for t in got] == [(t.dtype, t.shape, t.sha256) for t in want], at
        else:
            assert done.code in (3, 4, 5), done
