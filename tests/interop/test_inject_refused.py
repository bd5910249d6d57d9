"""`inject`: what does not fit is named at once, nothing is left behind, and size costs no memory."""

from __future__ import annotations

import json
import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import onnx_models as om
from cli import leftovers
from raw_input import write_raw
from test_inject import dense_model, dense_parts, inject

OLD = dense_parts(1)


@pytest.fixture
def model(tmp_path):
    return dense_model(tmp_path / "m.onnx", OLD)


def weights(folder, **tensors):
    return write_raw(folder, {name.replace("__", "/"): (str(a.dtype), a) for name, a in tensors.items()})


def refused(tf_cli, model, source, code, *says, options=(), target="n.onnx"):
    before = sorted(os.listdir(model.parent))
    done = inject(tf_cli, model, source, model.parent / target, *options).fails_with(code, *says)
    assert sorted(os.listdir(model.parent)) == before, done
    return done


def test_everything_that_does_not_fit_is_named_at_once(model, tf_cli, tmp_path):
    source = weights(tmp_path / "w", hidden__kernel=np.zeros((16, 20), np.float32), hidden__bias=np.zeros(16),
                     out__kernel=np.zeros((16, 3, 1), np.float64), step=np.int64(4), adam__m=np.zeros(3, np.float32))
    says = ("does_not_fit", '"step", "adam/m": ', "the model has no such tensor (--unmapped drop",
            '"hidden/kernel": usage.does_not_fit: has the shape [16, 20], the model [20, 16]', "--transpose 'hidden/kernel=1,0'",
            "is float64, in the model float32", "--cast 'hidden/bias=float32'", "has the shape [16, 3, 1], the model [16, 3]",
            '"out/bias": usage.does_not_fit: no weight')
    refused(tf_cli, model, source, 2, *says, options=("--require-all",))
    less = refused(tf_cli, model, source, 2, *says[3:8], options=("--unmapped", "drop"))
    assert "no such tensor" not in less.err and "no weight" not in less.err


def test_kernels_of_convolutions_get_the_usual_order_as_a_hint(tf_cli, tmp_path):
    path = om.save(tmp_path / "m.onnx", [numpy_helper.from_array(np.zeros((8, 4, 3, 3), np.float32), "k")])
    refused(tf_cli, path, weights(tmp_path / "w", k=np.zeros((3, 3, 4, 8), np.float32)), 2, "--transpose 'k=3,2,0,1'")


def test_what_stays_is_said(model, tf_cli, tmp_path):
    source = weights(tmp_path / "w", hidden__bias=np.ones(16, np.float32), more=np.ones(1))
    done = inject(tf_cli, model, source, tmp_path / "n.onnx", "--unmapped", "drop").succeeds()
    assert "1 tensor, 64 bytes" in done.out and "3 tensors of the model as before; 1 weight left out" in done.out
    assert "out/kernel" in done.err and "more" in done.err
    refused(tf_cli, model, source, 2, "cannot be kept", options=("--unmapped", "keep"), target="k.onnx")
    nothing = ("--unmapped", "drop", "--include", "more")
    refused(tf_cli, model, source, 2, "nothing_selected", options=nothing, target="k.onnx")
    refused(tf_cli, model, source, 2, "usage.metadata", options=("--metadata", "a=b"), target="k.onnx")
    inject(tf_cli, model, source, tmp_path / "same.onnx", *nothing, "--allow-empty", "--verify").succeeds()
    assert (tmp_path / "same.onnx").read_bytes() == model.read_bytes()


def test_a_dry_run_writes_nothing(model, tf_cli, tmp_path):
    source = weights(tmp_path / "w", hidden__bias=np.ones(16, np.float32))
    done = inject(tf_cli, model, source, tmp_path / "n.onnx", "--dry-run").succeeds()
    assert "hidden/bias" in done.out and "nothing was written" in done.out and "bytes 0" not in done.out
    assert leftovers(tmp_path) == ["m.onnx", "w"]


def test_outputs_that_exist_or_are_inputs(model, tf_cli, tmp_path):
    source = weights(tmp_path / "w", hidden__bias=np.ones(16, np.float32))
    (tmp_path / "n.onnx").write_bytes(b"old")
    refused(tf_cli, model, source, 7, "exists")
    refused(tf_cli, model, source, 7, "same_as_input", options=("--overwrite",), target="m.onnx")
    inject(tf_cli, model, source, tmp_path / "n.onnx", "--overwrite").succeeds()
    onnx.checker.check_model(str(tmp_path / "n.onnx"))


