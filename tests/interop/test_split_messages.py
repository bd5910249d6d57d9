"""A field that is one message may occur several times: protobuf merges it, and so must whoever walks the bytes."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import onnx_models
from wire_bytes import Splitter, block, fields, varint


FROM = ("--from", "onnx")  # their content alone may not tell what such files are


def hashes(tf_cli, path, *options):
    done = tf_cli("hash", path, "--json", *options).succeeds()
    return done.out.replace(str(path), "")


def rich_onnx() -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.arange(6, dtype="f4").reshape(2, 3), "w")
    inner = helper.make_graph([], "inner", [], [], [numpy_helper.from_array(np.arange(3), "v")])
    sparse = helper.make_sparse_tensor(numpy_helper.from_array(np.array([1.5, 2.5], "f4"), "sparse"),
                                       numpy_helper.from_array(np.array([1, 4])), [2, 3])
    nodes = [helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(4, "f8"))),
             helper.make_node("Constant", [], ["sc"], sparse_value=sparse),
             helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner),
             helper.make_node("Constant", [], ["cs"], value=helper.make_tensor("s", 8, [2], [b"one", b"two"]))]
    model = onnx_models.model([weight, onnx_models.typed("typed", "int32", np.arange(4, dtype="i4"))], nodes,
                              sparse_initializer=[sparse])
    training = model.training_info.add()
    training.initialization.CopyFrom(inner)
    training.algorithm.CopyFrom(inner)
    return model


@pytest.mark.parametrize("seed", range(6))
def test_onnx_messages_in_parts(tf_cli, tmp_path, seed):
    model = rich_onnx()
    whole, parts = tmp_path / "whole.onnx", tmp_path / "parts.onnx"
    whole.write_bytes(model.SerializeToString())
    split = Splitter(seed)
    parts.write_bytes(split(onnx.ModelProto.DESCRIPTOR, whole.read_bytes()))
    assert split.splits > 10
    assert len(onnx.load(parts).graph.initializer) == len(model.graph.initializer)
    assert hashes(tf_cli, parts, *FROM) == hashes(tf_cli, whole)
    tf_cli("verify", parts, *FROM).succeeds()
    out = tmp_path / "out.npz"
    tf_cli("convert", parts, out, *FROM).succeeds()
    np.testing.assert_array_equal(np.load(out)["w"], numpy_helper.to_array(model.graph.initializer[0]))


def test_a_field_does_not_reach_into_the_next_part(tf_cli, tmp_path):
    model = onnx_models.model([numpy_helper.from_array(np.arange(40, dtype="f4"), "w")]).SerializeToString()
    path = tmp_path / "m.onnx"
    out = b""
    for number, _, contents, raw in fields(model):
        out += block(7, contents[:60]) + block(7, contents[60:]) if number == 7 else raw
    path.write_bytes(out)
    with pytest.raises(Exception, match="corrupt"):
        onnx.load(path)
    for command in ("ls", "verify"):
        tf_cli(command, path, *FROM).fails_with(3, "corrupt.message")


def test_a_tensor_of_a_split_graph_is_not_replaced_in_place(tf_cli, tmp_path):
    """Its bytes have no one place. Nothing is written, and the message says why."""
    model = onnx_models.model([numpy_helper.from_array(np.arange(4, dtype="f4"), "w")]).SerializeToString()
    path, new = tmp_path / "m.onnx", tmp_path / "w.npz"
    path.write_bytes(model + block(7, block(2, b"name")))
    np.savez(new, w=np.ones(4, "f4"))
    tf_cli("inject", path, new, "-o", tmp_path / "out.onnx").fails_with(4, "unsupported.not_replaceable", "split")
    assert not (tmp_path / "out.onnx").exists()


def test_fields_of_another_type_are_skipped(tf_cli, tmp_path):
    """A varint where a graph, a name or raw data should be: onnx takes it for a field that it does not know."""
    tensor = numpy_helper.from_array(np.arange(4, dtype="f4"), "w").SerializeToString()
    odd = tensor + varint(8 << 3) + b"\x01" + varint(9 << 3) + b"\x02" + varint(4 << 3) + b"\x07"
    graph = block(2, b"g") + block(5, odd) + varint(1 << 3) + b"\x01" + varint(5 << 3 | 5) + b"abcd"
    path = tmp_path / "m.onnx"
    path.write_bytes(varint(1 << 3) + b"\x08" + block(7, graph) + varint(7 << 3) + b"\x01" + block(8, varint(2 << 3) + b"\x0d"))
    model = onnx.load(path)
    np.testing.assert_array_equal(numpy_helper.to_array(model.graph.initializer[0]), np.arange(4, dtype="f4"))
    plain = onnx_models.save(tmp_path / "plain.onnx", [numpy_helper.from_array(np.arange(4, dtype="f4"), "w")])
    assert hashes(tf_cli, path, *FROM) == hashes(tf_cli, plain)


def frozen_graph():
    import fresh

    tf = fresh.tf
    graph = tf.Graph()
    with graph.as_default():
        tf.constant(np.arange(15, dtype="f4").reshape(5, 3), name="cw")
        tf.constant([[b"a", b"bc"], [b"", b"d"]], name="cs")
        tf.constant(True, name="cb")
        tf.constant(7.0, shape=(3, 3), name="splat")
    return graph.as_graph_def()


@pytest.mark.parametrize("seed", range(6))
def test_tensorflow_messages_in_parts(tf_cli, tmp_path, seed):
    import fresh

    graph = frozen_graph()
    whole, parts = tmp_path / "whole.pb", tmp_path / "parts.pb"
    whole.write_bytes(graph.SerializeToString())
    split = Splitter(seed)
    parts.write_bytes(split(graph.DESCRIPTOR, whole.read_bytes()))
    assert split.splits > 10
    parsed = type(graph).FromString(parts.read_bytes())
    for node, same in zip(graph.node, parsed.node, strict=True):
        np.testing.assert_array_equal(*(fresh.tf.make_ndarray(n.attr["value"].tensor) for n in (node, same)))
    assert hashes(tf_cli, parts, "--from", "tensorflow") == hashes(tf_cli, whole)


def test_a_saved_model_in_parts(tf_cli, tmp_path):
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    meta.graph_def.CopyFrom(frozen_graph())
    function = meta.graph_def.library.function.add()
    function.signature.name = "f"
    function.node_def.add().CopyFrom(meta.graph_def.node[0])
    path = tmp_path / "saved_model.pb"
    path.write_bytes(saved.SerializeToString())
    done = json.loads(tf_cli("hash", path, "--json", "--in-opt", "graph=true").succeeds().out)
    want = {t["name"]: t for t in done["tensors"]}  # a library may come first
    split = Splitter(1)
    path.write_bytes(split(saved.DESCRIPTOR, path.read_bytes()))
    assert split.splits > 10
    done = json.loads(tf_cli("hash", path, "--json", "--in-opt", "graph=true").succeeds().out)
    assert {t["name"]: t for t in done["tensors"]} == want


def test_the_last_of_two_equal_attributes_counts_and_another_value_ends_the_first(tf_cli, tmp_path):
    from tensorflow.core.framework import graph_pb2

    def tensor(*dims):
        shape = b"".join(block(2, varint(1 << 3) + varint(d)) for d in dims)
        return block(8, varint(1 << 3) + b"\x01" + block(2, shape) + block(5, b"\0\0\x80\x3f"))

    def node(name, *values):
        attributes = b"".join(block(5, block(1, b"value") + v) for v in values)
        return block(1, block(1, name) + block(2, b"Const") + attributes)

    graph = (node(b"last", block(2, tensor(2)), block(2, tensor(3))) + node(b"merged", block(2, tensor(2)) + block(2, tensor(3)))
             + node(b"same", block(2, tensor(2) + tensor(3)))
             + node(b"ended", block(2, tensor(2) + varint(3 << 3) + b"\x05" + tensor(3)))
             + node(b"skipped", block(2, tensor(2) + block(3, b"no int") + tensor(3))))
    path = tmp_path / "g.pb"
    path.write_bytes(graph)
    parsed = graph_pb2.GraphDef.FromString(graph)
    want = {n.name: [d.size for d in n.attr["value"].tensor.tensor_shape.dim] for n in parsed.node}
    got = {t["name"]: t["shape"] for t in json.loads(tf_cli("ls", path, "--json").succeeds().out)["tensors"]}
    assert got == want == {"last": [3], "merged": [2, 3], "same": [2, 3], "ended": [3], "skipped": [2, 3]}
