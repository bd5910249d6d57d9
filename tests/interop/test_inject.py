"""`inject`: onnx and onnxruntime judge the new model, and every byte that did not have to change is the old one."""

from __future__ import annotations

import json

import ml_dtypes  # noqa: F401  (dtypes by name)
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import judge
import onnx_models as om
import readback
from arrays import bits
from cli import leftovers, tree
from raw_input import write_raw
from untouched import changed

DTYPES = sorted(om.CODES)


def inject(tf_cli, model, weights, target, *args, **kwargs):
    return tf_cli("inject", model, weights, "-o", target, "--no-sync", *args, **kwargs)


def run(path, **inputs):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, inputs)


def dense_parts(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"hidden/kernel": (20, 16), "hidden/bias": (16,), "out/kernel": (16, 3), "out/bias": (3,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def dense_by_numpy(w, x):
    return np.maximum(x @ w["hidden/kernel"] + w["hidden/bias"], 0) @ w["out/kernel"] + w["out/bias"]


def dense_model(path, w, to_proto=lambda name, a: numpy_helper.from_array(a, name), **save):
    nodes = [helper.make_node("MatMul", ["x", "hidden/kernel"], ["a"]), helper.make_node("Add", ["a", "hidden/bias"], ["b"]),
             helper.make_node("Relu", ["b"], ["c"]), helper.make_node("MatMul", ["c", "out/kernel"], ["d"]),
             helper.make_node("Add", ["d", "out/bias"], ["y"])]
    graph = helper.make_graph(nodes, "dense", [helper.make_tensor_value_info("x", 1, [None, 20])],
                              [helper.make_tensor_value_info("y", 1, [None, 3])],
                              [to_proto(name, array) for name, array in w.items()], doc_string="a doc string")
    made = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(made, str(path), **save)
    return path


X = np.random.default_rng(5).normal(size=(7, 20)).astype(np.float32)
EXTERNAL = {"save_as_external_data": True, "location": "old.bin", "size_threshold": 0}


@pytest.mark.parametrize("source", ["raw", "raw, typed fields", "external"])
@pytest.mark.parametrize("external", ["auto", "always", "never"])
def test_onnxruntime_computes_with_the_new_weights(source, external, tf_cli, tmp_path):
    old, new = dense_parts(1), dense_parts(2)
    if source == "raw, typed fields":
        dense_model(tmp_path / "m.onnx", old, lambda name, a: om.typed(name, "float32", a))
    else:
        dense_model(tmp_path / "m.onnx", old, **(EXTERNAL if source == "external" else {}))
    np.savez(tmp_path / "w.npz", **new)
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "new.onnx"
    done = inject(tf_cli, tmp_path / "m.onnx", tmp_path / "w.npz", target, "--verify", "--out-opt", f"external={external}",
                  "--out-opt", "external_threshold=64").succeeds()
    assert "4 tensors" in done.out and "verified" in done.out
    onnx.checker.check_model(str(target), full_check=True)
    (got,) = run(target, x=X)
    np.testing.assert_array_equal(got, run(dense_model(tmp_path / "want.onnx", new), x=X)[0])
    np.testing.assert_allclose(got, dense_by_numpy(new, X), rtol=1e-4, atol=1e-5)
    assert not np.allclose(got, dense_by_numpy(old, X))
    assert sorted(changed((tmp_path / "m.onnx").read_bytes(), target.read_bytes())) == sorted(new)
    outside = external == "always" or (external == "auto" and source == "external")
    assert leftovers(tmp_path / "out") == ["new.onnx", "new.onnx.data"][: 1 + outside]


def test_equal_sizes_change_no_byte_but_the_elements(tf_cli, tmp_path):
    old, new = dense_parts(1), dense_parts(2)
    before = dense_model(tmp_path / "m.onnx", old).read_bytes()
    np.savez(tmp_path / "w.npz", **new)
    inject(tf_cli, tmp_path / "m.onnx", tmp_path / "w.npz", tmp_path / "n.onnx").succeeds()
    for name in old:
        assert before.count(old[name].tobytes()) == 1
        before = before.replace(old[name].tobytes(), new[name].tobytes())
    assert (tmp_path / "n.onnx").read_bytes() == before


def test_a_tensorflow_checkpoint_goes_into_a_graph_of_the_same_network(tf_cli, tmp_path):
    import tensorflow as tf

    tf.keras.utils.set_random_seed(3)
    model = tf.keras.Sequential([tf.keras.layers.Input((20,)), tf.keras.layers.Dense(16, activation="relu", name="hidden"),
                                 tf.keras.layers.Dense(3, name="out")])
    model.compile("adam", "mse")
    model.fit(X, np.ones((7, 3), np.float32), epochs=1, verbose=0)
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(tmp_path / "ck"))
    listed = tf_cli("ls", tmp_path / "ck", "--json", "--exclude-optimizer").succeeds().out
    names = [e["name"] for e in json.loads(listed)["tensors"] if e["dtype"] == "float32"]
    by_shape = {tuple(e["shape"]): e["name"] for e in json.loads(listed)["tensors"]}
    assert len(names) == 4, names
    parts = {by_shape[a.shape]: a for a in dense_parts(1).values()}
    rename = dict(zip(dense_parts(1), parts))
    made = onnx.load(str(dense_model(tmp_path / "m.onnx", dense_parts(1))))
    for proto in made.graph.initializer:
        proto.name = rename[proto.name]
    for node in made.graph.node:
        node.input[:] = [rename.get(name, name) for name in node.input]
    onnx.save(made, str(tmp_path / "m.onnx"))

    done = inject(tf_cli, tmp_path / "m.onnx", tmp_path / "ck", tmp_path / "n.onnx").fails_with(2, "does_not_fit", "no such tensor")
    assert "adam" in done.err.lower() or "optimizer" in done.err.lower(), done
    inject(tf_cli, tmp_path / "m.onnx", tmp_path / "ck", tmp_path / "n.onnx", "--exclude-optimizer").succeeds()
    np.testing.assert_allclose(run(tmp_path / "n.onnx", x=X)[0], model(X).numpy(), rtol=1e-5, atol=1e-6)
    dropped = inject(tf_cli, tmp_path / "m.onnx", tmp_path / "ck", tmp_path / "d.onnx", "--unmapped", "drop").succeeds()
    assert "left out" in dropped.out and (tmp_path / "d.onnx").read_bytes() == (tmp_path / "n.onnx").read_bytes()


def conv_graph(k, kernel, bias, dense):
    """NCHW convolution, ReLU, flattening as TensorFlow does it, and a dense layer."""
    names = [helper.make_node("Conv", ["x", "c.weight", "c.bias"], ["a"], kernel_shape=[k, k]), helper.make_node("Relu", ["a"], ["b"]),
             helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 3, 1]), helper.make_node("Flatten", ["c"], ["d"]),
             helper.make_node("Gemm", ["d", "d.weight", "d.bias"], ["y"], transB=1)]
    arrays = {"c.weight": kernel, "c.bias": bias, "d.weight": dense[0], "d.bias": dense[1]}
    graph = helper.make_graph(names, "g", [helper.make_tensor_value_info("x", 1, [None, 2, 8, 8])],
                              [helper.make_tensor_value_info("y", 1, [None, 4])],
                              [numpy_helper.from_array(a, n) for n, a in arrays.items()])
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


