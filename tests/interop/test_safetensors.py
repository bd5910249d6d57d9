"""The safetensors library reads what tensorferry writes, and tensorferry reads what the library writes."""

from __future__ import annotations

import base64
import json
import struct

import ml_dtypes
import numpy as np
import pytest
import safetensors
import safetensors.numpy

import judge
from arrays import OTHER_DTYPES, STRINGS, TENSORFLOW_DTYPES, bits
from cli import assert_refused
from raw_input import entry, write_manifest, write_raw

# what the format has, in the library's order; the wire name of each
WIRE = {
    "bool": "BOOL", "float4_e2m1fn": "F4", "uint8": "U8", "int8": "I8", "float8_e5m2": "F8_E5M2",
    "float8_e4m3fn": "F8_E4M3", "float8_e8m0fnu": "F8_E8M0", "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ", "int16": "I16", "uint16": "U16", "float16": "F16", "bfloat16": "BF16",
    "int32": "I32", "uint32": "U32", "float32": "F32", "complex64": "C64", "float64": "F64", "int64": "I64", "uint64": "U64",
}  # fmt: skip
DTYPE = {wire: dtype for dtype, wire in WIRE.items()}
# carried: the wire name and the size of a last dimension that is added
CARRIED = {
    "int2": ("I8", 0), "int4": ("I8", 0), "uint2": ("U8", 0), "uint4": ("U8", 0), "float6_e2m3fn": ("U8", 0),
    "float6_e3m2fn": ("U8", 0), "float8_e4m3b11fnuz": ("U8", 0), "complex128": ("F64", 2), "qint8": ("I8", 0),
    "quint8": ("U8", 0), "qint16": ("I16", 0), "quint16": ("U16", 0), "qint32": ("I32", 0),
}  # fmt: skip
SHAPES = {"scalar": (), "empty": (0, 3), "even": (2, 3), "every": (256,), "large": (300, 70)}


def packed(raw: bytes) -> bytes:
    """Two elements a byte, the first in the low half."""
    return bytes(a | b << 4 for a, b in zip(raw[::2], raw[1::2]))


def unpacked(raw: bytes) -> bytes:
    return b"".join(bytes((b & 15, b >> 4)) for b in raw)


# ---- the format by hand, as the specification has it ---------------------------------------------------------

def parse(raw: bytes) -> tuple[dict, bytes]:
    """The header and the elements, held to the specification."""
    (length,) = struct.unpack_from("<Q", raw)
    text, data = raw[8 : 8 + length], raw[8 + length :]
    assert len(text) == length and length % 8 == 0 and text.startswith(b"{")
    header = json.loads(text)
    spans = sorted(e["data_offsets"] for n, e in header.items() if n != "__metadata__")
    assert [b for b, _ in spans] == [0, *[e for _, e in spans]][: len(spans)], spans
    assert (spans[-1][1] if spans else 0) == len(data)
    return header, data


def tags_of(header: dict) -> dict:
    return json.loads(header.get("__metadata__", {}).get("tensorferry.tensors", "{}"))


def by_hand(raw: bytes) -> list[judge.Tensor]:
    header, data = parse(raw)
    tags = tags_of(header)
    found = {n: (e, data[slice(*e["data_offsets"])]) for n, e in header.items() if n != "__metadata__"}
    out = []
    for stored, (said, body) in found.items():
        tag, shape = tags.get(stored, {}), said["shape"]
        name = judge.json_name(tag) if "name_base64" in tag else tag.get("name", stored)
        dtype = tag.get("dtype", DTYPE[said["dtype"]])
        if said["dtype"] == "F4":
            body = unpacked(body)
        elif dtype in CARRIED:
            wire, last = CARRIED[dtype]
            assert said["dtype"] == wire, (stored, said)
            if last:
                assert shape[-1] == last
                shape = shape[:-1]
        if dtype in judge.NUMPY:
            assert len(body) == np.prod(shape, dtype=np.int64) * judge.NUMPY[dtype].itemsize, stored
        assert "shape" not in tag or tag["shape"] == shape, (stored, tag)
        out.append(judge.from_bytes(name, judge.mask_codes(body, dtype), dtype, shape))
    return out


def made(entries: dict | str | bytes, data: bytes = b"", length: int | None = None) -> bytes:
    text = json.dumps(entries) if isinstance(entries, dict) else entries
    text = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def told(begin: int, end: int, dtype: str = "U8", shape=None) -> dict:
    return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}


def library_accepts(raw: bytes) -> bool:
    try:
        safetensors.deserialize(raw)
        return True
    except safetensors.SafetensorError:
        return False