def test_only_a_model_can_be_injected_into(tf_cli, tmp_path):
    np.savez(tmp_path / "m.npz", a=np.ones(2))
    refused(tf_cli, tmp_path / "m.npz", tmp_path / "m.npz", 4, "no_patcher", "onnx")


def test_what_is_no_tensor_of_its_own_cannot_be_replaced(tf_cli, tmp_path):
    sparse = onnx.SparseTensorProto(dims=[4], values=numpy_helper.from_array(np.ones(1, np.float32), "s"),
                                    indices=numpy_helper.from_array(np.array([2]), "i"))
    path = om.save(tmp_path / "m.onnx", [numpy_helper.from_array(np.zeros(2, np.float32), "w")],
                   [helper.make_node("Constant", [], ["f"], value_float=1.0)], sparse_initializer=[sparse])
    new = {"s": np.zeros(4, np.float32), "f": np.float32(3), "w": np.ones(2, np.float32)}
    refused(tf_cli, path, weights(tmp_path / "w", **new), 4, "not_replaceable", "f, s")
    inject(tf_cli, path, tmp_path / "w", tmp_path / "n.onnx", "--include", "w", "--verify").succeeds()


def test_a_model_whose_elements_are_lost(tf_cli, tmp_path):
    dense_model(tmp_path / "m.onnx", OLD, save_as_external_data=True, location="gone.bin", size_threshold=100)
    (tmp_path / "gone.bin").unlink()
    new = dense_parts(2)
    source = weights(tmp_path / "w", **new)
    refused(tf_cli, tmp_path / "m.onnx", source, 6, "out/kernel", options=("--exclude", "out/kernel"))
    inject(tf_cli, tmp_path / "m.onnx", source, tmp_path / "n.onnx", "--verify").succeeds()
    got = {p.name: numpy_helper.to_array(p) for p in onnx.load(str(tmp_path / "n.onnx")).graph.initializer}
    assert {n: a.tobytes() for n, a in got.items()} == {n: a.tobytes() for n, a in new.items()}


def test_shared_external_bytes_stay_shared(tf_cli, tmp_path):
    (tmp_path / "e.bin").write_bytes(np.arange(8, dtype=np.float32).tobytes())
    parts = [om.block(5, om.number(1, 8) + om.number(2, 1) + om.block(8, n) + om.external(location="e.bin")) for n in (b"a", b"b")]
    parts.append(om.raw_tensor(rest=om.block(9, bytes(8))))
    (tmp_path / "m.onnx").write_bytes(om.raw_model(b"".join(parts)))
    source = weights(tmp_path / "w", w=np.ones(2, np.float32))
    inject(tf_cli, tmp_path / "m.onnx", source, tmp_path / "n.onnx", "--verify").succeeds()
    assert (tmp_path / "n.onnx.data").read_bytes() == (tmp_path / "e.bin").read_bytes()


def test_a_model_that_is_cut_anywhere_is_refused(model, tf_cli, tmp_path):
    whole, source = model.read_bytes(), weights(tmp_path / "w", hidden__bias=np.ones(16, np.float32))
    folder = tmp_path / "cut"
    folder.mkdir()
    for length in sorted({*range(0, len(whole), 97), *range(len(whole) - 40, len(whole))}):
        (folder / "m.onnx").write_bytes(whole[:length])
        done = inject(tf_cli, folder / "m.onnx", source, folder / "n.onnx", "--model-from", "onnx")
        assert done.code == 3 and leftovers(folder) == ["m.onnx"], (length, done)


def test_damaged_models_never_crash_or_leave_anything(model, tf_cli, tmp_path):
    whole, source = bytearray(model.read_bytes()), weights(tmp_path / "w", **dense_parts(2))
    folder = tmp_path / "bad"
    folder.mkdir()
    rng = np.random.default_rng(4)
    for place in rng.choice(len(whole), 60, replace=False).tolist():
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        (folder / "m.onnx").write_bytes(damaged)
        done = inject(tf_cli, folder / "m.onnx", source, folder / "n.onnx", "--model-from", "onnx", "--verify")
        assert done.code in (0, 2, 3, 4, 5), done
        assert leftovers(folder) == ["m.onnx", "n.onnx"][: 1 + (done.code == 0)], done
        (folder / "n.onnx").unlink(missing_ok=True)


