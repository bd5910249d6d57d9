"""Constants of graphs: what TensorFlow's own parser of a TensorProto gives, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

import judge
import readback
from arrays import TENSORFLOW_DTYPES, bits
from bundle_writer import ENUM, field, shape_proto, varint
from cli import assert_refused
from v1_writer import values

NUMBERS = [d for d in TENSORFLOW_DTYPES if d != "string"]
ONE_BYTE = {d for d in NUMBERS if d.startswith(("float8", "float4"))}  # in float8_val, one byte each


def typed(array, dtype: str, packed: bool = True) -> bytes:
    if dtype in ONE_BYTE:
        return field(18, array.tobytes())
    if dtype in ("uint4", "uint2", "int4", "int2"):
        array = array.astype(np.int8)
    return values(array, dtype, packed)


def message(dtype: str, shape, value: bytes, enum=None) -> bytes:
    dims = shape if isinstance(shape, bytes) else shape_proto(shape)
    return field(1, ENUM[dtype] if enum is None else enum) + field(2, dims) + value


def content(array) -> bytes:
    return field(4, array.tobytes())


def node(name: str, tensor: bytes | None, op: str = "Const") -> bytes:
    value = b"" if tensor is None else field(5, field(1, b"value") + field(2, field(8, tensor)))
    dtype = field(5, field(1, b"dtype") + field(2, field(6, 1)))
    return field(1, field(1, name.encode()) + field(2, op.encode()) + dtype + value)


def parsed(name: str, tensor: bytes, dtype: str) -> judge.Tensor:
    """TensorFlow's C++ parser says what the message holds."""
    import fresh

    got = fresh.tf.raw_ops.ParseTensor(serialized=tensor, out_type=fresh.tf_type(dtype)).numpy()
    return judge.tensor(name, np.asarray(got, dtype=object) if dtype == "string" else got, dtype)


def constants(graph_def, qualifier: str = "") -> list[judge.Tensor]:
    import fresh

    nodes = [(qualifier + n.name, n) for n in graph_def.node]
    for function in graph_def.library.function:
        nodes += [(f"{qualifier}{function.signature.name}/{n.name}", n) for n in function.node_def]
    out = []
    for name, n in nodes:
        if n.op == "Const":
            tensor = n.attr["value"].tensor
            out.append(parsed(name, tensor.SerializeToString(), fresh.canonical(fresh.tf.as_dtype(tensor.dtype))))
    return out


def check_graph(tf_cli, path, graph: bytes, want) -> None:
    path.write_bytes(graph)
    judge.assert_same(tf_cli.hash(path)[0], want, path.name)


def test_every_dtype_in_every_encoding(tf_cli, tmp_path):
    tensors = {}
    for i, dtype in enumerate(NUMBERS):
        array = bits(dtype, (5, 7), i)
        flat = array.reshape(-1)
        forms = {"full": typed(array, dtype), "short": typed(flat[:3], dtype), "single": typed(flat[:1], dtype), "none": b"",
                 "surplus": typed(np.concatenate([flat, flat]), dtype), "content": content(array),
                 "both": typed(flat[:1], dtype) + content(array)}
        if dtype not in ONE_BYTE:
            forms["unpacked"] = typed(array, dtype, packed=False)
            forms["mixed"] = typed(flat[:2], dtype) + typed(flat[2:4], dtype, packed=False) + typed(flat[4:6], dtype)
        for form, value in forms.items():
            tensors[f"{dtype}/{form}"] = (message(dtype, (5, 7), value), dtype)
        tensors[f"{dtype}/empty"] = (message(dtype, (0, 7), b""), dtype)
        tensors[f"{dtype}/scalar"] = (message(dtype, (), typed(flat[:1], dtype)), dtype)
    graph = b"".join(node(n, t) for n, (t, _) in tensors.items())
    want = [parsed(n, t, d) for n, (t, d) in tensors.items()]
    check_graph(tf_cli, tmp_path / "g.pb", graph, want)
    tf_cli.convert(tmp_path / "g.pb", tmp_path / "raw", "--to", "raw")
    judge.assert_same(readback.raw_folder(tmp_path / "raw"), want)


