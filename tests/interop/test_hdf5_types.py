"""HDF5 datatypes, in every form that the official library writes: each bit comes as it is, or the type is refused by name."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
import pytest

import judge
from arrays import bits
from test_hdf5_reader import assert_reads, library_of

NEWEST = ["earliest", "v108", "v110", "v112", "latest"]
ALL = h5py.h5s.ALL


def make(file, name, file_type, array, memory_type=None, plist=None, shape=None):
    """A dataset of a type that h5py has no dtype for; `array` holds its elements' bytes."""
    space = h5py.h5s.create_simple(array.shape if shape is None else shape)
    data = h5py.h5d.create(file.id, name.encode(), file_type, space, plist)
    data.write(ALL, ALL, np.ascontiguousarray(array), memory_type or file_type)


def enum_type(base, **values):
    kind = h5py.h5t.enum_create(base)
    for name, value in values.items():
        kind.enum_insert(name.encode(), value)
    return kind


def enum_names(tf_cli, path) -> dict[str, dict]:
    rows = json.loads(tf_cli("ls", path, "--json").succeeds().out)["tensors"]
    return {row["name"]: json.loads(row.get("attributes", {}).get("enum_names", "null")) for row in rows}


# Bit fields


@pytest.mark.parametrize("libver", NEWEST)
def test_bit_fields_are_unsigned_integers_with_every_bit(libver, tf_cli, tmp_path):
    want = {}
    with h5py.File(tmp_path / "a.h5", "w", libver=libver) as file:
        for width in (8, 16, 32, 64):
            for order in ("LE", "BE"):
                array = bits(f"uint{width}", (256,))
                stored = array.astype(array.dtype.newbyteorder("<" if order == "LE" else ">"))
                kind = getattr(h5py.h5t, f"STD_B{width}{order}")
                make(file, f"{width}{order}", kind, stored)
                make(file, f"array{width}{order}", h5py.h5t.array_create(kind, (4, 2)), stored, shape=(32,))
                want[f"{width}{order}"] = (f"uint{width}", array)
                want[f"array{width}{order}"] = (f"uint{width}", array.reshape(32, 4, 2))
    assert_reads(tf_cli, tmp_path / "a.h5", want)