@pytest.mark.parametrize("kind", ["checkpoint", "weights.h5"])
def test_keras_kernels_transposed_into_a_convolution(kind, tf_cli, tmp_path):
    import tensorflow as tf

    tf.keras.utils.set_random_seed(9)
    model = tf.keras.Sequential([tf.keras.layers.Input((8, 8, 2)), tf.keras.layers.Conv2D(5, 3, activation="relu", name="conv"),
                                 tf.keras.layers.Flatten(), tf.keras.layers.Dense(4, name="dense")])
    for variable in model.variables:
        variable.assign(np.random.default_rng(len(variable.shape)).normal(size=variable.shape))
    blank = [np.zeros(s, np.float32) for s in ((5, 2, 3, 3), (5,), (4, 180), (4,))]
    onnx.save(conv_graph(3, blank[0], blank[1], blank[2:]), str(tmp_path / "m.onnx"))
    if kind == "checkpoint":
        source = tmp_path / "ck"
        tf.train.Checkpoint(model=model).write(str(source))
    else:
        source = tmp_path / "m.weights.h5"
        model.save_weights(str(source))
    listed = json.loads(tf_cli("ls", source, "--json").succeeds().out)["tensors"]
    places = {(3, 3, 2, 5): "c.weight", (5,): "c.bias", (180, 4): "d.weight", (4,): "d.bias"}
    names = {e["name"]: places[tuple(e["shape"])] for e in listed if tuple(e["shape"]) in places}
    assert len(names) == 4, listed
    (tmp_path / "map.json").write_text(json.dumps(names))
    options = ("--map", tmp_path / "map.json", "--unmapped", "drop")
    hint = inject(tf_cli, tmp_path / "m.onnx", source, tmp_path / "n.onnx", *options).fails_with(2, "c.weight=3,2,0,1", "d.weight=1,0")
    hints = [word for line in hint.err.splitlines() for word in line.split("'") if "weight=" in word]
    inject(tf_cli, tmp_path / "m.onnx", source, tmp_path / "n.onnx", *options, "--verify",
           *(word for h in hints for word in ("--transpose", h))).succeeds()
    x = np.random.default_rng(4).normal(size=(3, 8, 8, 2)).astype(np.float32)
    (got,) = run(tmp_path / "n.onnx", x=np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(got, model(x).numpy(), rtol=1e-4, atol=1e-5)


def test_casts_are_made_on_the_way_and_reported(tf_cli, tmp_path):
    import ml_dtypes

    rng = np.random.default_rng(6)
    wide = {n: rng.normal(size=(33, 7)) for n in ("a", "b")}
    om.save(tmp_path / "m.onnx", [raw_proto("a", "bfloat16", np.zeros((33, 7), ml_dtypes.bfloat16)),
                                  raw_proto("b", "float16", np.zeros((33, 7), np.float16))])
    np.savez(tmp_path / "w.npz", **wide)
    inject(tf_cli, tmp_path / "m.onnx", tmp_path / "w.npz", tmp_path / "n.onnx").fails_with(2, "--cast 'a=bfloat16'", "--cast 'b=float16'")
    done = inject(tf_cli, tmp_path / "m.onnx", tmp_path / "w.npz", tmp_path / "n.onnx", "--cast", "a=bfloat16", "--cast", "b=float16",
                  "--verify").succeeds()
    assert "float64 to bfloat16" in done.err
    made = {p.name: p.raw_data for p in onnx.load(str(tmp_path / "n.onnx")).graph.initializer}
    assert made == {"a": wide["a"].astype(ml_dtypes.bfloat16).tobytes(), "b": wide["b"].astype(np.float16).tobytes()}


# ---- every type, every place -----------------------------------------------------------------------------------

def raw_proto(name, dtype, array):
    if dtype == "string":
        return om.typed(name, dtype, array)
    proto = TensorProto(name=name, data_type=om.CODES[dtype], dims=array.shape)
    proto.raw_data = stored(array, dtype)
    return proto


def stored(array, dtype) -> bytes:
    """Elements as raw_data has them: those below a byte packed, the first in the lowest bits."""
    width = judge.SUB_BYTE.get(dtype)
    if width is None:
        return array.tobytes()
    codes = array.reshape(-1).view(np.uint8)
    streams = np.unpackbits(codes[:, None], axis=1, bitorder="little")[:, :width]
    return np.packbits(streams.reshape(-1), bitorder="little").tobytes()


def values(dtype, shape, seed):
    if dtype != "string":
        return bits(dtype, shape, seed)
    flat = [bytes([seed, i % 251]) * (i % 5) for i in range(int(np.prod(shape)))]
    return np.array(flat, dtype=object).reshape(shape)


SHAPES = {"m": (3, 5), "scalar": (), "none": (0, 4), "stays": (7,)}


@pytest.mark.parametrize("form", ["raw", "typed", "external"])
@pytest.mark.parametrize("external", ["auto", "always"])
def test_every_type(form, external, tf_cli, tmp_path):
    old, new = {}, {}
    for i, dtype in enumerate(DTYPES):
        for label, shape in SHAPES.items():
            old[f"{dtype}/{label}"] = (dtype, values(dtype, shape, i))
            if label != "stays":
                new[f"{dtype}/{label}"] = (dtype, values(dtype, shape, 100 + i))
    make = om.typed if form == "typed" else raw_proto
    made = om.model([make(name, *what) for name, what in old.items()])
    if form == "external":
        onnx.save(made, str(tmp_path / "m.onnx"), save_as_external_data=True, location="e.bin", size_threshold=0)
    else:
        (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    target = tmp_path / "out" / "n.onnx"
    target.parent.mkdir()
    done = inject(tf_cli, tmp_path / "m.onnx", write_raw(tmp_path / "w", new), target, "--verify", "--out-opt",
                  f"external={external}", "--out-opt", "external_threshold=1").succeeds()
    assert f"{len(DTYPES)} tensors of the model as before" in done.out, done
    want = [judge.tensor(name, array, dtype) for name, (dtype, array) in (old | new).items()]
    judge.assert_same(readback.onnx_file(target), want)
    touched = set(changed((tmp_path / "m.onnx").read_bytes(), target.read_bytes()))
    differ = {n for n in new if judge.tensor(n, new[n][1], new[n][0]).sha256 != judge.tensor(n, old[n][1], old[n][0]).sha256}
    if form == "raw" and external == "auto":
        assert touched == differ
    assert touched >= differ and (form == "external" or touched <= set(new))


def models_with_inner_graphs(seed: int):
    rng = np.random.default_rng(seed)
    w = {n: rng.normal(size=(4, 4)).astype(np.float32) for n in ("top", "then", "else", "constant", "in_function")}
    branches = {}
    for name in ("then", "else"):
        node = helper.make_node("MatMul", ["x", "w"], [name + "_y"])
        branches[name + "_branch"] = helper.make_graph([node], name, [], [helper.make_tensor_value_info(name + "_y", 1, [1, 4])],
                                                       [numpy_helper.from_array(w[name], "w")])
    nodes = [helper.make_node("If", ["flag"], ["a"], name="choose", **branches),
             helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(w["constant"])),
             helper.make_node("MatMul", ["a", "c"], ["b"]), helper.make_node("MatMul", ["b", "top"], ["d"]),
             helper.make_node("Times", ["d"], ["y"], domain="own")]
    inner = [helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(w["in_function"])),
             helper.make_node("MatMul", ["t", "k"], ["r"])]
    function = helper.make_function("own", "Times", ["t"], ["r"], inner, [helper.make_opsetid("", 17)])
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("flag", 9, []), helper.make_tensor_value_info("x", 1, [1, 4])],
                              [helper.make_tensor_value_info("y", 1, [1, 4])], [numpy_helper.from_array(w["top"], "top")])
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, functions=[function], ir_version=8, opset_imports=sets), w