def test_strings_in_both_encodings(tf_cli, tmp_path):
    array = bits("string", (2, 5))
    flat = array.reshape(-1)
    lengths = b"".join(varint(len(e)) for e in flat)
    forms = {"full": values(array, "string"), "short": values(flat[:2], "string"), "none": b"",
             "surplus": values(np.concatenate([flat, flat]), "string"), "content": field(4, lengths + b"".join(flat))}
    tensors = {n: message("string", (2, 5), v) for n, v in forms.items()}
    tensors["empty"] = message("string", (0,), b"")
    graph = b"".join(node(n, t) for n, t in tensors.items())
    check_graph(tf_cli, tmp_path / "g.pb", graph, [parsed(n, t, "string") for n, t in tensors.items()])


def test_other_nodes_fields_and_orders_do_not_matter(tf_cli, tmp_path):
    array = bits("float32", (3, 4))
    inside = field(9, 5) + message("float32", (3, 4), content(array)) + field(99, b"later")
    turned = field(1, field(5, field(2, field(8, inside)) + field(1, b"value")) + field(2, b"Const") + field(1, b"turned"))
    split = field(4, array.tobytes()) + field(2, shape_proto((3,))) + field(1, 1) + field(2, shape_proto((4,)))
    graph = node("x", None, "Placeholder") + turned + field(4, field(1, 27)) + node("split", split) + field(3, 21)
    unknown = message("float32", shape_proto((), unknown_rank=True), typed(array.reshape(-1)[:1], "float32"))
    graph += node("rank", unknown)
    check_graph(tf_cli, tmp_path / "g.pb", graph,
                [parsed("turned", inside, "float32"), parsed("split", split, "float32"),
                 judge.tensor("rank", array.reshape(-1)[0], "float32")])


def test_frozen_graphs_of_tensorflow(fixtures_root, tf_cli, tmp_path):
    import fresh

    tf, v1 = fresh.tf, fresh.v1
    stored = fixtures_root / "tensorflow" / "frozen.pb"
    judge.assert_same(tf_cli.hash(stored)[0], constants(v1.GraphDef.FromString(stored.read_bytes())))
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, 300), name="x")
        y = v1.layers.dense(x, 500, name="my_dense_layer") if hasattr(v1.layers, "dense") else tf.matmul(
            x, v1.get_variable("my_dense_layer/kernel", (300, 500), use_resource=False))
        tf.identity(y, name="y")
        session.run(v1.global_variables_initializer())
        frozen = v1.graph_util.convert_variables_to_constants(session, session.graph_def, ["y"])
    want = constants(frozen)
    assert any(t.name == "my_dense_layer/kernel" for t in want)
    check_graph(tf_cli, tmp_path / "frozen.pb", frozen.SerializeToString(), want)
    check_graph(tf_cli, tmp_path / "no_extension", frozen.SerializeToString(), want)


def test_graphs_of_saved_models_on_request(fresh_checkpoints, fixtures_root, tf_cli):
    from tensorflow.core.protobuf import saved_model_pb2

    folders = [fixtures_root / "tensorflow" / n for n in ("sm_module", "k2_adam_sm")]
    folders += [p.parent for p in (fixtures_root / "real").glob("**/saved_model.pb")]
    folders.append(fresh_checkpoints["saved_model"].prefix.parent.parent)
    for folder in folders:
        model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        several = len(model.meta_graphs) > 1
        want = []
        for meta in model.meta_graphs:
            want += constants(meta.graph_def, "+".join(meta.meta_info_def.tags) + "/" if several else "")
        for way in (folder, folder / "saved_model.pb"):
            judge.assert_same(tf_cli.hash(way, "--in-opt", "graph=true")[0], want, str(way))


def test_a_saved_model_of_two_meta_graphs_shares_its_variables(tf_cli, tmp_path):
    import fresh
    from tensorflow.core.protobuf import saved_model_pb2

    v1, folder, value = fresh.v1, tmp_path / "sm", bits("float32", (3, 4))
    builder = v1.saved_model.Builder(str(folder))
    for i, tags in enumerate((["train"], ["serve", "tpu"])):
        with v1.Graph().as_default(), v1.Session() as session:
            v1.get_variable("w", initializer=value, use_resource=False)
            fresh.tf.constant(float(i), name="which")
            session.run(v1.global_variables_initializer())
            if i == 0:
                builder.add_meta_graph_and_variables(session, tags)
            else:
                builder.add_meta_graph(tags)
    builder.save()
    judge.assert_same(tf_cli.hash(folder)[0], [judge.tensor("w", value, "float32")])
    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    want = constants(model.meta_graphs[0].graph_def, "train/")
    want += constants(model.meta_graphs[1].graph_def, "+".join(model.meta_graphs[1].meta_info_def.tags) + "/")
    judge.assert_same(tf_cli.hash(folder, "--in-opt", "graph=true")[0], want)


