"""Chunks that are compressed by lzf or szip, elements that were never written, MATLAB's empty arrays."""

from __future__ import annotations

import ctypes
import random
import struct

import h5py
import numpy as np
import pytest

from arrays import bits
from test_hdf5_reader import assert_reads, library_of

ALL = h5py.h5s.ALL
SMOOTH = np.linspace(-1, 1, 301 * 403, dtype=np.float32).reshape(301, 403)
NOISE = np.random.default_rng(3).standard_normal((301, 403)).astype(np.float32)


def with_filters(file, name, array, chunk, *filters):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(chunk)
    for kind, *values in filters:
        plist.set_filter(kind, h5py.h5z.FLAG_OPTIONAL, tuple(values))
    data = h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(array.dtype, logical=True), h5py.h5s.create_simple(array.shape), plist)
    data.write(ALL, ALL, np.ascontiguousarray(array))
    return data


SHUFFLE, FLETCHER, LZF, SZIP = (h5py.h5z.FILTER_SHUFFLE,), (h5py.h5z.FILTER_FLETCHER32,), (h5py.h5z.FILTER_LZF,), (h5py.h5z.FILTER_SZIP, 32 | 128, 16)


@pytest.mark.parametrize("order", [(LZF,), (SHUFFLE, LZF), (LZF, SHUFFLE), (SHUFFLE, LZF, FLETCHER), (FLETCHER, SHUFFLE, LZF), (FLETCHER, LZF)],
                         ids=lambda order: "-".join(str(f[0]) for f in order))  # fmt: skip
def test_lzf_with_other_filters_in_any_order(order, tf_cli, tmp_path):
    arrays = {"smooth": SMOOTH, "noise": NOISE, "zeros": np.zeros_like(SMOOTH), "steps": (SMOOTH * 5).astype(np.int16),
              "bytes": np.arange(301 * 403).reshape(301, 403).astype(np.uint8), "double": NOISE.astype(np.float64).round(1)}  # fmt: skip
    want = {}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, array in arrays.items():
            for chunk in ((301, 403), (50, 64), (1, 7)):
                part = array if chunk != (1, 7) else array[:9, :31]
                with_filters(file, f"{name}{chunk[0]}", part, chunk, *order)
                want[f"{name}{chunk[0]}"] = (str(part.dtype), part)
    assert_reads(tf_cli, tmp_path / "a.h5", want)


def test_damaged_lzf_is_found_or_harmless(tf_cli, tmp_path):
    rng = random.Random(5)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("w", data=(SMOOTH[:20] * 99).astype(np.int16), chunks=(20, 403), compression="lzf")
        info = file["w"].id.get_chunk_info(0)
    whole = (tmp_path / "a.h5").read_bytes()
    codes = set()
    for _ in range(60):
        raw = bytearray(whole)
        raw[info.byte_offset + rng.randrange(info.size)] = rng.randrange(256)
        (tmp_path / "b.h5").write_bytes(raw)
        codes.add(tf_cli("hash", tmp_path / "b.h5").code)
    assert codes == {0, 3}


def lzf_chunk(tf_cli, path, stream: bytes):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("w", (100,), "u1", chunks=(100,), compression="lzf")
        data.id.write_direct_chunk((0,), stream)
    return tf_cli("hash", path)


def test_lies_in_a_stream_of_lzf(tf_cli, tmp_path):
    path = tmp_path / "a.h5"
    assert lzf_chunk(tf_cli, path, bytes([0, 7, 7 << 5, 90, 0])).code == 0  # one byte, then 99 times the same
    lzf_chunk(tf_cli, path, bytes([0, 7, 7 << 5, 91, 0])).fails_with(3, "past its 100 bytes")
    lzf_chunk(tf_cli, path, bytes([0, 7, 7 << 5, 89, 0])).fails_with(3, "holds 99 bytes")
    lzf_chunk(tf_cli, path, bytes([0, 7, 7 << 5, 90, 1])).fails_with(3, "not a stream of lzf")  # before the first byte
    lzf_chunk(tf_cli, path, bytes([0, 7, 7 << 5, 90])).fails_with(3, "not a stream of lzf")
    lzf_chunk(tf_cli, path, bytes([0, 7, 31, 1, 2])).fails_with(3, "not a stream of lzf")


SZIP_DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "float16")