def test_subgraphs_constants_and_functions(tf_cli, tmp_path):
    made, _ = models_with_inner_graphs(1)
    want, w = models_with_inner_graphs(2)
    onnx.save(made, str(tmp_path / "m.onnx"))
    names = {"top": "top", "then": "choose.then_branch/w", "else": "choose.else_branch/w", "constant": "c",
             "in_function": "own.Times/k"}
    source = write_raw(tmp_path / "w", {names[n]: ("float32", a) for n, a in w.items()})
    inject(tf_cli, tmp_path / "m.onnx", source, tmp_path / "n.onnx", "--require-all", "--verify").succeeds()
    assert (tmp_path / "n.onnx").read_bytes() == want.SerializeToString()
    x = np.ones((1, 4), np.float32)
    for flag, branch in ((True, "then"), (False, "else")):
        (got,) = run(tmp_path / "n.onnx", flag=np.array(flag), x=x)
        np.testing.assert_allclose(got, x @ w[branch] @ w["constant"] @ w["top"] @ w["in_function"], rtol=1e-4)


def test_fields_that_nobody_knows_orders_and_long_varints_stay(tf_cli, tmp_path):
    def long(value):  # a varint of five bytes
        return bytes([value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14 & 0x7F | 0x80, value >> 21 & 0x7F | 0x80, 0])

    def message(field, contents, header=None):
        return om.varint(field << 3 | 2) + (header or om.varint)(len(contents)) + contents

    unknown = om.number(2000, 7) + om.block(3000, b"\x09" * 700) + b"\xa5\x3e1234" + b"\xa1\x3e12345678"
    a = om.block(9, bytes(8)) + unknown + om.block(8, b"a") + om.block(12, b"doc") + om.number(2, 1) + long(1 << 3) + b"\x02"
    b = om.block(8, b"b") + om.number(2, 7) + b"\x08\x82\x80\x00" + om.block(7, b"\x05\x06") + om.number(14, 0) + unknown
    c = om.number(1, 2) + om.number(2, 1) + om.block(8, b"c") + om.block(9, b"\x01" * 8)
    graph = unknown + message(5, a, long) + om.block(2, b"g") + message(5, c, long) + message(5, b) + unknown
    model = om.block(8, om.number(2, 17)) + unknown + message(7, graph, long) + om.number(1, 8) + unknown
    (tmp_path / "m.onnx").write_bytes(model)
    new = {"a": ("float32", np.array([1, 2], np.float32)), "b": ("int64", np.array([3, -4]))}
    inject(tf_cli, tmp_path / "m.onnx", write_raw(tmp_path / "w", new), tmp_path / "n.onnx", "--verify",
           "--model-from", "onnx").succeeds()  # which probing does not call a model, for what stands in front of its graph
    got = (tmp_path / "n.onnx").read_bytes()
    assert changed(model, got) == ["a", "b"]
    made = {p.name: p for p in onnx.load(str(tmp_path / "n.onnx")).graph.initializer}
    assert numpy_helper.to_array(made["a"]).tolist() == [1, 2] and numpy_helper.to_array(made["b"]).tolist() == [3, -4]
    assert message(5, c, long) in got and message(5, a.replace(bytes(8), new["a"][1].tobytes(), 1), long) in got


def test_the_bytes_do_not_depend_on_threads(tf_cli, tmp_path):
    old = {f"w{i}": ("float32", bits("float32", (257, 1031), i)) for i in range(5)}
    om.save(tmp_path / "m.onnx", [raw_proto(n, *a) for n, a in old.items()])
    source = write_raw(tmp_path / "w", {n: (d, a[::-1].copy()) for n, (d, a) in old.items() if n != "w2"}, big=True)
    outputs = []
    for threads in ("1", "8"):
        (tmp_path / threads).mkdir()
        inject(tf_cli, tmp_path / "m.onnx", source, tmp_path / threads / "n.onnx", "-j", threads,
               "--out-opt", "external=always").succeeds()
        outputs.append(tree(tmp_path / threads))
    assert outputs[0] == outputs[1] and len(outputs[0]) == 2
