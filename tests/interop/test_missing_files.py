"""Files that are not there: every command names them, once, with a count."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import onnx_models
from bundle_writer import Bundle


def external(folder):
    model = onnx_models.model([numpy_helper.from_array(np.arange(400, dtype="f4"), f"w{i}") for i in range(6)])
    for i, tensor in enumerate(model.graph.initializer):
        onnx.external_data_helper.set_external_data(tensor, location=f"part{i // 2}.bin")
    onnx.save(model, folder / "m.onnx")
    (folder / "part0.bin").unlink()
    (folder / "part2.bin").unlink()
    return folder / "m.onnx", ["part0.bin", "part2.bin"], 4


def checkpoint(folder):
    bundle = Bundle(shards=30)
    for i in range(60):
        bundle.add(f"w{i:02}", "float32", np.full(3, i, "f4"), shard=i // 2)
    bundle.write(folder / "ck")
    gone = sorted(folder.glob("ck.data-*"))[1:]
    for file in gone:
        file.unlink()
    return folder / "ck", [f.name for f in gone], 58


def split(folder):
    names = {f"w{i:02}": f"model-{i // 2 + 1:05}-of-00020.safetensors" for i in range(40)}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": names}))
    return index, sorted(set(names.values())), 40


@pytest.mark.parametrize("kind", [external, checkpoint, split])
def test_missing_files_are_told_once(tf_cli, tmp_path, kind):
    path, gone, tensors = kind(tmp_path)
    says = f"{len(gone)} files are missing, and with them {tensors} tensors"
    for command in ("ls", "info"):
        done = tf_cli(command, path).succeeds()
        assert (done.out + done.err).count(says) == 1, done
        assert all(name in done.out + done.err for name in gone[:10]), done
    notes = {n["id"]: n["text"] for n in json.loads(tf_cli("ls", path, "--json").succeeds().out)["notes"]}
    assert says in notes["input.missing_files"]
    done = tf_cli("verify", path).fails_with(6, says, gone[0])
    assert done.err.count("error[") == 1 and len(done.err.splitlines()) < 5, done
    done = tf_cli("convert", path, tmp_path / "out.npz").fails_with(6, gone[0], str(tensors))
    assert done.err.count("missing file: ") == min(len(gone), 10), done
    assert not (tmp_path / "out.npz").exists()


def test_a_model_in_two_files_says_both_names(tf_cli, tmp_path):
    np.savez(tmp_path / "w.npz", w=np.arange(4000, dtype="f4"))
    out = tmp_path / "m.onnx"
    said = tf_cli("convert", tmp_path / "w.npz", out, "--out-opt", "external=always").succeeds().out
    assert f"{out} and {out}.data: 1 tensor" in said
    said = tf_cli("convert", tmp_path / "w.npz", tmp_path / "one.onnx").succeeds().out
    assert f"{tmp_path / 'one.onnx'}: 1 tensor" in said


def test_a_file_without_tensors_says_so(tf_cli, tmp_path):
    path = onnx_models.save(tmp_path / "none.onnx")
    tf_cli("convert", path, tmp_path / "out.npz").fails_with(2, "usage.nothing_selected", "the file holds no tensors")


def test_what_was_left_out_as_bookkeeping_is_named(tf_cli, tmp_path):
    bundle = Bundle()
    bundle.add("_CHECKPOINTABLE_OBJECT_GRAPH", "string", np.array(b"", dtype=object))
    prefix = bundle.write(tmp_path / "ck")
    tf_cli("convert", prefix, tmp_path / "out.npz").fails_with(2, "bookkeeping, 1 tensor", "--bookkeeping")
    tf_cli("convert", prefix, tmp_path / "out.npz", "--bookkeeping").succeeds()


def test_numbers_of_trees_are_mentioned(tf_cli, tmp_path):
    trees = onnx.helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", nodes_values=[0.5] * 7,
                                  target_weights=[1.0] * 4)
    linear = onnx.helper.make_node("LinearRegressor", ["y"], ["z"], domain="ai.onnx.ml", coefficients=[1.0, 2.0])
    relu = onnx.helper.make_node("Relu", ["y"], ["r"], some_floats=[1.0])
    path = onnx_models.save(tmp_path / "t.onnx", [numpy_helper.from_array(np.ones(2, "f4"), "w")], [trees, linear, relu])
    notes = {n["id"]: n["text"] for n in json.loads(tf_cli("ls", path, "--json").succeeds().out)["notes"]}
    assert "2 nodes have 13 numbers" in notes["onnx.numbers_of_nodes"]
    assert "LinearRegressor, TreeEnsembleRegressor" in notes["onnx.numbers_of_nodes"]