@pytest.mark.parametrize("mode", [4, 32], ids=["ec", "nn"])
@pytest.mark.parametrize("block", [2, 8, 16, 32])
def test_szip_of_every_dtype(mode, block, tf_cli, tmp_path):
    want = {}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for dtype in SZIP_DTYPES:
            for order in "<>":
                for shape, chunk in (((61, 70), (61, 70)), ((61, 70), (16, 33)), ((9000,), (4500,))):
                    array = bits(dtype, shape)
                    array.reshape(-1)[: array.size // 2] = 3
                    name = f"{dtype}{order}{chunk}"
                    data = with_filters(file, name, array.astype(array.dtype.newbyteorder(order)), chunk, (h5py.h5z.FILTER_SZIP, mode | 128, block))
                    want[name] = (dtype, array)
                    assert data.get_create_plist().get_nfilters() == 1
    assert_reads(tf_cli, tmp_path / "a.h5", want)


def test_szip_with_other_filters(tf_cli, tmp_path):
    want = {}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, order in (("a", (SHUFFLE, SZIP)), ("b", (SZIP, FLETCHER)), ("c", (SHUFFLE, SZIP, FLETCHER))):
            with_filters(file, name, SMOOTH, (50, 403), *order)
            want[name] = ("float32", SMOOTH)
    assert_reads(tf_cli, tmp_path / "a.h5", want)


def test_damaged_szip_is_found_or_harmless(tf_cli, tmp_path):
    rng = random.Random(6)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        with_filters(file, "w", SMOOTH[:20], (20, 403), SZIP)
        with_filters(file, "v", (SMOOTH[:20] * 90).astype(np.int16), (20, 403), SZIP)
        infos = [file[n].id.get_chunk_info(0) for n in "wv"]
    whole = (tmp_path / "a.h5").read_bytes()
    codes = set()
    for i in range(60):
        raw, info = bytearray(whole), infos[i % 2]
        raw[info.byte_offset + rng.randrange(info.size if i % 5 else 4)] = rng.randrange(256)
        (tmp_path / "b.h5").write_bytes(raw)
        codes.add(tf_cli("hash", tmp_path / "b.h5").code)
    assert codes == {0, 3}
    raw = bytearray(whole)
    struct.pack_into("<I", raw, infos[0].byte_offset, 0xFFFFFFFF)
    (tmp_path / "b.h5").write_bytes(raw)
    tf_cli("hash", tmp_path / "b.h5", "--include", "w").fails_with(3, "declares 4294967295 bytes")


def test_a_chunk_that_claims_more_than_its_size(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("w", data=np.arange(100, dtype="i4"), chunks=(50,))
        first = file["w"].id.get_chunk_info(0)
    raw = bytearray((tmp_path / "a.h5").read_bytes())
    key = struct.pack("<IIQQ", 200, 0, 0, 0)  # of the index: size, filters left out, where it begins
    assert raw.count(key) == 1 and first.size == 200
    for size, says in ((300, "holds 300 bytes"), (100, "holds 100 bytes"), (0x7FFFFFFF, "file has")):
        changed = raw.replace(key, struct.pack("<I", size) + key[4:])
        (tmp_path / "b.h5").write_bytes(changed)
        tf_cli("hash", tmp_path / "b.h5").fails_with(3, says)


def test_other_filters_are_refused_by_name(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("scaled", data=(SMOOTH * 9).astype("i4"), chunks=(50, 64), scaleoffset=8)
        with_filters(file, "nbit", SMOOTH, (50, 64), (h5py.h5z.FILTER_NBIT,))
        with_filters(file, "twice", SMOOTH, (50, 64), LZF, (h5py.h5z.FILTER_DEFLATE, 4))
    for name, says in (("scaled", "6 (scaleoffset)"), ("nbit", "5 (nbit)"), ("twice", "more than once")):
        tf_cli("print", tmp_path / "a.h5", name).fails_with(4, says)


# What was never written


def unwritten(file, name, shape, chunk, fill=None, when=None, undefined=False):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if chunk:
        plist.set_chunk(chunk)
    if fill is not None:
        plist.set_fill_value(np.array(fill, "<i4"))
    if undefined:
        assert library_of(h5py.h5p).H5Pset_fill_value(ctypes.c_int64(plist.id), ctypes.c_int64(h5py.h5t.STD_I32LE.id), None) >= 0
    if when is not None:
        plist.set_fill_time(when)
    return h5py.h5d.create(file.id, name.encode(), h5py.h5t.STD_I32BE, h5py.h5s.create_simple(shape), plist)


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize("when", [h5py.h5d.FILL_TIME_NEVER, h5py.h5d.FILL_TIME_IFSET, h5py.h5d.FILL_TIME_ALLOC], ids=["never", "ifset", "alloc"])
def test_what_was_never_written_reads_as_in_h5py(when, libver, tf_cli, tmp_path):
    want = {}
    with h5py.File(tmp_path / "a.h5", "w", libver=libver) as file:
        for chunk in (None, (4, 3), (10, 7), (3, 7)):
            for fill in (None, -7):
                unwritten(file, f"{chunk}{fill}", (10, 7), chunk, fill, when)
                if chunk:
                    unwritten(file, f"part{chunk}{fill}", (10, 7), chunk, fill, when)
                    file[f"part{chunk}{fill}"][:3, 1:3] = 5
    with h5py.File(tmp_path / "a.h5") as file:
        want = {name: ("int32", file[name][...]) for name in file}
    # Of chunks that are written in part and never filled the library keeps what was in memory.
    if when == h5py.h5d.FILL_TIME_NEVER:
        want = {name: array for name, array in want.items() if not name.startswith("part")}
    assert_reads(tf_cli, tmp_path / "a.h5", want, *(("--exclude", "part*") if when == h5py.h5d.FILL_TIME_NEVER else ()))


def test_undefined_and_never_written_is_refused_as_the_library_does(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        unwritten(file, "flat", (10,), None, undefined=True)
        unwritten(file, "chunks", (10,), (4,), undefined=True)
        for name in ("flat", "chunks"):
            with pytest.raises(OSError):
                file[name][...]
    for name in ("flat", "chunks"):
        tf_cli("print", tmp_path / "a.h5", name).fails_with(3, "no fill value is defined")


def test_fill_values_of_every_type(tf_cli, tmp_path):
    want = {}
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        for dtype, value in (("bool", True), ("complex64", 1 - 2j), ("float16", 0.5), (">i8", -3), ("S4", b"ab")):
            for chunks in (None, (2,)):
                name = f"{dtype}{chunks}"
                data = file.create_dataset(name, (5,), dtype, chunks=chunks, fillvalue=value)
                array = data[...]
                want[name] = ("string", array.astype(object)) if dtype == "S4" else (str(array.dtype.newbyteorder("=")), array.astype(array.dtype.newbyteorder("=")))
        text = file.create_dataset("text", (3,), h5py.string_dtype(), chunks=(2,), fillvalue="żółć")
        want["text"] = ("string", np.array([t for t in text[...]], object))
    assert_reads(tf_cli, tmp_path / "a.h5", want)


# MATLAB


MATLAB = {"double": "float64", "single": "float32", "logical": "bool", "char": "uint16", "int8": "int8", "uint8": "uint8", "int16": "int16",
          "uint16": "uint16", "int32": "int32", "uint32": "uint32", "int64": "int64", "uint64": "uint64", "cell": "uint64"}  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"chunks": True, "compression": "gzip"}], ids=["plain", "gzip"])
@pytest.mark.parametrize("extents", [(0, 0), (0, 3), (2, 0, 5), (0,) * 40])
def test_empty_arrays_of_matlab_have_the_shape_that_their_data_says(extents, options, tf_cli, tmp_path):
    want = {}
    with h5py.File(tmp_path / "m.mat", "w", userblock_size=512) as file:
        for kind, dtype in MATLAB.items():
            data = file.create_dataset(kind, data=np.array(extents, ">u8" if kind == "int8" else "<u8"), **options)
            data.attrs["MATLAB_class"] = np.bytes_(kind)
            data.attrs["MATLAB_empty"] = np.uint8(1)
            want[kind] = (dtype, np.zeros(extents, dtype) if len(extents) < 33 else None)
    listing = tf_cli.listing(tmp_path / "m.mat")
    for kind, (dtype, _) in want.items():
        assert (listing[kind]["dtype"], listing[kind]["shape"], listing[kind]["bytes"]) == (dtype, list(extents), 0)
    if len(extents) < 33:
        assert_reads(tf_cli, tmp_path / "m.mat", want)
        tf_cli.convert(tmp_path / "m.mat", tmp_path / "o.h5")
        assert_reads(tf_cli, tmp_path / "o.h5", want)


def test_what_only_looks_like_an_empty_array_of_matlab(tf_cli, tmp_path):
    with h5py.File(tmp_path / "m.mat", "w") as file:
        for name, data, mark in (("full", np.array([2, 3], "u8"), 1), ("floats", np.zeros(2), 1), ("matrix", np.zeros((2, 2), "u8"), 1),
                                 ("unmarked", np.array([0, 3], "u8"), 0)):  # fmt: skip
            file[name] = data
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
            file[name].attrs["MATLAB_empty"] = np.uint8(mark)
    for name in ("full", "floats", "matrix"):
        tf_cli("print", tmp_path / "m.mat", name).fails_with(3, "empty array of MATLAB")
    row = tf_cli.listing(tmp_path / "m.mat")["unmarked"]
    assert (row["dtype"], row["shape"]) == ("uint64", [2])
