"""`verify` against the official parsers: what they refuse is damage, wherever in the file it is."""

from __future__ import annotations

import random

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import onnx_models
from test_split_messages import FROM, frozen_graph, rich_onnx
from wire_bytes import block, varint


def official(message, data: bytes) -> bool:
    try:
        message.FromString(data)
    except Exception:
        return False
    return True


def changed(data: bytes, cuts: int, flips: int):
    draw = random.Random(1)
    for at in sorted(draw.sample(range(1, len(data)), min(cuts, len(data) - 1))):
        yield data[:at]
    for _ in range(flips):
        at = draw.randrange(len(data))
        yield data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1:]


def check(tf_cli, message, data: bytes, file, model, *options, same: bool):
    """`same`: nothing but the parser can refuse the file."""
    refused = 0
    for bad in changed(data, cuts=150, flips=200):
        file.write_bytes(bad)
        done = tf_cli("verify", "-q", model, *options)
        if official(message, bad):
            assert done.code == 0 or not same, done
        else:
            done.fails_with(3)
            refused += 1
    assert refused > 150
    file.write_bytes(data)
    tf_cli("verify", model, *options).succeeds()


def test_onnx(tf_cli, tmp_path):
    model = rich_onnx()
    model.graph.node.append(helper.make_node("Skipped", ["x"] * 9, ["y"], domain="some.domain", a=[1, 2, 3], b=[1.0, 2.0], c="text"))
    model.graph.value_info.append(helper.make_tensor_value_info("x", 1, [1, "n"]))
    path = tmp_path / "m.onnx"
    check(tf_cli, onnx.ModelProto, model.SerializeToString(), path, path, *FROM, same=False)


def test_onnx_with_external_data(tf_cli, tmp_path):
    model = onnx_models.model([numpy_helper.from_array(np.arange(400, dtype="f4"), f"w{i}") for i in range(3)],
                              [helper.make_node("Relu", ["w0"], ["y"], name="relu")])
    path = tmp_path / "m.onnx"
    onnx.save(model, path, save_as_external_data=True, size_threshold=16)
    check(tf_cli, onnx.ModelProto, path.read_bytes(), path, path, *FROM, same=False)


def test_a_frozen_graph(tf_cli, tmp_path):
    graph, path = frozen_graph(), tmp_path / "g.pb"
    check(tf_cli, type(graph), graph.SerializeToString(), path, path, "--from", "tensorflow", same=False)


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    import fresh

    class Model(fresh.tf.Module):
        def __init__(self):
            self.w = fresh.tf.Variable([[1.0, 2.0]], name="w")

        @fresh.tf.function(input_signature=[fresh.tf.TensorSpec([None, 1])])
        def f(self, x):
            return x @ self.w

    folder = tmp_path_factory.mktemp("saved") / "model"
    fresh.tf.saved_model.save(Model(), str(folder))
    return folder


def test_a_saved_model(tf_cli, saved_model):
    """Its variables are read from other files; the graph is skipped by everything but `verify`."""
    from tensorflow.core.protobuf import saved_model_pb2

    path = saved_model / "saved_model.pb"
    check(tf_cli, saved_model_pb2.SavedModel, path.read_bytes(), path, saved_model, same=True)


def test_a_meta_graph_beside_a_checkpoint(tf_cli, tmp_path):
    import fresh
    from tensorflow.core.protobuf import meta_graph_pb2

    v1 = fresh.tf.compat.v1
    with fresh.tf.Graph().as_default(), v1.Session() as session:
        variable = v1.get_variable("v", [3])
        session.run(variable.initializer)
        v1.train.Saver().save(session, str(tmp_path / "ck"))
    path = tmp_path / "ck.meta"
    check(tf_cli, meta_graph_pb2.MetaGraphDef, path.read_bytes(), path, tmp_path / "ck", same=True)


@pytest.mark.parametrize("bad", [block(11, block(1, b"x") + b"\x12\x09name"), block(11, block(2, block(1, block(2, b"\x0a\x7f")))),
                                 block(14, b"\x0b"), block(16, b"\x80"), block(13, block(2, b"\xff" * 7))],
                         ids=["longer_than_its_message", "deep_inside", "open_group", "cut_tag", "long_tag"])  # fmt: skip
def test_what_reading_skips(tf_cli, tmp_path, bad):
    """Listed and converted all the same: only `verify` looks at it."""
    graph = block(5, numpy_helper.from_array(np.arange(4, dtype="f4"), "w").SerializeToString()) + bad
    path = tmp_path / "m.onnx"
    path.write_bytes(varint(1 << 3) + b"\x08" + block(7, graph) + block(8, varint(2 << 3) + b"\x0d"))
    assert not official(onnx.ModelProto, path.read_bytes())
    tf_cli("ls", path).succeeds()
    tf_cli("verify", path).fails_with(3, "corrupt.message")


def test_text_that_is_not_utf8(tf_cli, tmp_path):
    """Refused by proto3, which TensorFlow's messages are of; onnx.proto is of proto2."""
    from tensorflow.core.framework import graph_pb2

    bad = block(13, block(1, b"\xff"))
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_models.model().SerializeToString() + block(7, bad))
    assert official(onnx.ModelProto, path.read_bytes())
    tf_cli("verify", path).succeeds()
    for text in (b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"x" * 70_000 + b"\xf4\x90\x80\x80"):
        graph = frozen_graph().SerializeToString() + block(1, block(1, b"n") + block(2, b"NoOp") + block(3, text))
        path = tmp_path / "g.pb"
        path.write_bytes(graph)
        assert not official(graph_pb2.GraphDef, graph)
        tf_cli("ls", path).succeeds()
        tf_cli("verify", path).fails_with(3, "corrupt.utf8")


def test_a_file_that_ends_too_early_is_truncated(tf_cli, tmp_path, saved_model):
    """Not malformed: it should be downloaded again."""
    model, graph = rich_onnx().SerializeToString(), frozen_graph().SerializeToString()
    for name, data in (("m.onnx", model), ("g.pb", graph)):
        path = tmp_path / name
        path.write_bytes(data[:-3])
        for command in ("ls", "verify"):
            tf_cli(command, path).fails_with(3, "corrupt.truncated", "the file ends inside")
    path = saved_model / "saved_model.pb"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    tf_cli("verify", saved_model).fails_with(3, "corrupt.truncated", str(path))
    tf_cli("ls", saved_model).succeeds()
    path.write_bytes(whole)
