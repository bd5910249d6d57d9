"""The trials of the table in test_edge_cases.py that are about names: object graphs made by hand.

    graph   1 node: { 1 child { 1 node id, 2 name }  2 attribute { 1 name, 2 full name, 3 key }
                      3 slot variable { 1 original, 2 slot name, 3 node id } }
"""

from __future__ import annotations

import json

import numpy as np

import judge
import readback
from arrays import bits
from bundle_writer import Bundle, field

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


def node(children=(), key: str = "", full_name: str = "", slots=()) -> bytes:
    out = b"".join(field(1, field(1, i) + field(2, n.encode())) for i, n in children)
    if key:
        out += field(2, field(1, b"VARIABLE_VALUE") + field(2, full_name.encode()) + field(3, key.encode()))
    return field(1, out + b"".join(field(3, field(1, o) + field(2, n.encode()) + field(3, i)) for o, n, i in slots))


def objects(prefix, keys, graph: bytes | None):
    bundle = Bundle()
    for i, key in enumerate(keys):
        bundle.add(key, "float32", bits("float32", (3,), i))
    if graph is not None:
        bundle.add("_CHECKPOINTABLE_OBJECT_GRAPH", "string", np.array(graph, dtype=object))
    return bundle.write(prefix)


def check(t, path, keys, names, style: str, note: str = ""):
    """The tensors of `keys`, in that order, have these names and their own bits."""
    done = t.cli("hash", path, "--json", "--names", style).succeeds()
    want = [judge.tensor(n, bits("float32", (3,), i), "float32") for i, n in enumerate(names)]
    assert len(keys) == len(names)
    judge.assert_same(judge.weights(judge.from_hash_json(done.out)[0]), want)
    assert note in done.err, done


def unusable_graph(t):
    keys = ["a" + VALUE, "b/c" + VALUE]
    cycle = node([(1, "a"), (0, "me")], slots=()) + node([(0, "root"), (2, "c")], keys[0], "dense/kernel") + node((), keys[1], "dense/bias")
    for i, (graph, names, note) in enumerate((
            (None, keys, ""), (b"\xff\xff", keys, "names are keys"), (node([(9, "a")]), keys, "names are keys"),
            (node(slots=[(0, "m", 7)]), keys, "names are keys"), (cycle, ["dense/kernel", "dense/bias"], ""))):
        check(t, objects(t.folder / f"in{i}" / "ck", keys, graph), keys, names, "auto", note)
        check(t, t.folder / f"in{i}" / "ck", keys, keys, "raw")


def key_of_a_table(t):
    """The key of a table's attribute is the start of the keys of its parts."""
    keys = [f"t/.ATTRIBUTES/table-{part}" for part in ("keys", "values")]
    path = objects(t.folder / "in" / "ck", keys, node([(1, "t")]) + node((), "t/.ATTRIBUTES/table", "my_table"))
    check(t, path, keys, ["t/table-keys", "t/table-values"], "object")
    check(t, path, keys, ["t/table-keys", "t/table-values"], "keras")


def names_that_are_not_unique(t):
    keys = ["a" + VALUE, "b" + VALUE, "/c" + VALUE]
    graph = node([(1, "a"), (2, "b"), (3, "/c")]) + b"".join(node((), k, "Variable") for k in keys[:2]) + node((), keys[2], "c/w")
    path = objects(t.folder / "in" / "ck", keys, graph)
    check(t, path, keys, ["a", "b", "c/w"], "keras", "Variable")
    check(t, path, keys, keys, "raw")


def slot_variables(t):
    keys = ["w" + VALUE, f"w/.OPTIMIZER_SLOT/opt/m{VALUE}"]
    graph = node([(1, "w"), (2, "opt")]) + node((), keys[0], "dense/w") + node(slots=[(1, "m", 3)]) + node((), keys[1], "dense/w/m")
    path = objects(t.folder / "in" / "ck", keys, graph)
    check(t, path, keys, ["dense/w", "dense/w/m"], "keras")
    t.cli.convert(path, t.folder / "model", "--to", "raw", "--exclude-optimizer")
    judge.assert_same(readback.raw_folder(t.folder / "model"), [judge.tensor(keys[0], bits("float32", (3,), 0), "float32")])


def stored_twice(t):
    """A Keras 3 export: both copies stay, and one has the name."""
    keys = [f"variables/0{VALUE}", f"_all_variables/5{VALUE}"]
    graph = node([(1, "variables"), (2, "_all_variables")]) + node([(3, "0")]) + node([(4, "5")])
    graph += node((), keys[0], "dense/kernel") + node((), keys[1], "dense/kernel")
    path = objects(t.folder / "in" / "ck", keys, graph)
    check(t, path, keys, ["dense/kernel", "_all_variables/5"], "keras", "stored twice")


def hash_tables(t):
    """The buckets of a DenseHashTable are carried as they are, the unused ones among them."""
    import fresh

    tf = fresh.tf
    table = tf.lookup.experimental.DenseHashTable(tf.int64, tf.float32, default_value=-1.0, empty_key=-1, deleted_key=-2)
    table.insert(tf.constant([3, 5], tf.int64), tf.constant([0.5, 0.25]))
    prefix = tf.train.Checkpoint(t=table).write(str(t.folder / "table" / "ck"))
    want = fresh.load(prefix)
    assert any(x.dtype == "float32" and x.shape and x.shape[0] > 2 for x in want), want
    t.reads(prefix, want)
    for style in ("auto", "object", "keras"):
        listed = json.loads(t.cli("ls", prefix, "--json", "--names", style).succeeds().out)["tensors"]
        assert len(listed) == len(want)