def test_diff_sees_every_bit_of_a_bit_field(tf_cli, tmp_path):
    for name, last in (("a", 1), ("b", 3)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            make(file, "flags", h5py.h5t.STD_B8LE, np.array([0, 1, last], np.uint8))
    assert tf_cli("diff", tmp_path / "a.h5", tmp_path / "b.h5").code == 1


def test_bits_that_fill_a_part_of_their_bytes_are_refused_by_name(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, base, precision, offset in (("twelve", h5py.h5t.STD_I16LE, 12, 0), ("moved", h5py.h5t.STD_I16LE, 8, 4),
                                              ("seven", h5py.h5t.STD_B8LE, 7, 0), ("three", h5py.h5t.STD_U8LE, 3, 0),
                                              ("high", h5py.h5t.STD_I8LE, 4, 4)):  # fmt: skip
            kind = base.copy()
            for call, value in (("H5Tset_precision", precision), ("H5Tset_offset", offset)):
                assert getattr(library_of(h5py.h5t), call)(ctypes.c_int64(kind.id), ctypes.c_size_t(value)) >= 0
            make(file, name, kind, np.zeros(4, f"i{kind.get_size()}"))
    for name in ("twelve", "moved", "seven", "three", "high"):
        tf_cli("print", tmp_path / "a.h5", name).fails_with(4, "bits at bit")


# Enumerations


@pytest.mark.parametrize("libver", NEWEST)
def test_enumerations_are_integers_with_their_names(libver, tf_cli, tmp_path):
    want, names = {}, {}
    with h5py.File(tmp_path / "a.h5", "w", libver=libver) as file:
        for width in (8, 16, 32, 64):
            for signed in (True, False):
                for order in ("LE", "BE"):
                    name = f"{'I' if signed else 'U'}{width}{order}"
                    top = 2 ** (width - 1) - 1 if signed else 2**width - 1
                    # h5py's enum_insert takes what a long holds.
                    values = {"RED": 0, "żółty": 2, "low": -5 if signed else 7, "top": min(top, 2**63 - 1)}
                    kind = enum_type(getattr(h5py.h5t, f"STD_{name}"), **values)
                    array = np.array([*values.values(), 2], f"{'i' if signed else 'u'}{width // 8}")
                    make(file, name, kind, array.astype(array.dtype.newbyteorder("<" if order == "LE" else ">")))
                    want[name] = (str(array.dtype), array)
                    names[name] = values
    assert_reads(tf_cli, tmp_path / "a.h5", want)
    assert enum_names(tf_cli, tmp_path / "a.h5") == names


def test_only_false_0_and_true_1_in_a_byte_are_bool(tf_cli, tmp_path):
    kinds = {"bool": ({"FALSE": 0, "TRUE": 1}, "i1"), "unsigned": ({"FALSE": 0, "TRUE": 1}, "u1"),
             "reversed": ({"TRUE": 1, "FALSE": 0}, "i1"), "lower": ({"false": 0, "true": 1}, "i1"),
             "swapped": ({"FALSE": 1, "TRUE": 0}, "i1"), "switch": ({"OFF": 0, "ON": 1}, "i1"),
             "wide": ({"FALSE": 0, "TRUE": 1}, "<i2"), "third": ({"FALSE": 0, "TRUE": 1, "UNSET": 2}, "i1"),
             "minus": ({"FALSE": 0, "TRUE": -1}, "i1"), "one": ({"TRUE": 1}, "i1")}  # fmt: skip
    data, want = np.array([0, 1, 1, 0]), {}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, (values, base) in kinds.items():
            file.create_dataset(name, data=data.astype(base), dtype=h5py.enum_dtype(values, base))
            boolean = name in ("bool", "unsigned", "reversed", "lower")
            array = data.astype(bool if boolean else base)
            want[name] = (str(array.dtype), array)
    assert_reads(tf_cli, tmp_path / "a.h5", want)
    names = enum_names(tf_cli, tmp_path / "a.h5")
    assert {n: v for n, (v, _) in kinds.items() if want[n][0] != "bool"} == {n: v for n, v in names.items() if v}


def test_names_of_an_enumeration_do_not_replace_an_attribute(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("e", data=np.array([0, 2], "i1"), dtype=h5py.enum_dtype({"A": 0, "B": 2}, "i1"))
        file["e"].attrs["enum_names"] = "of someone else"
    done = tf_cli("ls", tmp_path / "a.h5", "--json").succeeds()
    assert "of someone else" in done.out and "hdf5.enum_names_left_out" in done.out


def test_attributes_of_enumerations_are_integers_too(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("w", data=np.arange(3))
        for name, values, base, value in (("color", {"RED": 0, "BLUE": 1}, "i1", 1), ("wide", {"LOW": -3}, ">i4", -3)):
            data.attrs.create(name, np.array(value, base), dtype=h5py.enum_dtype(values, base))
        attribute = h5py.h5a.create(data.id, b"bits", h5py.h5t.STD_B8LE, h5py.h5s.create(h5py.h5s.SCALAR))
        attribute.write(np.array(0x81, np.uint8), h5py.h5t.STD_B8LE)
        data.attrs["flag"] = True
    (row,) = json.loads(tf_cli("ls", tmp_path / "a.h5", "--json").succeeds().out)["tensors"]
    assert row["attributes"] == {"color": 1, "wide": -3, "bits": 0x81, "flag": True}


# Arrays inside elements


@pytest.mark.parametrize("libver", NEWEST)
@pytest.mark.parametrize("options", [{}, {"chunks": (2, 3), "compression": "gzip", "shuffle": True, "fletcher32": True}], ids=["plain", "chunks"])
def test_array_types_are_further_dimensions(options, libver, tf_cli, tmp_path):
    want = {}
    with h5py.File(tmp_path / "a.h5", "w", libver=libver) as file:
        for dtype in ("float32", "int16", "bool", "complex64", "float16"):
            for inner in ((3,), (2, 1, 4)):
                array = bits(dtype, (5, 4, *inner))
                name = f"{dtype}{len(inner)}"
                file.create_dataset(name, (5, 4), np.dtype((array.dtype, inner)), **options)[...] = array
                want[name] = (dtype, array)
        nested = h5py.h5t.array_create(h5py.h5t.array_create(h5py.h5t.IEEE_F32BE, (2, 3)), (4,))
        array = bits("float32", (5, 4, 4, 2, 3))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if options:
            plist.set_chunk((2, 3))
            plist.set_deflate(3)
        make(file, "nested", nested, array.astype(">f4"), plist=plist, shape=(5, 4))
        want["nested"] = ("float32", array)
        make(file, "fixed", h5py.h5t.array_create(h5py.h5t.py_create(np.dtype("S4")), (2,)), np.array([[b"ab", b"c"]], "S4"), shape=(1,))
        want["fixed"] = ("string", np.array([[b"ab", b"c"]], object))
        enum = h5py.h5t.array_create(enum_type(h5py.h5t.STD_U16LE, A=0, B=700), (3,))
        make(file, "enum", enum, np.array([[0, 700, 0]], "<u2"), shape=(1,))
        want["enum"] = ("uint16", np.array([[0, 700, 0]], np.uint16))
    assert_reads(tf_cli, tmp_path / "a.h5", want)


def test_arrays_of_text_of_variable_length(tf_cli, tmp_path):
    texts = [["a", "żółć"], ["", "x" * 100]]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        kind = h5py.h5t.array_create(h5py.h5t.py_create(h5py.string_dtype(), logical=True), (2,))
        data = h5py.h5d.create(file.id, b"t", kind, h5py.h5s.create_simple((2,)))
        pointers = [[ctypes.create_string_buffer(t.encode()) for t in row] for row in texts]
        memory = np.array([[ctypes.addressof(p) for p in row] for row in pointers], np.uintp)
        library = library_of(h5py.h5d)
        assert library.H5Dwrite(ctypes.c_int64(data.id), ctypes.c_int64(kind.id), ctypes.c_int64(0), ctypes.c_int64(0),
                                ctypes.c_int64(0), memory.ctypes.data_as(ctypes.c_void_p)) >= 0  # fmt: skip
    want = np.array([[t.encode() for t in row] for row in texts], object)
    assert_reads(tf_cli, tmp_path / "a.h5", {"t": ("string", want)})


def test_fill_values_of_arrays_and_scalars_of_arrays(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        kind = h5py.h5t.array_create(h5py.h5t.STD_I32LE, (3,))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((2,))
        library = library_of(h5py.h5p)
        fill = np.array([1, 2, 3], "<i4")
        assert library.H5Pset_fill_value(ctypes.c_int64(plist.id), ctypes.c_int64(kind.id), fill.ctypes.data_as(ctypes.c_void_p)) >= 0
        h5py.h5d.create(file.id, b"fill", kind, h5py.h5s.create_simple((5,)), plist)
        make(file, "scalar", kind, fill, shape=())
    want = {"fill": ("int32", np.tile(fill, (5, 1))), "scalar": ("int32", fill)}
    assert_reads(tf_cli, tmp_path / "a.h5", want)


# Floats and others


def float_type(size, precision, sign, exponent, exponent_bits, mantissa, mantissa_bits, bias):
    kind = h5py.h5t.IEEE_F64LE.copy()
    if size > 8:
        kind.set_size(size)
        kind.set_precision(precision)
    kind.set_fields(sign, exponent, exponent_bits, mantissa, mantissa_bits)
    kind.set_precision(precision)
    kind.set_size(size)
    kind.set_ebias(bias)
    return kind


def test_floats_are_known_by_their_fields_and_not_by_their_size(tf_cli, tmp_path):
    exotic = {"e4m3": (1, 8, 7, 3, 4, 0, 3, 7), "e5m2_bias": (1, 8, 7, 2, 5, 0, 2, 16), "e8m7_bias": (2, 16, 15, 7, 8, 0, 7, 128),
              "half_swapped": (2, 16, 0, 11, 5, 1, 10, 15), "float24": (4, 24, 23, 16, 7, 0, 16, 63),
              "float32_bias": (4, 32, 31, 23, 8, 0, 23, 128), "quad": (16, 128, 127, 112, 15, 0, 112, 16383)}  # fmt: skip
    known = {"bfloat16": (2, 16, 15, 7, 8, 0, 7, 127), "float8_e5m2": (1, 8, 7, 2, 5, 0, 2, 15)}
    want = {}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, fields in exotic.items():
            make(file, name, float_type(*fields), np.zeros((4, fields[0]), np.uint8), shape=(4,))
        for dtype, fields in known.items():
            array = bits(dtype, (4, 5))
            make(file, dtype, float_type(*fields), array.view(f"u{fields[0]}"))
            want[dtype] = (dtype, array)
        vax = h5py.h5t.IEEE_F32LE.copy()
        vax.set_order(h5py.h5t.ORDER_VAX)
        make(file, "vax", vax, np.zeros(4, "f4"))
        always = h5py.h5t.IEEE_F32LE.copy()
        always.set_norm(h5py.h5t.NORM_MSBSET)
        make(file, "always", always, np.zeros(4, "f4"))
        none = h5py.h5t.IEEE_F32LE.copy()
        none.set_norm(h5py.h5t.NORM_NONE)
        make(file, "none", none, np.zeros(4, "f4"))
    refused = (*exotic, "vax", "always", "none")
    listing = tf_cli.listing(tmp_path / "a.h5")
    for name in refused:
        assert listing[name]["dtype"] == "?", (name, listing[name])
        tf_cli("print", tmp_path / "a.h5", name).fails_with(4, "its HDF5 type is")
    assert_reads(tf_cli, tmp_path / "a.h5", want, *(w for n in refused for w in ("--exclude", n)))


def test_references_and_other_classes_are_refused_by_name(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["reference"] = np.array([file.ref], dtype=h5py.ref_dtype)
        file["region"] = np.array([file["reference"].regionref[:]], dtype=h5py.regionref_dtype)
        make(file, "time", h5py.h5t.UNIX_D32LE, np.zeros(3, "<i4"))
        file["compound"] = np.zeros(2, [("a", "i4"), ("b", "f4")])
        file["half"] = np.zeros(2, [("r", "f2"), ("i", "f2")])
        file["gap"] = np.zeros(2, np.dtype({"names": ["r", "i"], "formats": ["<f4", "<f4"], "offsets": [0, 8], "itemsize": 12}))
        file["mixed"] = np.zeros(2, [("r", "<f4"), ("i", ">f4")])
    for name, says in (("reference", "a reference"), ("region", "a reference"), ("time", "a time"), ("compound", "a compound of a and b"),
                       ("half", "complex number of float16"), ("gap", "with gaps"), ("mixed", "parts that differ")):  # fmt: skip
        tf_cli("print", tmp_path / "a.h5", name).fails_with(4, says)


# Forms of newer releases


@pytest.mark.parametrize("libver", NEWEST + ["v114", ("v112", "latest")], ids=str)
def test_every_type_in_the_form_of_every_release(libver, tf_cli, tmp_path):
    want = {}
    with h5py.File(tmp_path / "a.h5", "w", libver=libver) as file:
        file["named"] = np.dtype("bool")
        file["named_complex"] = np.dtype("complex64")
        file.attrs["root_flag"] = True
        for dtype in ("bool", "complex64", "complex128", "float32"):
            array = bits(dtype, (30, 20))
            for name, options in (("plain", {}), ("gz", {"chunks": (7, 6), "compression": "gzip"}), ("one", {"chunks": (30, 20), "compression": "gzip"}),
                                  ("more", {"chunks": (7, 6), "maxshape": (None, 20)}), ("most", {"chunks": (7, 6), "maxshape": (None, None)})):  # fmt: skip
                data = file.create_dataset(f"{dtype}/{name}", data=array, **options)
                data.attrs["flag"] = True
                data.attrs["z"] = np.complex64(1j)
                data.attrs["text"] = "text"
                want[f"{dtype}/{name}"] = (dtype, array)
        for name in ("named", "named_complex"):
            data = file.create_dataset(f"by/{name}", (4,), file[name])
            data[...] = bits(str(file[name].dtype), (4,))
            data.attrs.create("of", data[0], dtype=file[name])
            want[f"by/{name}"] = (str(file[name].dtype), data[...])
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        make(file, "compact", h5py.h5t.py_create(np.dtype("bool"), logical=True), bits("bool", (9,)), plist=compact)
        want["compact"] = ("bool", bits("bool", (9,)))
    assert_reads(tf_cli, tmp_path / "a.h5", want)
    rows = json.loads(tf_cli("ls", tmp_path / "a.h5", "--json").succeeds().out)["tensors"]
    assert all(row["attributes"]["flag"] is True and row["attributes"]["text"] == "text" for row in rows if "/" in row["name"] and "by/" not in row["name"])
    assert json.loads(tf_cli("info", tmp_path / "a.h5", "--json").succeeds().out)["attributes"]["root_flag"] is True


def test_newer_forms_behind_a_user_block(tf_cli, tmp_path):
    want = {"b": ("bool", bits("bool", (9,))), "z": ("bool", bits("bool", (500,))), "c": ("complex128", bits("complex128", (4,)))}
    with h5py.File(tmp_path / "a.h5", "w", libver="latest", userblock_size=1024) as file:
        file.attrs["flag"] = True
        for name, (_, array) in want.items():
            file.create_dataset(name, data=array, **({"chunks": (77,), "compression": "lzf"} if name == "z" else {}))
            file[name].attrs["flag"] = True
    assert_reads(tf_cli, tmp_path / "a.h5", want)
    assert json.loads(tf_cli("info", tmp_path / "a.h5", "--json").succeeds().out)["attributes"] == {"flag": True}


def test_attributes_outside_the_header_in_a_newer_form_are_left_out_with_a_note(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        file["w"] = np.arange(4, dtype="f4")
        for number in range(12):
            file.attrs[f"flag{number}"] = True
            file["w"].attrs[f"flag{number}"] = True
    assert_reads(tf_cli, tmp_path / "a.h5", {"w": ("float32", np.arange(4, dtype="f4"))})
    assert tf_cli("ls", tmp_path / "a.h5", "--json").succeeds().out.count("hdf5.attribute_left_out") == 2


def test_a_wrong_checksum_is_not_sealed_again(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        file["flags"] = bits("bool", (5,))
        at = h5py.h5o.get_info(file["flags"].id).addr
    raw = bytearray((tmp_path / "a.h5").read_bytes())
    spot = raw.index(b"FALSE\0", at)
    raw[spot] ^= 1
    (tmp_path / "a.h5").write_bytes(raw)
    assert tf_cli("hash", tmp_path / "a.h5").code in (3, 4)


def test_what_hdf5_2_0_writes(tf_cli, tmp_path):
    source = Path(__file__).parent / "stored" / "hdf5_2.0.h5"
    array = (np.arange(6) - 1j * np.arange(6, 12)).reshape(2, 3)
    want = {"c64": ("complex64", array.astype("c8")), "c128": ("complex128", array), "c64be": ("complex64", array.astype("c8")),
            "array": ("complex64", array.astype("c8")), "bool": ("bool", array.real > 2), "one": ("float32", np.arange(60, dtype="f4").reshape(6, 10)),
            "plain": ("float32", np.arange(60, dtype="f4").reshape(6, 10)), "bf16": ("bfloat16", array.real.astype(ml_dtypes.bfloat16)),
            "e5m2": ("float8_e5m2", array.real.astype(ml_dtypes.float8_e5m2))}  # fmt: skip
    others = {"c32": "complex number of float16", "e4m3": "4 bits of exponent", "filtered": "newer release"}
    assert_reads(tf_cli, source, want, *(w for n in others for w in ("--exclude", n)))
    for name, says in others.items():
        tf_cli("print", source, name).fails_with(4, says)
