"""HDF5 files of Keras: its order, its names, its bits. Real Keras 3 and tf_keras write them."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

import judge


@pytest.fixture(scope="module")
def keras_model():
    import keras

    keras.utils.set_random_seed(1)
    inner = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, name="d1")], name="inner")
    inputs = keras.layers.Input((5,), name="inp")
    x = inputs
    for i in range(12):
        x = keras.layers.Dense(4, name=f"my_dense_{i}" if i else "my_dense_layer")(x)
    x = keras.layers.BatchNormalization(name="bn")(inner(x))
    model = keras.Model(inputs, keras.layers.Dense(2, name="last", dtype="mixed_bfloat16")(x), name="m")
    model.compile("adam", "mse")
    model.fit(np.ones((8, 5)), np.ones((8, 2)), verbose=0)
    return model


def arrays(model) -> list[np.ndarray]:
    return [np.asarray(w) for w in model.weights]


def shas(values) -> list[str]:
    return [judge.tensor("", a, str(a.dtype)).sha256 for a in values]


def model_tensors(tf_cli, path) -> list[judge.Tensor]:
    got = json.loads(tf_cli("hash", path, "--json", "--exclude-optimizer").succeeds().out)["tensors"]
    return [judge.Tensor(judge.json_name(e), e["dtype"], tuple(e["shape"]), e["sha256"]) for e in got]


def test_a_keras_archive_has_the_order_of_the_model(keras_model, tf_cli, tmp_path):
    keras_model.save(tmp_path / "m.keras")
    got = model_tensors(tf_cli, tmp_path / "m.keras")
    assert [t.sha256 for t in got] == shas(arrays(keras_model))
    names = [t.name for t in got]
    assert names[:4] == ["my_dense_layer/0", "my_dense_layer/1", "my_dense_1/0", "my_dense_1/1"]
    assert "inner/d1/0" in names and "bn/3" in names
    done = tf_cli("hash", tmp_path / "m.keras", "--scope", "my_dense_layer").succeeds()
    assert done.out.count("my_dense_layer/") == 2


def test_weights_files_have_keras_names_and_bits(keras_model, tf_cli, tmp_path):
    keras_model.save_weights(tmp_path / "m.weights.h5")
    got = model_tensors(tf_cli, tmp_path / "m.weights.h5")
    assert sorted(t.sha256 for t in got) == sorted(shas(arrays(keras_model)))
    assert {"my_dense_layer/0", "my_dense_10/1", "inner/d1/0", "bn/2", "last/0"} <= {t.name for t in got}
    with h5py.File(tmp_path / "m.weights.h5") as file:
        paths = []
        file.visititems(lambda n, o: paths.append(n) if isinstance(o, h5py.Dataset) else None)
    raw = tf_cli.hash(tmp_path / "m.weights.h5")[0]
    assert {t.name for t in raw} == set(paths)


@pytest.mark.filterwarnings("ignore")
def test_legacy_files_of_keras_3(keras_model, tf_cli, tmp_path):
    keras_model.save(tmp_path / "m.h5")
    got = model_tensors(tf_cli, tmp_path / "m.h5")
    by_sha = {t.sha256: t.name for t in got}
    assert len(got) == len(keras_model.weights)
    for weight in keras_model.weights:
        assert weight.path.split("/")[-1] in by_sha[shas([np.asarray(weight)])[0]], weight.path
    assert tf_cli("hash", tmp_path / "m.h5", "--scope", "my_dense_layer").succeeds().out.count("my_dense_layer/") == 2


@pytest.mark.filterwarnings("ignore")
def test_legacy_files_of_tf_keras(tf_cli, tmp_path):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.Input((5,)), tf_keras.layers.Dense(3, name="my_dense_layer"),
                                 tf_keras.layers.Dropout(0.1), tf_keras.layers.BatchNormalization(name="bn")])
    model.compile("adam", "mse")
    model.fit(np.ones((8, 5)), np.ones((8, 3)), verbose=0)
    want = [judge.tensor(w.name, w.numpy(), "float32") for w in model.weights]
    model.save_weights(tmp_path / "w.h5")
    model.save(tmp_path / "m.h5")
    by_layer = [judge.tensor(w.name, w.numpy(), "float32") for layer in model.layers for w in layer.weights]
    for file in ("w.h5", "m.h5"):
        got = model_tensors(tf_cli, tmp_path / file)
        judge.assert_same(got, want)
        assert sorted(t.name for t in got) == sorted(t.name for t in by_layer)
        assert got[0].name == "my_dense_layer/kernel:0"
    everything = tf_cli.listing(tmp_path / "m.h5")
    assert any(n.startswith("optimizer_weights/") for n in everything)


def test_the_stored_file_of_keras_205(fixtures_root, tf_cli):
    path = fixtures_root / "real" / "h5-keras205" / "tiny_XCEPTION_KDEF.hdf5"
    expected = json.loads(path.with_name(path.name + ".expected.json").read_text())["tensors"]
    judge.assert_same(tf_cli.hash(path)[0], [judge.from_expected(e["name"], e) for e in expected])
    with h5py.File(path) as file:
        layers = [n.decode() for n in file["model_weights"].attrs["layer_names"]]
        order = [w.decode() for n in layers for w in file["model_weights"][n].attrs["weight_names"]]
    assert [t.name for t in model_tensors(tf_cli, path)] == order


@pytest.mark.parametrize("name", ["k3_w.weights.h5", "k2_adam.weights.h5", "k2_adam_legacy.h5"])
def test_stored_files_have_the_bits_that_h5py_gives(name, fixtures_root, tf_cli):
    path = fixtures_root / "tensorflow" / name
    want = []
    with h5py.File(path) as file:
        file.visititems(lambda n, o: want.append(judge.tensor(n, o[()], str(o.dtype)))
                        if isinstance(o, h5py.Dataset) else None)
    judge.assert_same(tf_cli.hash(path)[0], want)
    done = tf_cli("ls", path, "--names", "keras").succeeds()
    if name == "k2_adam.weights.h5":  # without names of layers: the paths, and nothing that looks like a name
        assert done.out.count("layers/") == 8 and "8 weights are called by their paths" in done.err
    else:
        assert done.out.count("vars/") == 0 and "called by" not in done.err


def test_long_lists_of_layers_are_split(tf_cli, tmp_path):
    layers = [f"layer_{i}_{'x' * 60}" for i in range(3000)]
    with h5py.File(tmp_path / "m.h5", "w") as file:
        encoded = np.array([n.encode() for n in layers])
        file.attrs["layer_names0"], file.attrs["layer_names1"], file.attrs["layer_names2"], file.attrs["layer_names3"] = (
            encoded[:800], encoded[800:1600], encoded[1600:2400], encoded[2400:])
        for i in (0, 900, 1700, 2999):
            group = file.create_group(layers[i])
            group.attrs["weight_names"] = [b"kernel:0"]
            group["kernel:0"] = np.float32(i)
        for name in layers:  # Keras writes a group for every layer
            file.require_group(name).attrs.setdefault("weight_names", np.array([]))
    assert [t.name for t in model_tensors(tf_cli, tmp_path / "m.h5")] == [
        f"{layers[i]}/kernel:0" for i in (0, 900, 1700, 2999)]


def test_a_damaged_archive_is_found(keras_model, tf_cli, tmp_path):
    keras_model.save(tmp_path / "m.keras")
    raw = bytearray((tmp_path / "m.keras").read_bytes())
    at = raw.find(np.asarray(keras_model.get_layer("my_dense_layer").kernel).tobytes())
    assert at > 0
    raw[at] ^= 1
    (tmp_path / "m.keras").write_bytes(raw)
    tf_cli("hash", tmp_path / "m.keras").fails_with(3, "CRC-32")


def test_layout_can_be_asked_for(tf_cli, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["w"] = np.arange(3)
    tf_cli("ls", tmp_path / "a.h5", "--in-opt", "layout=keras").fails_with(4)
    tf_cli("ls", tmp_path / "a.h5", "--in-opt", "layout=plain").succeeds()