def test_a_saved_model_without_variables_is_an_empty_checkpoint(tf_cli, tmp_path):
    import fresh

    v1, folder = fresh.v1, tmp_path / "sm"
    builder = v1.saved_model.Builder(str(folder))
    with v1.Graph().as_default(), v1.Session() as session:
        fresh.tf.constant([1.5, 2.5], name="c")
        builder.add_meta_graph_and_variables(session, ["serve"])
    builder.save()
    assert not (folder / "variables" / "variables.index").exists()
    done = tf_cli("ls", folder).succeeds()
    assert "no variables" in done.err and "graph=true" in done.err
    assert tf_cli("convert", folder, tmp_path / "o.h5").code == 2
    want = [judge.tensor("c", np.array([1.5, 2.5], np.float32), "float32")]
    got = tf_cli.hash(folder, "--in-opt", "graph=true")[0]
    judge.assert_same([t for t in got if t.name == "c"], want)


def test_a_saved_model_whose_variables_are_gone_is_a_missing_input(fresh_checkpoints, tf_cli, tmp_path):
    folder = fresh_checkpoints["saved_model"].prefix.parent.parent
    (tmp_path / "sm").mkdir()
    (tmp_path / "sm" / "saved_model.pb").write_bytes((folder / "saved_model.pb").read_bytes())
    assert_refused(tf_cli, tmp_path / "sm", 6, tmp_path / "out", "variables.index")


def test_the_graph_of_a_meta_file_on_request(fresh_checkpoints, tf_cli, tmp_path):
    import fresh

    prefix = fresh_checkpoints["partitioned"].prefix
    meta = prefix.with_name(prefix.name + ".meta")
    want = constants(fresh.v1.MetaGraphDef.FromString(meta.read_bytes()).graph_def)
    assert want
    for way in (meta, prefix):
        judge.assert_same(tf_cli.hash(way, "--in-opt", "graph=true")[0], want)
    (tmp_path / "alone.meta").write_bytes(meta.read_bytes())
    judge.assert_same(tf_cli.hash(tmp_path / "alone.meta", "--in-opt", "graph=true")[0], want)
    tf_cli("ls", tmp_path / "alone.meta").fails_with(6, "alone.index")
    tf_cli("ls", fresh_checkpoints["odd_names"].prefix, "--in-opt", "graph=true").fails_with(6, "graph")


def test_values_larger_than_any_window_are_streamed(tf_cli, tmp_path):
    floats, ints = bits("float32", (4 << 20,), 1), bits("int64", (2 << 20,), 2)
    graph = node("content", message("float32", floats.shape, content(floats)))
    graph += node("ints", message("int64", ints.shape, field(10, b"".join(map(varint, ints.tolist())))))
    graph += node("last", message("int64", (5 << 20,), field(10, b"\x07\x09")))
    (tmp_path / "g.pb").write_bytes(graph)
    last = np.full(5 << 20, 9)
    last[0] = 7
    want = [judge.tensor("content", floats, "float32"), judge.tensor("ints", ints, "int64"), judge.tensor("last", last, "int64")]
    done, took = tf_cli.measured("convert", tmp_path / "g.pb", tmp_path / "raw", "--to", "raw", "--no-sync", "--threads", "4")
    done.succeeds()
    judge.assert_same(readback.raw_folder(tmp_path / "raw"), want)
    assert took["peak_kib"] < 64 * 1024, took


