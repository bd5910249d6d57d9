"""Bytes that do not look like their dtype are noted in one line; real and freshly initialised weights never are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from conftest import FIXTURES

ID = "plausibility.dtype"


def notes(tf_cli, path, *args):
    document = json.loads(tf_cli("ls", path, "--long", "--json", *args).succeeds().out)
    return len(document["tensors"]), [n["text"] for n in document["notes"] if n["id"] == ID]


def bare(dtype: str, count: int, *more: str) -> tuple[str, ...]:
    words = ("--from", "raw", "--in-opt", f"dtype={dtype}", "--in-opt", f"shape={count}", *more)
    return words


def layer(count: int, dtype="<f4") -> np.ndarray:
    return (np.random.default_rng(count).normal(size=count) * 0.05).astype(dtype)


def test_no_stored_file_is_doubted(tf_cli):
    if not FIXTURES.is_dir():
        pytest.skip(f"the stored fixtures are not at {FIXTURES}")
    suffixes = {".h5", ".onnx", ".index", ".npz", ".safetensors", ".keras", ".pb"}
    looked_at = 0
    for path in sorted(p for p in FIXTURES.rglob("*") if p.is_file() and p.suffix in suffixes):
        listed = tf_cli("ls", path, "--long", "--json")
        if listed.code != 0:
            continue  # a damaged one
        document = json.loads(listed.out)
        assert not [n for n in document["notes"] if n["id"] == ID], path
        looked_at += sum(np.prod(t["shape"]) >= 64 for t in document["tensors"] if t.get("shape") is not None)
    assert looked_at > 100, looked_at


def test_no_tensor_of_keras_is_doubted(tf_cli, tmp_path):
    import tensorflow as tf

    tf.keras.utils.set_random_seed(1)
    make = [tf.keras.initializers.GlorotUniform(), tf.keras.initializers.HeNormal(), tf.keras.initializers.Orthogonal(),
            tf.keras.initializers.TruncatedNormal(stddev=1e-4), tf.keras.initializers.Zeros(), tf.keras.initializers.Ones(),
            tf.keras.initializers.Constant(0.3), tf.keras.initializers.RandomUniform(), tf.keras.initializers.LecunUniform(),
            tf.keras.initializers.VarianceScaling(10.0)]
    arrays = {}
    for i, initializer in enumerate(make):
        for shape in ((10, 10), (64, 128), (16, 16, 32)):
            array = initializer(shape[:2] if "Orthogonal" in type(initializer).__name__ else shape).numpy()
            for dtype in ("f4", "f8", "f2"):
                arrays[f"{i}/{len(shape)}/{shape[0]}/{dtype}"] = array.astype(dtype)
    np.savez(tmp_path / "w.npz", **arrays)
    assert notes(tf_cli, tmp_path / "w.npz") == (len(arrays), [])
    model = tf.keras.Sequential([tf.keras.layers.Input((30,)), tf.keras.layers.Dense(64, "relu"), tf.keras.layers.Dense(5)])
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(256, 30)).astype(np.float32)
    model.fit(x, x[:, :5], epochs=5, verbose=0)  # moments of an optimizer, too
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(tmp_path / "ck"))
    assert notes(tf_cli, tmp_path / "ck")[1] == []


@pytest.mark.parametrize("said, stored, better", [
    ("float32", ">f4", "big-endian float32"), ("float64", ">f8", "big-endian float64"), ("float16", ">f2", "big-endian float16"),
    ("float32", "<f8", "float64"), ("int32", "<f4", "float32"), (">f4", "<f4", "little-endian float32")])
def test_what_would_fit_better_is_said_in_one_line(said, stored, better, tf_cli, tmp_path):
    array = layer(4096, stored)
    array.tofile(tmp_path / "w.bin")
    count = array.nbytes // np.dtype(said).itemsize
    _, found = notes(tf_cli, tmp_path / "w.bin", *bare(said, count))
    assert len(found) == 1 and better in found[0] and "would fit" in found[0], found
    info = tf_cli("info", tmp_path / "w.bin", *bare(said, count)).succeeds()
    assert info.out.count(better + " would fit") == 1
    done = tf_cli("convert", tmp_path / "w.bin", tmp_path / "w.npy", *bare(said, count)).succeeds()
    assert done.err.count(better + " would fit") == 1
    assert np.load(tmp_path / "w.npy").astype(said).tobytes() == array.tobytes(), "what was asked for is done"


def test_text_and_compressed_bytes(tf_cli, tmp_path):
    import zlib

    text = ("the quick brown fox jumps over the lazy dog, 0123456789 times\n" * 200).encode()
    packed = zlib.compress(np.random.default_rng(1).normal(size=9000).tobytes())
    for name, raw, says in (("t", text, "text would fit"), ("z", packed, "nothing else that was tried fits")):
        raw = raw[: len(raw) // 8 * 8]
        (tmp_path / name).write_bytes(raw)
        _, found = notes(tf_cli, tmp_path / name, *bare("float32", len(raw) // 4))
        assert len(found) == 1 and says in found[0], found


def test_small_tensors_and_other_formats_are_left_alone(tf_cli, tmp_path):
    np.frombuffer(np.random.default_rng(2).bytes(63 * 4), "<f4").tofile(tmp_path / "w.bin")
    assert notes(tf_cli, tmp_path / "w.bin", *bare("float32", 63)) == (1, [])
    np.save(tmp_path / "w.npy", layer(4096, ">f4").view("<f4"))
    assert len(notes(tf_cli, tmp_path / "w.npy")[1]) == 1
    done = tf_cli("convert", tmp_path / "w.npy", tmp_path / "w.npz").succeeds()
    assert "would fit" not in done.err, "a format that says what its bytes are is believed"
