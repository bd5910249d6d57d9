"""Reads each output format with the library its users have, and brings every tensor back to its logical bits.

The conventions are those of dtypes.md and other-formats.md: native where the format can, otherwise a carrier type
and the logical dtype in the format's metadata channel. Nothing here is the project's code.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
import onnx
from onnx import numpy_helper

import judge
from bundle_writer import crc32c
from judge import NUMPY, Tensor

CODES_IN_NPY = {d: "|V1" for d in NUMPY if d.startswith("float") and NUMPY[d].itemsize == 1}
# what np.load says the dtype is, for the types that numpy has no own one for
NPY_CARRIER = {**CODES_IN_NPY, "bfloat16": "|V2", "int4": "|i1", "int2": "|i1", "uint4": "|u1", "uint2": "|u1",
               "qint8": "|i1", "quint8": "|u1", "qint16": "<i2", "quint16": "<u2", "qint32": "<i4"}  # fmt: skip


def unescape(component: bytes) -> bytes:
    """other-formats.md section 5: `%` alone is the empty name, `%XX` a byte."""
    if component == b"%":
        return b""
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes.fromhex(m[1].decode()), component)


def text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


# ---- raw -----------------------------------------------------------------------------------------------------

def manifest_entries(folder: Path) -> list[dict]:
    return json.loads((folder / "manifest.json").read_text())["tensors"]


def raw_bytes(folder: Path, entry: dict) -> bytes:
    """The bytes of one entry as they lie in its file; its checksums are verified."""
    assert "/" not in entry["file"] and entry["file"] not in ("", ".", ".."), entry
    with open(folder / entry["file"], "rb") as file:
        file.seek(entry.get("offset", 0))
        raw = file.read(entry["length"])
    assert len(raw) == entry["length"], entry
    if "sha256" in entry:
        import hashlib

        assert hashlib.sha256(raw).hexdigest() == entry["sha256"], entry
    if "crc32c" in entry and len(raw) < 1 << 20:
        assert f"{crc32c(raw):08x}" == entry["crc32c"], entry
    return raw


def raw_folder(folder: Path) -> list[Tensor]:
    return [judge.from_bytes(judge.json_name(e), raw_bytes(folder, e), e["dtype"], e["shape"])
            for e in manifest_entries(folder)]


# ---- npy -----------------------------------------------------------------------------------------------------

def from_pair(raw: np.ndarray, offsets: np.ndarray) -> list[bytes]:
    assert raw.dtype == np.uint8 and offsets.dtype == np.dtype("<i8"), (raw.dtype, offsets.dtype)
    assert raw.ndim == 1 and offsets.ndim == 1 and offsets[0] == 0 and offsets[-1] == raw.size
    data = raw.tobytes()
    return [data[a:b] for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist())]


def from_carrier(array: np.ndarray, dtype: str) -> bytes:
    """Bits of the logical dtype from what np.load gave; sign-extended codes lose their upper bits."""
    assert array.dtype.str == NPY_CARRIER.get(dtype, NUMPY[dtype].str), (dtype, array.dtype)
    return judge.mask_codes(np.ascontiguousarray(array).tobytes(), dtype)


def npy_folder(folder: Path) -> list[Tensor]:
    entries = {judge.json_name(e): e for e in manifest_entries(folder)}
    assert {e["file"] for e in entries.values()} | {"manifest.json"} == {p.name for p in folder.iterdir()}
    out = []
    for name, entry in entries.items():
        array = np.load(folder / entry["file"])
        attributes = entry.get("attributes", {})
        half_of_strings = attributes.get("tensorferry.carrier") == "strpair"
        if half_of_strings and name.endswith("#bytes"):
            whole = name[: -len("#bytes")]
            shape = [int(d) for d in attributes["tensorferry.shape"].split(",") if d]
            pair = from_pair(array, np.load(folder / entries[f"{whole}#offsets"]["file"]))
            out.append(judge.from_bytes(whole, judge.string_bytes(pair), "string", shape))
        elif not half_of_strings:
            assert array.shape == tuple(entry["shape"]), entry
            out.append(judge.from_bytes(name, from_carrier(array, entry["dtype"]), entry["dtype"], array.shape))
    return out


# ---- npz -----------------------------------------------------------------------------------------------------

def npz_metadata(path: Path) -> dict:
    """What the archive comment says beside the arrays, or the member that stands in for it."""
    with zipfile.ZipFile(path) as archive:
        raw = archive.comment or (archive.read("tensorferry.json") if "tensorferry.json" in archive.namelist() else b"{}")
    return json.loads(raw)


def npz_file(path: Path) -> list[Tensor]:
    tags = npz_metadata(path).get("tensorferry.tensors", {})
    out = []
    with np.load(path) as archive:
        arrays = {key: archive[key + ".npy"] for key in archive.files if f"{key}.npy" in archive.zip.namelist()}
    for key, array in arrays.items():
        tag = tags.get(key, {})
        name = judge.json_name(tag) if "name_base64" in tag else key
        dtype = tag.get("dtype", array.dtype.name)
        attributes = tag.get("attributes", {})
        if attributes.get("tensorferry.carrier") == "strpair":
            if name.endswith("#bytes"):
                whole = name[: -len("#bytes")]
                shape = [int(d) for d in attributes["tensorferry.shape"].split(",") if d]
                out.append(judge.from_bytes(whole, judge.string_bytes(from_pair(array, arrays[f"{whole}#offsets"])), "string", shape))
            continue
        assert "shape" not in tag or array.shape == tuple(tag["shape"]), (key, tag)
        out.append(judge.from_bytes(name, from_carrier(array, dtype), dtype, array.shape))
    return out


# ---- HDF5 ----------------------------------------------------------------------------------------------------

FLOAT_FIELDS = {  # size, (sign, exponent at, exponent bits, mantissa at, mantissa bits), bias
    (2, (15, 10, 5, 0, 10), 15): "float16", (2, (15, 7, 8, 0, 7), 127): "bfloat16",
    (1, (7, 2, 5, 0, 2), 15): "float8_e5m2", (4, (31, 23, 8, 0, 23), 127): "float32",
    (8, (63, 52, 11, 0, 52), 1023): "float64",
}  # fmt: skip


def hdf5_dtype(kind: h5py.h5t.TypeID) -> str:
    """The dtype that the HDF5 type says by itself."""
    if isinstance(kind, h5py.h5t.TypeEnumID):
        assert kind.get_nmembers() == 2 and kind.get_member_value(0) == 0 and kind.get_member_value(1) == 1
        assert (kind.get_member_name(0), kind.get_member_name(1)) == (b"FALSE", b"TRUE")
        return "bool"
    if isinstance(kind, h5py.h5t.TypeFloatID):
        assert kind.get_order() == h5py.h5t.ORDER_LE
        return FLOAT_FIELDS[(kind.get_size(), tuple(kind.get_fields()), kind.get_ebias())]
    if isinstance(kind, h5py.h5t.TypeCompoundID):
        assert [kind.get_member_name(i) for i in range(kind.get_nmembers())] == [b"r", b"i"]
        return {8: "complex64", 16: "complex128"}[kind.get_size()]
    if isinstance(kind, h5py.h5t.TypeIntegerID):
        assert kind.get_size() == 1 or kind.get_order() == h5py.h5t.ORDER_LE
        sign = "int" if kind.get_sign() == h5py.h5t.SGN_2 else "uint"
        return f"{sign}{8 * kind.get_size()}"
    return "string"


HDF5_CARRIER = {"int4": "int8", "int2": "int8", "uint4": "uint8", "uint2": "uint8", "qint8": "int8", "quint8": "uint8",
                "qint16": "int16", "quint16": "uint16", "qint32": "int32",
                **{d: "uint8" for d in CODES_IN_NPY if d != "float8_e5m2"}}  # fmt: skip


def hdf5_strings(dataset: h5py.Dataset) -> list[bytes]:
    kind = dataset.id.get_type()
    if isinstance(kind, h5py.h5t.TypeStringID):
        assert kind.is_variable_str() and kind.get_cset() == h5py.h5t.CSET_UTF8
    values = dataset[()]
    values = values.reshape(-1) if dataset.shape else [values]
    return [v if isinstance(v, bytes) else np.asarray(v, np.uint8).tobytes() for v in values]


def hdf5_tensor(path: bytes, dataset: h5py.Dataset) -> Tensor:
    kind = dataset.id.get_type()
    natural = hdf5_dtype(kind)
    dtype = dataset.attrs.get("tensorferry_dtype", natural)
    assert natural == HDF5_CARRIER.get(dtype, dtype), (path, dtype, natural)
    name = path if "tensorferry_name" not in dataset.attrs else dataset.attrs["tensorferry_name"]
    if isinstance(name, str):
        name = name.encode("utf-8", "surrogateescape")
    # the path says the name by itself, whether or not the attribute does
    decoded = b"/".join(unescape(c.removesuffix(b"%~")) for c in path.split(b"/"))
    assert name in (path, decoded), (path, name)
    if dtype == "string":
        return judge.from_bytes(text(decoded), judge.string_bytes(hdf5_strings(dataset)), dtype, dataset.shape)
    raw = np.empty(dataset.size * kind.get_size(), np.uint8)
    if raw.size:  # the file's own type as the memory type moves bits
        dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, raw, mtype=kind)
    return judge.from_bytes(text(decoded), judge.mask_codes(raw.tobytes(), dtype), dtype, dataset.shape)


def hdf5_datasets(file: h5py.File) -> dict[bytes, h5py.Dataset]:
    found: dict[bytes, h5py.Dataset] = {}

    def walk(group, path):
        for link in group:  # bytes: names that are not UTF-8 break h5py's own iteration
            child = h5py.h5o.open(group, link)
            if isinstance(child, h5py.h5g.GroupID):
                walk(child, [*path, link])
            else:
                found[b"/".join([*path, link])] = h5py.Dataset(child)

    walk(file.id if isinstance(file.id, h5py.h5g.GroupID) else h5py.h5g.open(file.id, b"/"), [])
    return found


def hdf5_file(path: Path) -> list[Tensor]:
    with h5py.File(path, "r") as file:
        return [hdf5_tensor(name, dataset) for name, dataset in hdf5_datasets(file).items()]


# ---- ONNX ----------------------------------------------------------------------------------------------------

ONNX_CODE = {"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "string": 8, "bool": 9,
             "float16": 10, "float64": 11, "uint32": 12, "uint64": 13, "complex64": 14, "complex128": 15, "bfloat16": 16,
             "float8_e4m3fn": 17, "float8_e4m3fnuz": 18, "float8_e5m2": 19, "float8_e5m2fnuz": 20, "uint4": 21,
             "int4": 22, "float4_e2m1fn": 23, "float8_e8m0fnu": 24, "uint2": 25, "int2": 26, "float6_e2m3fn": 27,
             "float6_e3m2fn": 28}  # fmt: skip
ONNX_NAME = {code: name for name, code in ONNX_CODE.items()}
ONNX_CARRIER = {"qint8": "int8", "quint8": "uint8", "qint16": "int16", "quint16": "uint16", "qint32": "int32",
                "float8_e4m3b11fnuz": "uint8"}  # fmt: skip


def onnx_tags(model: onnx.ModelProto) -> dict[str, dict]:
    props = [p for p in model.metadata_props if p.key == "tensorferry.tensors"]
    assert len(props) <= 1
    return json.loads(props[0].value) if props else {}


def onnx_weights(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    """All initializers but the one that only gives onnxruntime an output where there would be none."""
    placeholders = {p.value for p in model.metadata_props if p.key == "tensorferry.placeholder"}
    return [p for p in model.graph.initializer if p.name not in placeholders]


def onnx_tensor(proto: onnx.TensorProto, tags: dict[str, dict]) -> Tensor:
    tag = tags.get(proto.name, {})
    natural = ONNX_NAME[proto.data_type]
    dtype = tag.get("dtype", natural)
    assert natural == ONNX_CARRIER.get(dtype, dtype), (proto.name, dtype, natural)
    shape = tuple(proto.dims)
    assert "shape" not in tag or tuple(tag["shape"]) == shape, (proto.name, tag)
    name = judge.json_name(tag) if "name_base64" in tag else tag.get("name", proto.name)
    if dtype == "string":
        assert not proto.HasField("raw_data")
        return judge.from_bytes(name, judge.string_bytes(list(proto.string_data)), dtype, shape)
    array = numpy_helper.to_array(proto)
    assert array.shape == shape
    return judge.from_bytes(name, judge.canonical_bytes(array, dtype), dtype, shape)


def onnx_file(path: Path) -> list[Tensor]:
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(str(path))
    tags = onnx_tags(model)
    return [onnx_tensor(proto, tags) for proto in onnx_weights(model)]


# ---- onnxruntime ---------------------------------------------------------------------------------------------

NO_OUTPUT = {"complex64", "complex128", "float6_e2m3fn", "float6_e3m2fn"}  # onnxruntime cannot host these at all
RUNS = {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
        "float64", "float8_e4m3fn"}  # fmt: skip


def unpack(raw: bytes, dtype: str, count: int) -> bytes:
    """Codes, one per byte, from onnxruntime's packed elements (the first in the low bits)."""
    width = {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}.get(dtype)
    if width is None:
        return raw
    packed = np.frombuffer(raw, np.uint8)
    parts = np.stack([packed >> shift & ((1 << width) - 1) for shift in range(0, 8, width)], axis=-1)
    return parts.reshape(-1)[:count].astype(np.uint8).tobytes()