# ---- beyond 2 GiB ----------------------------------------------------------------------------------------------

ROWS, ROW = 140_000, 2048  # float32: 1.1 GB


def hole(path, size, *marks):
    with open(path, "wb") as file:
        file.truncate(size)
        for at, raw in marks:
            file.seek(at)
            file.write(raw)


def test_a_model_of_more_than_two_gibibytes_in_little_memory(tf_cli, tmp_path):
    size = ROWS * ROW * 4
    marks = [(size - 4, b"last"), (0, b"1st.")]
    hole(tmp_path / "e.bin", 2 * size, *marks, (size + 4, b"stay"), (2 * size - 4, b"end."))
    made = om.model([], ir_version=8, opset=17)
    for i, name in enumerate(("new", "stays")):
        proto = TensorProto(name=name, data_type=1, dims=[ROWS, ROW], data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "e.bin"), ("offset", i * size), ("length", size)):
            proto.external_data.add(key=key, value=str(value))
        made.graph.initializer.append(proto)
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    (tmp_path / "w").mkdir()
    hole(tmp_path / "w" / "weights.bin", size, (0, b"NEW."), (size // 2, b"half"), (size - 4, b"END."))
    entry = {"name": "new", "dtype": "float32", "shape": [ROWS, ROW], "file": "weights.bin"}
    (tmp_path / "w" / "manifest.json").write_text(json.dumps({"tensorferry": 1, "tensors": [entry]}))
    (tmp_path / "out").mkdir()
    done, took = tf_cli.measured("inject", tmp_path / "m.onnx", tmp_path / "w", "-o", tmp_path / "out" / "n.onnx", "--no-sync")
    assert done.code == 0 and took["peak_kib"] < 64 * 1024, (done, took)

    loaded = onnx.load(str(tmp_path / "out" / "n.onnx"), load_external_data=False)
    with open(tmp_path / "out" / "n.onnx.data", "rb") as data:
        at = {p.name: {e.key: e.value for e in p.external_data} for p in loaded.graph.initializer}
        for name, source, start in (("new", tmp_path / "w" / "weights.bin", 0), ("stays", tmp_path / "e.bin", size)):
            assert at[name]["location"] == "n.onnx.data" and int(at[name]["length"]) == size
            with open(source, "rb") as old:
                for offset in (0, size // 2, size - (1 << 20)):
                    data.seek(int(at[name]["offset"]) + offset)
                    old.seek(start + offset)
                    assert data.read(1 << 20) == old.read(1 << 20), (name, offset)
    (tmp_path / "out" / "n.onnx.data").unlink()


def test_elements_go_outside_when_the_model_would_grow_too_large(tf_cli, tmp_path):
    """A small integer takes a byte in int64_data, and eight as raw_data."""
    count = 250_000_000
    head = om.number(1, count) + om.number(2, 7) + om.block(8, b"w") + om.varint(7 << 3 | 2) + om.varint(count)
    graph = om.varint(5 << 3 | 2) + om.varint(len(head) + count) + head
    start = om.number(1, 8) + om.block(8, om.number(2, 17)) + om.varint(7 << 3 | 2) + om.varint(len(graph) + count) + graph
    hole(tmp_path / "m.onnx", len(start) + count, (0, start))
    (tmp_path / "w").mkdir()
    hole(tmp_path / "w" / "weights.bin", 8 * count)
    entry = {"name": "w", "dtype": "int64", "shape": [count], "file": "weights.bin"}
    (tmp_path / "w" / "manifest.json").write_text(json.dumps({"tensorferry": 1, "tensors": [entry]}))
    said = inject(tf_cli, tmp_path / "m.onnx", tmp_path / "w", tmp_path / "n.onnx", "--dry-run").succeeds().out
    assert "n.onnx.data" in said and "2 files" in said
    one = inject(tf_cli, tmp_path / "m.onnx", tmp_path / "w", tmp_path / "n.onnx", "--dry-run", "--out-opt", "external=never")
    assert "1 file" in one.succeeds().out  # 2.0 GB still is a message