FOUR = np.arange(4, dtype=np.float32)
# a Const "w" that TensorFlow refuses, and the exit code of a conversion
REFUSED = {
    "content too short": (message("float32", (4,), field(4, FOUR.tobytes()[:-1])), 3),
    "content too long": (message("float32", (4,), field(4, FOUR.tobytes() + b"\0\0\0\0")), 3),
    "packed int4 content": (message("int4", (4,), field(4, b"\x12\x34")), 3),
    "a bool that is 2": (message("bool", (2,), field(4, b"\x01\x02")), 3),
    "string lengths past the content": (message("string", (2,), field(4, b"\x7f\x01ab")), 3),
    "string bytes left over": (message("string", (1,), field(4, b"\x01abc")), 3),
    "a cut varint": (message("int64", (2,), field(10, b"\x01\xff")), 3),
    "a cut float": (message("float32", (2,), field(5, b"\0\0\0\0\0")), 3),
    "a negative dimension": (message("float32", (-4,), content(FOUR)), 3),
    "an overflowing shape": (message("float32", (1 << 62, 8), b""), 3),
    "dtype 0": (message("float32", (4,), content(FOUR), enum=0), 3),
    "dtype 99": (message("float32", (4,), content(FOUR), enum=99), 4),
    "a handle": (message("resource", (), b""), 4),
    "no value": (None, 3),
    "a terabyte of the last value": (message("float32", (1 << 38,), field(5, b"\0\0\0\0")), 5),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_tensorflow_refuses_is_the_problem_of_one_constant(case, tf_cli, tmp_path):
    import fresh

    tensor, code = REFUSED[case]
    path = tmp_path / "g.pb"
    path.write_bytes(node("good", message("float32", (4,), content(FOUR))) + node("w", tensor))
    if "cut" not in case:  # those make the whole graph unreadable to TensorFlow
        fresh.v1.GraphDef.FromString(path.read_bytes())
    if code == 3 and tensor is not None and case not in ("dtype 0", "a negative dimension", "an overflowing shape"):
        dtype = {v: k for k, v in ENUM.items()}[tensor[1]]
        with pytest.raises(fresh.tf.errors.OpError):
            fresh.tf.raw_ops.ParseTensor(serialized=tensor, out_type=fresh.tf_type(dtype))
    done = tf_cli("convert", path, tmp_path / "o.h5", "--bookkeeping")
    done.fails_with(code, '"w"')
    assert not (tmp_path / "o.h5").exists()
    assert set(tf_cli.listing(path)) == {"good", "w"}
    tf_cli.convert(path, tmp_path / "good.npy", "--include", "good")
    np.testing.assert_array_equal(np.load(tmp_path / "good.npy"), FOUR)


def test_a_damaged_graph_is_corrupt(tf_cli, tmp_path):
    graph = node("w", message("float32", (4,), content(FOUR))) + node("v", message("float32", (4,), content(FOUR)))
    for length in range(1, len(graph)):
        if length == len(graph) // 2:
            continue  # a whole graph of one node
        (tmp_path / "g.pb").write_bytes(graph[:length])
        done = tf_cli("convert", tmp_path / "g.pb", tmp_path / "o.h5", "--from", "tensorflow")
        done.fails_with(3, "g.pb")


def test_other_protobufs_are_not_taken_for_graphs(fixtures_root, fresh_checkpoints, tf_cli, tmp_path):
    import fresh

    folder = fresh_checkpoints["saved_model"].prefix.parent.parent
    others = {"fingerprint.pb": (folder / "fingerprint.pb").read_bytes(),
              "shape": shape_proto((3, 4)), "strings": field(1, b"a name") + field(2, b"another"),
              "pieces.model": b"".join(field(1, field(1, b"<unk>") + b"\x15\0\0\0\0" + field(3, 2)) for _ in range(9))}
    with fresh.tf.io.TFRecordWriter(str(tmp_path / "records")) as records:
        records.write(b"first")
    for name, raw in others.items():
        (tmp_path / name).write_bytes(raw)
    for name in (*others, "records"):
        done = tf_cli("ls", tmp_path / name)
        assert done.code == 4 and "unknown_format" in done.err, done
    (tmp_path / "graph.pbtxt").write_text('node {\n  name: "w"\n  op: "Const"\n}\n')
    assert "as text" in tf_cli("ls", tmp_path / "graph.pbtxt").err
    assert "Protocol Buffers" in tf_cli("ls", tmp_path / "strings").err
    assert "TFRecord" in tf_cli("ls", tmp_path / "records").err
    onnx = next((fixtures_root / "real").glob("onnx-*/*.onnx"))
    assert "ambiguous" not in tf_cli("ls", onnx).err
