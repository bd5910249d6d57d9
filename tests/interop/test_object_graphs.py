"""Object graphs that are malformed: carried as they are or refused, never rewritten into others."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bundle_writer import Bundle, field

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


def child(node: int, name: bytes) -> bytes:
    return field(1, field(1, node) + field(2, name))


def variable(key: str, name: bytes = b"VARIABLE_VALUE") -> bytes:
    return field(2, field(1, name) + field(2, b"full") + field(3, key.encode()))


def graph(*nodes: bytes) -> bytes:
    return b"".join(field(1, node) for node in nodes)


ROOT = child(1, b"a") + child(2, b"b") + child(3, b"save_counter")
REST = (variable("b" + SUFFIX), variable("save_counter" + SUFFIX))
WHOLE = graph(ROOT, variable("a" + SUFFIX), *REST)
DAMAGED = {
    "cut": WHOLE[:-1],
    "child_cut_short": graph(ROOT + field(1, b"\x12\x7f"), variable("a" + SUFFIX), *REST),
    "attribute_cut_short": graph(ROOT, field(2, b"\x1a\x7fa"), *REST),
    "no_such_node": graph(ROOT + child(9, b"c"), variable("a" + SUFFIX), *REST),
    "negative_node": graph(ROOT + child((1 << 64) - 1, b"c"), variable("a" + SUFFIX), *REST),
    "name_not_utf8": graph(ROOT, variable("a" + SUFFIX, b"\xff"), *REST),
    "saver_malformed": graph(ROOT, variable("a" + SUFFIX) + field(4, b"\x0a\x7f"), *REST),
}


def checkpoint(folder, message: bytes):
    bundle = Bundle()
    bundle.add(GRAPH, "string", np.array(message, dtype=object))
    for name in ("a", "b"):
        bundle.add(name + SUFFIX, "float32", np.arange(3, dtype="f4"))
    bundle.add("save_counter" + SUFFIX, "int64", np.array(7))
    return bundle.write(folder / "ck")


def carried(prefix) -> bytes:
    import fresh

    return fresh.tf.train.load_checkpoint(str(prefix)).get_tensor(GRAPH)


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_graph_is_carried_as_it_is(tf_cli, tmp_path, damage):
    import fresh

    source = checkpoint(tmp_path / "in", DAMAGED[damage])
    listed = json.loads(tf_cli("ls", source, "--json").succeeds().out)
    assert "tensorflow.names_are_keys" in {n["id"] for n in listed["notes"]}
    assert {t["name"] for t in listed["tensors"]} == {GRAPH, "a" + SUFFIX, "b" + SUFFIX, "save_counter" + SUFFIX}
    for way, options in (("all", ()), ("part", ("--exclude", "b*")), ("no_counter", ("--exclude", "save_counter*"))):
        out = tmp_path / way / "ck"
        out.parent.mkdir()
        done = tf_cli("convert", source, out, "--to", "tensorflow", *options).succeeds()
        assert carried(out) == DAMAGED[damage]
        assert "malformed" in done.err + done.out
        keys = {name for name, _ in fresh.tf.train.list_variables(str(out))}
        assert ("save_counter" + SUFFIX in keys) == (way != "no_counter")  # none is made up


@pytest.mark.parametrize("damage", ["cut", "child_cut_short", "attribute_cut_short", "name_not_utf8", "saver_malformed"])
def test_verify_refuses_what_tensorflow_cannot_parse(tf_cli, tmp_path, damage):
    from tensorflow.core.protobuf import trackable_object_graph_pb2 as official

    with pytest.raises(Exception):
        official.TrackableObjectGraph.FromString(DAMAGED[damage])
    tf_cli("verify", checkpoint(tmp_path, DAMAGED[damage])).fails_with(3, GRAPH)


def test_a_whole_graph_loses_what_is_left_out(tf_cli, tmp_path):
    import fresh

    source = checkpoint(tmp_path / "in", WHOLE)
    tf_cli("verify", source).succeeds()
    (tmp_path / "out").mkdir()
    tf_cli("convert", source, tmp_path / "out" / "ck", "--to", "tensorflow", "--exclude", "b").succeeds()
    assert b"b" + SUFFIX.encode() not in carried(tmp_path / "out" / "ck")
    model = fresh.tf.train.Checkpoint(a=fresh.tf.Variable(np.zeros(3, "f4")))
    model.restore(str(tmp_path / "out" / "ck")).assert_existing_objects_matched()
    np.testing.assert_array_equal(model.a.numpy(), np.arange(3, dtype="f4"))
