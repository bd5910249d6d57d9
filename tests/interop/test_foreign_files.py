"""Files of other kinds are named for what they are, alone and among the files of a folder."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile

import numpy as np
import onnx
import pytest
from google.protobuf import json_format, text_format
from onnx import helper, numpy_helper

A = np.arange(6, dtype="f4")


def model():
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [],
                              [helper.make_tensor_value_info("y", 1, [6])], [numpy_helper.from_array(A, "w")])
    return helper.make_model(graph)


def ort() -> bytes:
    onnxruntime = pytest.importorskip("onnxruntime")
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = f"{folder}/m.ort"
        options.add_session_config_entry("session.save_model_format", "ORT")
        made = model()
        made.ir_version = 8
        made.opset_import[0].version = 17
        onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
        with open(f"{folder}/m.ort", "rb") as file:
            return file.read()


def field(number: int, content: bytes) -> bytes:
    length = len(content)
    size = b""
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


def mindspore() -> bytes:
    """Checkpoint.value { tag, tensor { dims, tensor_type, tensor_content } } as mindspore.save_checkpoint writes it."""
    tensor = b"\x08\x02\x08\x03" + field(2, b"Float32") + field(3, A.tobytes())
    return field(1, field(1, b"conv1.weight") + field(2, tensor)) * 3


def keras_metadata() -> bytes:
    node = b"\x10\x01" + field(3, b"root") + field(4, b"_tf_keras_sequential") + field(5, b'{"name": "sequential"}')
    return field(1, node)


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("weights/readme.txt", "x")
    return out.getvalue()


KINDS = {
    "onnx-text": (lambda: onnx.printer.to_text(model()).encode(), "an ONNX model as text"),
    "onnx-prototext": (lambda: text_format.MessageToString(model()).encode(), "an ONNX model as text"),
    "onnx-json": (lambda: json_format.MessageToJson(model()).encode(), "an ONNX model as text"),
    "ort": (ort, "an ONNX Runtime model"),
    "tflite": (lambda: b"\x1c\0\0\0TFL3" + bytes(100), "a TensorFlow Lite model"),
    "mindspore": (mindspore, "a MindSpore checkpoint"),
    "mindspore-lite": (lambda: b"\x1c\0\0\0MSL2" + bytes(range(100)), "a MindSpore Lite model"),
    "keras-metadata": (keras_metadata, "keras_metadata.pb"),
    "html": (lambda: b"<!doctype html><html><body>404", "a web page"),
    "gzip": (lambda: gzip.compress(b"x"), "gzip data"),
    "bzip2": (lambda: bz2.compress(b"x"), "bzip2 data"),
    "xz": (lambda: lzma.compress(b"x"), "xz data"),
    "tar": (tar, "a tar archive"),
    "zip": (archive, "a zip archive"),
    "pickle": (lambda: pickle.dumps({"w": A}), "a Python pickle"),
    "gguf": (lambda: b"GGUF\x03\0\0\0" + bytes(16), "a GGUF file"),
    "ggml": (lambda: b"lmgg" + bytes(range(1, 30)), "an old GGML file"),
    "parquet": (lambda: b"PAR1" + bytes(range(40)) + b"PAR1", "a Parquet file"),
    "json": (lambda: json.dumps({"a": [1]}).encode(), "JSON"),
    "xml": (lambda: b"<?xml version='1.0'?><a/>", "XML"),
    "openvino": (lambda: b'<?xml version="1.0"?>\n<net name="m" version="11"/>', "an OpenVINO model"),
    "lfs": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "a Git LFS pointer"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_is_named(tf_cli, kind, tmp_path):
    make, words = KINDS[kind]
    content = make()
    for name in ("file", "model.bin", "model.onnx" if not kind.startswith("onnx") else "model.txt"):
        (tmp_path / name).write_bytes(content)
        done = tf_cli("ls", tmp_path / name)
        assert done.code in (3, 4) and words.lower() in done.err.lower(), (name, done)
        (tmp_path / name).unlink()
    if kind != "lfs":
        (tmp_path / "file").write_bytes(content)
        assert f"file ({words}" in tf_cli("ls", tmp_path).err


@pytest.mark.parametrize("kind", ["html", "gzip", "zip"])
def test_what_stands_in_the_place_of_a_shard_is_named(tf_cli, kind, tmp_path):
    make, words = KINDS[kind]
    (tmp_path / "one.safetensors").write_bytes(make())
    (tmp_path / "m.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "one.safetensors"}}))
    done = tf_cli("hash", tmp_path)
    assert done.code == 3 and words in done.err and "one.safetensors" in done.err, done
    np.save(tmp_path / "a.npy", A)
    (tmp_path / "m.safetensors.index.json").unlink()
    (tmp_path / "one.safetensors").rename(tmp_path / "b.npy")
    done = tf_cli("hash", tmp_path)
    assert done.code == 3 and words in done.err and f"{tmp_path}/b.npy" in done.err, done