# ---- theirs to us --------------------------------------------------------------------------------------------

def test_files_of_save_file_are_read(tf_cli, tmp_path):
    arrays = {}
    for dtype in ("bool", "uint8", "int8", "int16", "uint16", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2",
                  "int32", "uint32", "float32", "complex64", "float64", "int64", "uint64"):
        for label, shape in SHAPES.items():
            arrays[f"{dtype}/{label}"] = bits(dtype, shape)
    safetensors.numpy.save_file(arrays, tmp_path / "a.safetensors", metadata={"format": "np", "żółć": "漢字"})
    got, digest = tf_cli.hash(tmp_path / "a.safetensors")
    want = [judge.tensor(n, a, n.split("/")[0]) for n, a in arrays.items()]
    judge.assert_same(got, want)
    assert digest == judge.digest(want)
    tf_cli.convert(tmp_path / "a.safetensors", tmp_path / "raw", "--to", "raw")
    document = json.loads((tmp_path / "raw/manifest.json").read_text())
    assert document["attributes"] == {"format": "np", "żółć": "漢字"}


# how serialize() wants the names of the types
SPEC = {"bool": "bool", "float4_e2m1fn": "float4_e2m1fn_x2"}


def test_every_element_type_of_serialize_file_is_read(tf_cli, tmp_path):
    specs, want, alive = {}, [], []
    for dtype in WIRE:
        raw = judge.canonical_bytes(bits(dtype, (4, 6)), dtype)
        stored = np.frombuffer(packed(raw) if dtype == "float4_e2m1fn" else raw, np.uint8)
        alive.append(stored)
        # of packed types the library takes the shape in bytes
        shape = [4, 3] if dtype == "float4_e2m1fn" else [4, 6]
        specs[dtype] = safetensors.TensorSpec(dtype=SPEC.get(dtype, dtype), shape=shape,
                                               data_ptr=stored.ctypes.data, data_len=stored.nbytes)
        want.append(judge.from_bytes(dtype, raw, dtype, (4, 6)))
    safetensors.serialize_file(specs, tmp_path / "a.safetensors", None)
    header, _ = parse((tmp_path / "a.safetensors").read_bytes())
    assert {n: e["dtype"] for n, e in header.items()} == WIRE
    got, digest = tf_cli.hash(tmp_path / "a.safetensors")
    judge.assert_same(got, want)
    assert digest == judge.digest(want)
    # sorted and padded alike: the file that comes back is theirs
    tf_cli.convert(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    ours, theirs = ((tmp_path / f).read_bytes() for f in ("b.safetensors", "a.safetensors"))
    assert parse(ours)[1] == parse(theirs)[1]
    assert list(parse(ours)[0])[1:] == list(parse(theirs)[0])


def test_an_element_type_without_documented_packing_is_listed_and_refused(tf_cli, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(made({"a": told(0, 3, "F6_E2M3", [4]), "b": told(3, 4)}, b"1234"))
    assert "F6_E2M3" in json.dumps(tf_cli.listing(tmp_path / "a.safetensors")["a"])
    tf_cli("convert", tmp_path / "a.safetensors", tmp_path / "o.npz").fails_with(4, "F6_E2M3")
    tf_cli.convert(tmp_path / "a.safetensors", tmp_path / "o.npz", "--exclude", "a")


# ---- ours to them --------------------------------------------------------------------------------------------

def every_dtype(folder):
    source, want = {}, []
    for dtype in (*TENSORFLOW_DTYPES, *OTHER_DTYPES):
        if dtype != "string":
            for label, shape in SHAPES.items():
                source[f"{dtype}/{label}"] = dtype, bits(dtype, shape)
                want.append(judge.tensor(f"{dtype}/{label}", source[f"{dtype}/{label}"][1], dtype))
    return write_raw(folder, source), want


def test_every_dtype_is_written_and_comes_back(tf_cli, tmp_path):
    source, want = every_dtype(tmp_path / "in")
    path = tmp_path / "a.safetensors"
    tf_cli.convert(source, path, "--threads", "8")
    judge.assert_same(by_hand(path.read_bytes()), want)
    got, digest = tf_cli.hash(path)
    judge.assert_same(got, want)
    assert digest == judge.digest(want)
    tf_cli.convert(source, tmp_path / "one.safetensors", "--threads", "1")
    assert path.read_bytes() == (tmp_path / "one.safetensors").read_bytes()


def test_the_library_reads_our_bits(tf_cli, tmp_path):
    source, _ = every_dtype(tmp_path / "in")
    tf_cli.convert(source, tmp_path / "a.safetensors")
    raw = (tmp_path / "a.safetensors").read_bytes()
    header, data = parse(raw)
    theirs = dict(safetensors.deserialize(raw))
    assert theirs.keys() == header.keys() - {"__metadata__"}
    for name, t in theirs.items():
        assert bytes(t["data"]) == data[slice(*header[name]["data_offsets"])], name
        assert (t["dtype"], t["shape"]) == (header[name]["dtype"], header[name]["shape"])
    with safetensors.safe_open(tmp_path / "a.safetensors", framework="numpy") as file:
        assert file.metadata()["format"] == "pt"
        for dtype in ("bool", "int8", "uint16", "int32", "int64", "uint64", "float16", "float32", "float64", "complex64"):
            for label, shape in SHAPES.items():
                array = file.get_tensor(f"{dtype}/{label}")
                assert array.dtype == judge.NUMPY[dtype] and array.shape == shape
                assert array.tobytes() == bits(dtype, shape).tobytes(), (dtype, label)


def test_the_file_is_byte_for_byte_that_of_the_library(tf_cli, tmp_path):
    arrays = {f"{dtype}/{label} żółć \"": bits(dtype, shape) for label, shape in SHAPES.items() for dtype in
              ("bool", "int8", "uint16", "int16", "float16", "bfloat16", "float32", "int64", "float64", "complex64")}
    safetensors.numpy.save_file(arrays, tmp_path / "theirs.safetensors", metadata={"format": "pt"})
    tf_cli.convert(write_raw(tmp_path / "in", {n: (n.split("/")[0], a) for n, a in arrays.items()}),
                   tmp_path / "ours.safetensors")
    assert (tmp_path / "ours.safetensors").read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()


def test_odd_counts_of_f4_are_carried_as_codes(tf_cli, tmp_path):
    arrays = {"scalar": (), "three": (3,), "odd": (3, 5), "even": (3, 4), "none": (0, 3)}
    source = write_raw(tmp_path / "in", {n: ("float4_e2m1fn", bits("float4_e2m1fn", s)) for n, s in arrays.items()})
    tf_cli.convert(source, tmp_path / "a.safetensors")
    raw = (tmp_path / "a.safetensors").read_bytes()
    assert library_accepts(raw)
    assert {n: e["dtype"] for n, e in parse(raw)[0].items() if n != "__metadata__"} == {
        "scalar": "U8", "three": "U8", "odd": "U8", "even": "F4", "none": "F4"}
    want = [judge.tensor(n, bits("float4_e2m1fn", s), "float4_e2m1fn") for n, s in arrays.items()]
    judge.assert_same(by_hand(raw), want)
    judge.assert_same(tf_cli.hash(tmp_path / "a.safetensors")[0], want)
    (tmp_path / "bad.safetensors").write_bytes(made({"w": told(0, 2, "F4", [3])}, b"12"))
    assert_refused(tf_cli, tmp_path / "bad.safetensors", 3, tmp_path / "out")


def test_strings_are_bytes_and_offsets(tf_cli, tmp_path):
    values = np.array([STRINGS, STRINGS[::-1]], dtype=object)
    tf_cli.convert(write_raw(tmp_path / "in", {"words": ("string", values)}), tmp_path / "a.safetensors")
    with safetensors.safe_open(tmp_path / "a.safetensors", framework="numpy") as file:
        data, offsets = file.get_tensor("words#bytes").tobytes(), file.get_tensor("words#offsets")
    assert offsets.dtype == np.int64 and offsets[0] == 0 and offsets[-1] == len(data)
    assert [data[a:b] for a, b in zip(offsets[:-1], offsets[1:])] == values.reshape(-1).tolist()
    judge.assert_same(tf_cli.hash(tmp_path / "a.safetensors")[0], [judge.tensor("words", values, "string")])


NAMES = ["__metadata__", "", "nul\0x", "x" * 1000, "żółć/漢字", "🙂", "a\"b\\c\n\x01", "../up", "100%", "\udcff\udcfe/not-utf8"]


def test_names_and_attributes_come_back(tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {})
    (source / "weights.bin").write_bytes(bytes(range(len(NAMES))))
    entries = []
    for i, name in enumerate(NAMES):
        said = entry(name, "uint8", np.uint8(i), bytes([i]), offset=i)
        if "\udcff" in name:
            said["name_base64"] = base64.b64encode(name.encode("utf-8", "surrogateescape")).decode()
            del said["name"]
        entries.append(said)
    entries[4]["attributes"] = {"unit": "m", "scale": 0.5}
    attributes = {"author": "żółć", "step": 7, "ratio": 1.5, "final": True, "": "none", "tensorferry.x": "y"}
    write_manifest(source, entries, attributes=attributes)
    tf_cli.convert(source, tmp_path / "a.safetensors")
    raw = (tmp_path / "a.safetensors").read_bytes()
    want = [judge.tensor(name, np.uint8(i), "uint8") for i, name in enumerate(NAMES)]
    judge.assert_same(by_hand(raw), want)
    judge.assert_same(tf_cli.hash(tmp_path / "a.safetensors")[0], want)
    theirs = dict(safetensors.deserialize(raw))
    for name in ("", "nul\0x", "x" * 1000, "żółć/漢字", "🙂", "a\"b\\c\n\x01"):
        assert bytes(theirs[name]["data"]) == bytes([NAMES.index(name)])
    tf_cli.convert(tmp_path / "a.safetensors", tmp_path / "back", "--to", "raw")
    back = json.loads((tmp_path / "back/manifest.json").read_text())
    assert {k: back["attributes"].get(k) for k in attributes} == attributes
    assert {judge.json_name(e): e for e in back["tensors"]}["żółć/漢字"]["attributes"] == {"unit": "m", "scale": 0.5}


def test_metadata_format(tf_cli, tmp_path):
    safetensors.numpy.save_file({"w": np.arange(3)}, tmp_path / "a.safetensors", metadata={"format": "mlx"})
    for options, want in ((), "mlx"), (("--out-opt", "format=tf"), "tf"):
        tf_cli.convert(tmp_path / "a.safetensors", tmp_path / "b.safetensors", *options, "--overwrite")
        with safetensors.safe_open(tmp_path / "b.safetensors", framework="numpy") as file:
            assert file.metadata() == {"format": want}


@pytest.mark.parametrize("alignment", [8, 64, 4096])
def test_alignment(alignment, tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {"w": ("float32", bits("float32", (3,)))})
    tf_cli.convert(source, tmp_path / "a.safetensors", "--out-opt", f"alignment={alignment}")
    raw = (tmp_path / "a.safetensors").read_bytes()
    assert (8 + struct.unpack_from("<Q", raw)[0]) % alignment == 0 and library_accepts(raw)


# ---- several files -------------------------------------------------------------------------------------------

def follow(index) -> list[judge.Tensor]:
    """What a loader of several files does: every tensor from the file that the index names."""
    said = json.loads(index.read_text())
    names = sorted(set(said["weight_map"].values()))
    count = len(names)
    assert names == [f"model-{i:05}-of-{count:05}.safetensors" for i in range(1, count + 1)]
    assert {p.name for p in index.parent.iterdir()} == {index.name, *names}
    out, total = [], 0
    for name in names:
        raw = (index.parent / name).read_bytes()
        header, data = parse(raw)
        assert library_accepts(raw) and header["__metadata__"]["format"] == "pt"
        assert set(header) - {"__metadata__"} == {t for t, f in said["weight_map"].items() if f == name}
        assert len(data) <= 4096 or len(header) == 2, "a file above the limit holds one tensor"
        total += len(data)
        out += by_hand(raw)
    assert said["metadata"]["total_size"] == total
    return out


def test_several_files_with_an_index(tf_cli, tmp_path):
    source = {f"layer{i:02}/w": (dtype, bits(dtype, (9, 20), i)) for i, dtype in
              enumerate(["float32", "bfloat16", "int64", "int4", "float4_e2m1fn", "qint32", "complex128"] * 3)}
    source["big"] = "float32", bits("float32", (2000,))
    want = [judge.tensor(n, a, dtype) for n, (dtype, a) in source.items()]
    (tmp_path / "out").mkdir()
    target = tmp_path / "out/model.safetensors"
    tf_cli.convert(write_raw(tmp_path / "in", source), target, "--split-max-size", "4K")
    index = target.with_name("model.safetensors.index.json")
    judge.assert_same(follow(index), want)
    for read in (index, index.parent):
        got, digest = tf_cli.hash(read)
        judge.assert_same(got, want)
        assert digest == judge.digest(want)
    (tmp_path / "again").mkdir()
    tf_cli.convert(index, tmp_path / "again/model.safetensors", "--split-max-size", "4K", "--threads", "1")
    judge.assert_same(follow(tmp_path / "again/model.safetensors.index.json"), want)


def test_what_fits_is_one_file(tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {"w": ("int8", bits("int8", (9,)))})
    (tmp_path / "out").mkdir()
    tf_cli.convert(source, tmp_path / "out/model.safetensors", "--split-max-size", "4K")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["model.safetensors"]
