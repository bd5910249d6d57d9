"""numpy and zipfile read every .npz that tensorferry writes, and tensorferry reads theirs."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import struct
import subprocess
import zipfile
import zlib

import ml_dtypes
import numpy as np
import pytest

import judge
import readback
from arrays import OTHER_DTYPES, STRINGS, TENSORFLOW_DTYPES, bits
from raw_input import entry, write_manifest, write_raw

MIB = 1 << 20
ODD_NAMES = ["w/b:0", "..", "../up", "/abs", "żółć/漢字", "W", "w", "a b", "-x", "con", "x.npy", "x" * 3000, "", "100%"]


def tensors(arrays: dict) -> list[judge.Tensor]:
    return [judge.tensor(name, a, np.dtype(a.dtype).newbyteorder("<").name) for name, a in arrays.items()]


def some_arrays() -> dict[str, np.ndarray]:
    made = {}
    for dtype in ("bool", "int8", "int16", "int64", "uint32", "float16", "float32", "float64", "complex64", "complex128"):
        for label, shape in {"scalar": (), "empty": (0, 3), "odd": (3, 1, 5), "large": (300, 70)}.items():
            array = bits(dtype, shape, len(made))
            made[f"{dtype}/{label}"] = array
            made[f"{dtype}/{label}/turned"] = np.asfortranarray(array)
            made[f"{dtype}/{label}/big"] = array.astype(array.dtype.newbyteorder(">"))
    return made


class Unseekable(io.RawIOBase):
    """As a pipe is: zipfile then writes sizes behind the data."""

    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def streamed(path, arrays, method):
    with open(path, "wb") as file, zipfile.ZipFile(Unseekable(file), "w", method) as archive:
        for name, array in arrays.items():
            with archive.open(name + ".npy", "w") as member:
                np.lib.format.write_array(member, np.asanyarray(array))


def zip64_forced(path, arrays, method):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, array in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array))


WRITERS = {
    "savez": lambda path, arrays: np.savez(path, **arrays),
    "savez_compressed": lambda path, arrays: np.savez_compressed(path, **arrays),
    "streamed": lambda path, arrays: streamed(path, arrays, zipfile.ZIP_STORED),
    "streamed and deflated": lambda path, arrays: streamed(path, arrays, zipfile.ZIP_DEFLATED),
    "zip64": lambda path, arrays: zip64_forced(path, arrays, zipfile.ZIP_STORED),
    "zip64 and deflated": lambda path, arrays: zip64_forced(path, arrays, zipfile.ZIP_DEFLATED),
}


# ---- numpy writes --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", WRITERS)
def test_what_numpy_and_zipfile_write_is_read(how, tf_cli, tmp_path):
    arrays = some_arrays()
    WRITERS[how](tmp_path / "a.npz", arrays)
    got, digest = tf_cli.hash(tmp_path / "a.npz")
    judge.assert_same(got, tensors(arrays), how)
    assert digest == judge.digest(tensors(arrays))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_odd_names(save, tf_cli, tmp_path):
    arrays = {name: np.arange(i) for i, name in enumerate(ODD_NAMES)}
    save(tmp_path / "a.npz", **arrays)
    judge.assert_same(tf_cli.hash(tmp_path / "a.npz")[0], tensors(arrays))


def test_types_of_ml_dtypes(tf_cli, tmp_path):
    half, small = bits("bfloat16", (5, 7)), bits("float8_e5m2", (3,))
    np.savez(tmp_path / "a.npz", half=half, small=small)
    want = [judge.tensor("half", half, "bfloat16"), judge.tensor("small", small, "float8_e5m2")]
    judge.assert_same(tf_cli.hash(tmp_path / "a.npz")[0], want)
    codes = bits("float8_e4m3fn", (16, 16))
    np.savez(tmp_path / "b.npz", codes=codes, other=np.arange(3))
    tf_cli("convert", tmp_path / "b.npz", tmp_path / "b.onnx").fails_with(4, "codes", "--in-opt dtype=")
    got = tf_cli.hash(tmp_path / "b.npz", "--in-opt", "dtype=float8_e4m3fn")[0]
    judge.assert_same(got, [judge.tensor("codes", codes, "float8_e4m3fn"), *tensors({"other": np.arange(3)})])


def test_byte_strings(tf_cli, tmp_path):
    array = np.array([[b"", b"plain"], [b"\xff\xfe", b"x" * 30]])
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", s=array)
        judge.assert_same(tf_cli.hash(tmp_path / "a.npz")[0], [judge.tensor("s", array.astype(object), "string")])


def test_members_that_are_no_arrays_and_a_comment_of_somebody(tf_cli, tmp_path):
    np.savez(tmp_path / "a.npz", w=np.arange(3))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("README.txt", "hello")
        archive.writestr("folder/", "")
        archive.comment = b"made by hand"
    assert np.load(tmp_path / "a.npz").files[0] == "w"
    done = tf_cli.convert(tmp_path / "a.npz", tmp_path / "b.npz")
    assert "README.txt" in done.out + done.err
    judge.assert_same(tf_cli.hash(tmp_path / "b.npz")[0], tensors({"w": np.arange(3)}))


def test_large_members_at_any_number_of_threads(tf_cli, tmp_path):
    rng = np.random.default_rng(1)
    arrays = {"a": rng.integers(0, 50, 4_000_000, dtype=np.int32), "b": np.asfortranarray(rng.integers(0, 9, (700, 3000))),
              "c": rng.random((50, 1000), np.float32)}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "in.npz", **arrays)
        made = []
        for threads in (1, 2, 8):
            out = tmp_path / f"{threads}.npz"
            tf_cli.convert(tmp_path / "in.npz", out, "-j", threads)
            made.append(out.read_bytes())
            out.unlink()
        assert made[0] == made[1] == made[2]
        with np.load(io.BytesIO(made[0])) as back:
            for name, array in arrays.items():
                np.testing.assert_array_equal(back[name], array)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_verify_says_that_every_member_has_a_checksum(save, tf_cli, tmp_path):
    save(tmp_path / "a.npz", number=np.arange(50_000), turned=np.asfortranarray(np.ones((30, 40))), text=np.array([b"a", b"bc"]))
    said = json.loads(tf_cli("verify", tmp_path / "a.npz", "--json").succeeds().out)
    assert said["ok"] and {e["name"]: e["checksums"] for e in said["tensors"]} == {
        "number": ["crc32"], "turned": ["crc32"], "text": ["crc32"]}


# ---- tensorferry writes --------------------------------------------------------------------------------------

def every_dtype(folder) -> tuple:
    given, want = {}, []
    for dtype in (*TENSORFLOW_DTYPES, *OTHER_DTYPES):
        for label, shape in {"scalar": (), "empty": (0, 3), "odd": (3, 1, 5), "all": (16, 16)}.items():
            name = f"{dtype}/{label}"
            given[name] = (dtype, bits(dtype, shape, len(given)))
            want.append(judge.tensor(name, given[name][1], dtype))
    return write_raw(folder, given), want


@pytest.mark.parametrize("options", [(), ("--out-opt", "compression=deflate"),
                                     ("--out-opt", "compression=deflate", "--out-opt", "level=1")])
def test_every_dtype_and_shape_comes_back(options, tf_cli, tmp_path):
    source, want = every_dtype(tmp_path / "in")
    tf_cli.convert(source, tmp_path / "a.npz", *options)
    judge.assert_same(readback.npz_file(tmp_path / "a.npz"), want)
    got, digest = tf_cli.hash(tmp_path / "a.npz")
    judge.assert_same(got, want)
    assert digest == judge.digest(want)
    # And once more from there: nothing is lost in the tags.
    tf_cli.convert(tmp_path / "a.npz", tmp_path / "b.npz", *options)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def data_offset(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    archive.fp.seek(info.header_offset)
    header = archive.fp.read(30)
    return info.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))


def test_elements_are_aligned_and_checksums_right(tf_cli, tmp_path):
    source, want = every_dtype(tmp_path / "in")
    tf_cli.convert(source, tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.testzip() is None
        for info in archive.infolist():
            if info.filename.endswith(".npy"):
                assert data_offset(archive, info) % 64 == 0, info
    if shutil.which("unzip"):
        assert subprocess.run(["unzip", "-tqq", tmp_path / "a.npz"], check=False).returncode == 0


def test_a_plain_archive_has_no_comment_and_one_of_carried_types_says_so(tf_cli, tmp_path):
    np.savez(tmp_path / "in.npz", w=np.arange(3.0))
    tf_cli.convert(tmp_path / "in.npz", tmp_path / "out.npz")
    assert zipfile.ZipFile(tmp_path / "out.npz").comment == b""
    np.savez(tmp_path / "in.npz", w=np.zeros(3, ml_dtypes.bfloat16))
    tf_cli.convert(tmp_path / "in.npz", tmp_path / "half.npz")
    said = json.loads(zipfile.ZipFile(tmp_path / "half.npz").comment)
    assert said == {"tensorferry.tensors": {"w": {"dtype": "bfloat16", "carrier": "bits", "shape": [3]}}}
    assert np.load(tmp_path / "half.npz")["w"].dtype == np.dtype("V2")


@pytest.mark.parametrize("options", [(), ("--out-opt", "compression=deflate")])
def test_names(options, tf_cli, tmp_path):
    names = [*ODD_NAMES, "x", "back\\slash", "nul\0x", "\udcff\udcfe/not-utf8", "tensorferry.json"]
    source = write_raw(tmp_path / "in", {})
    (source / "weights.bin").write_bytes(bytes(range(len(names))))
    entries = []
    for i, name in enumerate(names):
        told = entry(name, "uint8", np.uint8(i), bytes([i]), offset=i)
        if any(0xDC80 <= ord(c) <= 0xDCFF for c in name):
            import base64

            told["name_base64"] = base64.b64encode(name.encode("utf-8", "surrogateescape")).decode()
            del told["name"]
        entries.append(told)
    write_manifest(source, entries)
    want = [judge.tensor(name, np.uint8(i), "uint8") for i, name in enumerate(names)]
    done = tf_cli.convert(source, tmp_path / "a.npz", *options)
    assert "../up" in done.out + done.err
    judge.assert_same(readback.npz_file(tmp_path / "a.npz"), want)
    judge.assert_same(tf_cli.hash(tmp_path / "a.npz")[0], want)
    with np.load(tmp_path / "a.npz") as archive:
        for i, name in enumerate(ODD_NAMES):
            if name != "x.npy":  # beside "x", numpy could not tell them apart
                assert archive[name] == i, name


def test_more_members_than_16_bits_count(tf_cli, tmp_path):
    count = 66_000
    source = tmp_path / "in"
    source.mkdir()
    (source / "weights.bin").write_bytes(np.arange(count, dtype="<i4").tobytes())
    write_manifest(source, [{"name": f"t{i}", "dtype": "int32", "shape": [], "file": "weights.bin", "offset": 4 * i}
                            for i in range(count)])
    tf_cli.convert(source, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as archive:
        assert len(archive.files) == count
        for i in (0, 1, 65_534, 65_535, 65_536, count - 1):
            assert archive[f"t{i}"] == i
    listed = json.loads(tf_cli("ls", tmp_path / "a.npz", "--json").succeeds().out)["tensors"]
    assert len(listed) == count


def test_strings_are_a_pair_of_plain_arrays(tf_cli, tmp_path):
    values = np.array([STRINGS, STRINGS[::-1]], dtype=object)
    source = write_raw(tmp_path / "in", {"scope/words": ("string", values)})
    tf_cli.convert(source, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as archive:
        pair = archive["scope/words#bytes"], archive["scope/words#offsets"]
    assert readback.from_pair(*pair) == values.reshape(-1).tolist()
    judge.assert_same(tf_cli.hash(tmp_path / "a.npz")[0], [judge.tensor("scope/words", values, "string")])


def test_a_folder_or_a_wrong_option_is_a_usage_error(tf_cli, tmp_path):
    np.savez(tmp_path / "in.npz", w=np.arange(3))
    (tmp_path / "out").mkdir()
    tf_cli("convert", tmp_path / "in.npz", tmp_path / "out", "--to", "npz").fails_with(2)
    for options in (["level=3"], ["compression=gzip"], ["compression=deflate", "level=0"], ["compresion=deflate"]):
        words = [word for option in options for word in ("--out-opt", option)]
        tf_cli("convert", tmp_path / "in.npz", tmp_path / "x.npz", *words).fails_with(2)
    assert not (tmp_path / "x.npz").exists() and not list((tmp_path / "out").iterdir())


# ---- memory --------------------------------------------------------------------------------------------------

def one_gibibyte(path, method: int) -> str:
    """One array of 1 GiB that repeats a block, deflated at the cost of one. Its SHA-256."""
    block = np.random.default_rng(3).integers(0, 7, MIB, dtype=np.uint8).tobytes()
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 30,)})
    crc, sha = zlib.crc32(header.getvalue()), hashlib.sha256()
    packed = zlib.compressobj(1, zlib.DEFLATED, -15)
    with open(path, "wb") as file:
        file.write(bytes(30) + b"w.npy")
        stored = file.write(packed.compress(header.getvalue()) if method else header.getvalue())
        # Every block but the first is the same string of deflate blocks, byte-aligned by the flush.
        again = None
        for _ in range(1024):
            crc = zlib.crc32(block, crc)
            sha.update(block)
            if not method:
                stored += file.write(block)
                continue
            if again is None:
                stored += file.write(packed.flush(zlib.Z_FULL_FLUSH))
                again = packed.compress(block) + packed.flush(zlib.Z_FULL_FLUSH)
            stored += file.write(again)
        if method:
            stored += file.write(packed.flush())
        at, size = file.tell(), len(header.getvalue()) + (1 << 30)
        fields = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 33, crc, stored, size, 5, 0)
        entry_ = b"PK\1\2\x14\0" + fields + bytes(14) + b"w.npy"
        file.write(entry_ + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry_), at, 0))
        file.seek(0)
        file.write(b"PK\3\4" + fields)
    return sha.hexdigest()


@pytest.mark.parametrize("method", [0, 8])
def test_one_gibibyte_stays_under_64_mib(method, tf_cli, tmp_path):
    sha = one_gibibyte(tmp_path / "in.npz", method)
    if method:  # a copy of the stored one has the same CRC-32, which says as much
        done, took = tf_cli.measured("hash", tmp_path / "in.npz", "--json")
        assert done.code == 0 and json.loads(done.out)["tensors"][0]["sha256"] == sha, done
        assert took["peak_kib"] < 64 * 1024, took
    done, took = tf_cli.measured("convert", tmp_path / "in.npz", tmp_path / "out.npz", "--no-sync")
    assert done.code == 0 and took["peak_kib"] < 64 * 1024, (done, took)
    with zipfile.ZipFile(tmp_path / "out.npz") as archive:
        assert archive.getinfo("w.npy").CRC == zipfile.ZipFile(tmp_path / "in.npz").getinfo("w.npy").CRC
    (tmp_path / "in.npz").unlink()
    (tmp_path / "out.npz").unlink()


def test_a_column_ordered_deflated_array_stays_under_64_mib(tf_cli, tmp_path):
    array = np.asfortranarray((np.arange(8192 * 4096) % 251).astype(np.uint8).reshape(8192, 4096))
    with zipfile.ZipFile(tmp_path / "in.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("w.npy", "w") as member:
            np.lib.format.write_array(member, array)
    done, took = tf_cli.measured("convert", tmp_path / "in.npz", tmp_path / "out.npy", "--no-sync")
    assert done.code == 0 and took["peak_kib"] < 64 * 1024 and took["seconds"] < 20, (done, took)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), array)


def test_writing_deflated_stays_under_64_mib(tf_cli, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    with open(source / "weights.bin", "wb") as file:
        file.truncate(200 * MIB)
    write_manifest(source, [{"name": "w", "dtype": "uint8", "shape": [200 * MIB], "file": "weights.bin"}])
    done, took = tf_cli.measured("convert", source, tmp_path / "out.npz", "--no-sync", "--out-opt", "compression=deflate",
                                 "--out-opt", "level=1")
    assert done.code == 0 and took["peak_kib"] < 64 * 1024, (done, took)
    assert (tmp_path / "out.npz").stat().st_size < 2 * MIB
    assert np.load(tmp_path / "out.npz")["w"].shape == (200 * MIB,)
