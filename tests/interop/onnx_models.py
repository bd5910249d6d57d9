"""ONNX models by the onnx package, models put together byte by byte, and what onnx says is in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

import judge
from judge import NUMPY

CODES = {"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "string": 8, "bool": 9,
         "float16": 10, "float64": 11, "uint32": 12, "uint64": 13, "complex64": 14, "complex128": 15, "bfloat16": 16,
         "float8_e4m3fn": 17, "float8_e4m3fnuz": 18, "float8_e5m2": 19, "float8_e5m2fnuz": 20, "uint4": 21, "int4": 22,
         "float4_e2m1fn": 23, "float8_e8m0fnu": 24, "uint2": 25, "int2": 26, "float6_e2m3fn": 27,
         "float6_e3m2fn": 28}  # fmt: skip
NAMES = {code: name for name, code in CODES.items()}


def model(initializers=(), nodes=(), ir_version: int = 14, opset: int = 28, **graph) -> ModelProto:
    made = helper.make_graph(list(nodes), "g", [], [], initializer=list(initializers), **graph)
    return helper.make_model(made, ir_version=ir_version, opset_imports=[helper.make_opsetid("", opset)])


def save(path: Path, *args, **kwargs) -> Path:
    path.write_bytes(model(*args, **kwargs).SerializeToString())
    return path


def typed(name: str, dtype: str, array: np.ndarray) -> TensorProto:
    """The values in the field of their type, as onnx.proto describes it."""
    proto = TensorProto(name=name, data_type=CODES[dtype], dims=array.shape)
    flat = np.ascontiguousarray(array).reshape(-1)
    if dtype == "string":
        proto.string_data.extend(flat.tolist())
    elif dtype in ("float32", "complex64"):
        if flat.size:
            proto.MergeFromString(block(4, flat.tobytes()))  # a Python float would change signalling NaNs
    elif dtype in ("float64", "complex128"):
        proto.double_data.extend(flat.view(np.float64))
    elif dtype == "int64":
        proto.int64_data.extend(flat.tolist())
    elif dtype in ("uint8", "uint16"):
        proto.int32_data.extend(flat.tolist())
    elif dtype in ("uint32", "uint64"):
        proto.uint64_data.extend(flat.tolist())
    elif dtype in ("bool", "int8", "int16", "int32"):
        proto.int32_data.extend(flat.astype(np.int32).tolist())
    elif NUMPY[dtype].itemsize == 2:
        proto.int32_data.extend(flat.view(np.uint16).tolist())
    else:
        codes = flat.view(np.uint8)
        width = judge.SUB_BYTE.get(dtype, 8)
        if width < 6:
            per_byte = 8 // width
            padded = np.zeros(-(-codes.size // per_byte) * per_byte, np.uint8)
            padded[: codes.size] = codes & ((1 << width) - 1)
            codes = sum(padded[i::per_byte] << (i * width) for i in range(per_byte)).astype(np.uint8)
        proto.int32_data.extend(codes.tolist())
    return proto


def said(name: str, proto: TensorProto) -> judge.Tensor:
    """A tensor as onnx.numpy_helper reads it; strings as they stand."""
    dtype = NAMES[proto.data_type]
    if dtype == "string":
        array = np.array(list(proto.string_data) or [b""], dtype=object)[: len(proto.string_data)]
        return judge.tensor(name, array.reshape(tuple(proto.dims)), dtype)
    return judge.tensor(name, numpy_helper.to_array(proto), dtype)


def constant(node: NodeProto) -> judge.Tensor | None:
    name, attribute = node.output[0], node.attribute[0]
    if attribute.name == "value":
        return said(name, attribute.t)
    if attribute.name in ("value_float", "value_floats"):
        value = attribute.f if attribute.name == "value_float" else list(attribute.floats)
        return judge.tensor(name, np.array(value, np.float32), "float32")
    if attribute.name in ("value_int", "value_ints"):
        value = attribute.i if attribute.name == "value_int" else list(attribute.ints)
        return judge.tensor(name, np.array(value, np.int64), "int64")
    if attribute.name in ("value_string", "value_strings"):
        value = attribute.s if attribute.name == "value_string" else list(attribute.strings)
        return judge.tensor(name, np.array(value, dtype=object), "string")
    return None


def tensors_of(graph: GraphProto, scope: str = "") -> Iterator[judge.Tensor]:
    for proto in graph.initializer:
        yield said(scope + proto.name, proto)
    yield from tensors_of_nodes(graph.node, scope)


def tensors_of_nodes(nodes, scope: str) -> Iterator[judge.Tensor]:
    for index, node in enumerate(nodes):
        if node.op_type == "Constant" and node.attribute and not node.attribute[0].ref_attr_name:
            made = constant(node)
            if made is not None:
                yield judge.Tensor(scope + made.name, made.dtype, made.shape, made.sha256)
            continue
        label = node.name or (node.output[0] if node.output else "") or f"{node.op_type}_{index}"
        for attribute in node.attribute:
            owner = f"{scope}{label}.{attribute.name}"
            if attribute.type == AttributeProto.TENSOR and not attribute.ref_attr_name:
                yield said(owner, attribute.t)
            if attribute.type == AttributeProto.GRAPH:
                yield from tensors_of(attribute.g, owner + "/")
            for i, graph in enumerate(attribute.graphs):
                yield from tensors_of(graph, f"{owner}_{i}/")


def tensors_of_model(made: ModelProto) -> list[judge.Tensor]:
    found = list(tensors_of(made.graph))
    for function in made.functions:
        owner = f"{function.domain}.{function.name}" if function.domain else function.name
        found += tensors_of_nodes(function.node, owner + "/")
    return found


# ---- bytes that the onnx package would not write -------------------------------------------------------------

def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, contents: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(contents)) + contents


def raw_model(graph: bytes) -> bytes:
    return number(1, 8) + block(7, graph) + block(8, number(2, 17))


def raw_tensor(dims=(2,), code: int = 1, rest: bytes = b"", name: bytes = b"w") -> bytes:
    return block(5, b"".join(number(1, d) for d in dims) + number(2, code) + block(8, name) + rest)


def external(**entries: str) -> bytes:
    return entry_list(list(entries.items()))


def entry_list(entries: list[tuple[str, str]]) -> bytes:
    return b"".join(block(13, block(1, k.encode()) + block(2, v.encode())) for k, v in entries) + number(14, 1)