def onnxruntime_outputs(path: Path) -> list[Tensor]:
    """What a session of onnxruntime gives for every output; strings that are not UTF-8 it cannot give to Python."""
    import ctypes

    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    model = onnx.load(str(path), load_external_data=False)
    tags = onnx_tags(model)
    kinds = {p.name: ONNX_NAME[p.data_type] for p in onnx_weights(model)}
    readable = {p.name for p in model.graph.initializer if p.data_type == 8 and all(is_utf8(s) for s in p.string_data)}
    outputs = {o.name for o in session.get_outputs()}
    assert outputs, "onnxruntime needs an output"
    names = [n for n in kinds if n in outputs]
    expected = {n for n, kind in kinds.items() if kind not in NO_OUTPUT}
    assert set(names) == expected, (set(names) ^ expected)

    def made(name, raw, shape):
        tag = tags.get(name, {})
        logical = judge.json_name(tag) if "name_base64" in tag else tag.get("name", name)
        return judge.from_bytes(logical, raw, tag.get("dtype", kinds[name]), shape)

    out = []
    runs = [n for n in names if kinds[n] in RUNS or n in readable]
    for name, value in zip(runs, session.run(runs, {}) if runs else []):
        kind = kinds[name]
        if kind == "string":
            value = np.asarray(value, dtype=object)
            raw = judge.string_bytes([v.encode() for v in value.reshape(-1).tolist()])
        else:
            assert value.dtype.itemsize == NUMPY[kind].itemsize
            raw = np.ascontiguousarray(value).tobytes()
        out.append(made(name, raw, value.shape))
    bits = [n for n in names if kinds[n] not in RUNS and kinds[n] != "string"]
    if bits:
        for name, value in zip(bits, session.run_with_ort_values(bits, {})):
            shape = value.shape()
            count = int(np.prod(shape, dtype=np.int64))
            size = -(-count * judge.SUB_BYTE[kinds[name]] // 8) if kinds[name] in judge.SUB_BYTE else (
                count * NUMPY[kinds[name]].itemsize)
            raw = ctypes.string_at(value.data_ptr(), size) if size else b""
            out.append(made(name, unpack(raw, kinds[name], count), shape))
    return out


def is_utf8(value: bytes) -> bool:
    try:
        value.decode()
        return True
    except UnicodeDecodeError:
        return False


# ---- the forms that every checkpoint is written in -----------------------------------------------------------

@dataclass(frozen=True)
class Form:
    target: str
    options: tuple[str, ...]
    read: Callable[[Path], list[Tensor]]


FORMS = {
    "raw": Form("raw", ("--to", "raw"), raw_folder),
    "npy": Form("npy", ("--to", "npy"), npy_folder),
    "npz": Form("out.npz", (), npz_file),
    "hdf5": Form("out.h5", (), hdf5_file),
    "onnx": Form("out.onnx", (), onnx_file),
}

assert ml_dtypes.bfloat16  # numpy must know these types before onnx hands them out
