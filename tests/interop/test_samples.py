"""The samples are what they say, and the program reads them so."""

from __future__ import annotations

import json

import h5py
import numpy as np
import onnx
import pytest

import judge
import readback


@pytest.fixture(scope="session")
def samples(repository):
    return repository / "samples"


def test_a_session_kernel_becomes_npy_hdf5_and_onnx(samples, tf_cli, tmp_path):
    source = samples / "dense_kernel"
    kernel = np.fromfile(source / "kernel.bin", "<f4").reshape(10, 5)
    tf_cli.convert(source, tmp_path / "kernel.npy")
    tf_cli.convert(source / "manifest.json", tmp_path / "kernel.h5")
    tf_cli.convert(source, tmp_path / "kernel.onnx")
    np.testing.assert_array_equal(np.load(tmp_path / "kernel.npy"), kernel)
    with h5py.File(tmp_path / "kernel.h5") as file:
        np.testing.assert_array_equal(file["my_dense_layer/kernel:0"][()], kernel)
    (proto,) = onnx.load(str(tmp_path / "kernel.onnx")).graph.initializer
    assert proto.name == "my_dense_layer/kernel:0"
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(proto), kernel)


def test_four_dtypes_of_one_loop(samples, tf_cli, tmp_path):
    source = samples / "four_dtypes"
    entries = readback.manifest_entries(source)
    assert [e["dtype"] for e in entries] == ["float32", "float64", "int32", "bool"]
    want = [judge.from_bytes(e["name"], (source / e["file"]).read_bytes(), e["dtype"], e["shape"]) for e in entries]
    judge.assert_same(tf_cli.hash(source)[0], want)
    for form in readback.FORMS.values():
        tf_cli.convert(source, tmp_path / form.target, *form.options)
        judge.assert_same(form.read(tmp_path / form.target), want, form.target)


def test_the_scope_of_a_keras_layer_is_all_its_variables_and_no_more(samples, tf_cli, tmp_path):
    import fresh

    whole = fresh.load(samples / "keras_model" / "model.ckpt")
    layer = [t for t in whole if t.name.startswith("my_dense_layer/")]
    assert {t.name for t in layer} == {"my_dense_layer/kernel", "my_dense_layer/bias"}
    assert any(t.name.startswith("my_dense_layer_2/") for t in whole)
    judge.assert_same(tf_cli.hash(samples / "keras_model")[0], whole)
    for form in readback.FORMS.values():
        tf_cli.convert(samples / "keras_model", tmp_path / form.target, "--scope", "my_dense_layer", *form.options)
        judge.assert_same(form.read(tmp_path / form.target), layer, form.target)


def test_a_trained_model_is_read_from_its_folder(samples, tf_cli):
    import fresh

    want = fresh.load(samples / "trained_model" / "model.ckpt-300")
    assert len(want) == 15
    assert tf_cli.hash(samples / "trained_model")[1] == judge.digest(want)


def test_samples_are_small_and_each_has_its_script(samples):
    for name in ("dense_kernel", "four_dtypes", "keras_model", "trained_model"):
        folder = samples / name
        assert (folder / "make.py").is_file() and (folder / "README.md").is_file()
        assert sum(f.stat().st_size for f in folder.iterdir()) < 1_000_000
    state = (samples / "trained_model" / "checkpoint").read_text()
    assert json.loads(state.splitlines()[0].split(": ")[1]) == "model.ckpt-300", "the path is relative"
