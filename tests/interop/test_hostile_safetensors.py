"""Files and indexes of safetensors that lie: the exit code says how, and nothing is written."""

from __future__ import annotations

import json
import os
import struct
import time
import zipfile

import numpy as np
import pytest
import safetensors

from cli import assert_refused
from test_safetensors import library_accepts, made, told

ONE = {"w": told(0, 4)}
W = '"dtype":"U8","shape":[4],"data_offsets":[0,4]'
DEEP = "[" * 100_000


def text(fields: str) -> str:
    return '{"w":{' + fields + "}}"


def field(name: str, value: str) -> str:
    said = {"dtype": '"U8"', "shape": "[4]", "data_offsets": "[0,4]"} | {name: value}
    return text(",".join(f'"{k}":{v}' for k, v in said.items()))


CORRUPT = {
    "empty": b"",
    "one byte": b"\x02",
    "seven bytes": bytes(7),
    "only the length": struct.pack("<Q", 2),
    "nine bytes": struct.pack("<Q", 2) + b"{",
    "length 0": made("", length=0),
    "length 1": made("{", length=1),
    "truncated header": made(ONE, b"")[:30],
    "length beyond the file": made(ONE, b"1234", length=1000),
    "length 2^64-1": made(ONE, b"1234", length=2**64 - 1),
    "length 2^63": made(ONE, b"1234", length=2**63),
    "elements cut": made(ONE, b"123"),
    "array": made("[]"),
    "text": made('"{}"'),
    "number": made("12"),
    "null": made("null"),
    "not JSON": made("hello"),
    "BOM": made(b"\xef\xbb\xbf" + json.dumps(ONE).encode(), b"1234"),
    "NUL padding": made(json.dumps(ONE).encode() + b"\0\0\0", b"1234"),
    "behind the object": made(json.dumps(ONE) + "{}", b"1234"),
    "trailing comma": made(json.dumps(ONE)[:-1] + ",}", b"1234"),
    "nesting 65": made(text(W + ',"x":' + "[" * 65 + "]" * 65), b"1234"),
    "nesting 100,000": made(text(W + ',"x":' + DEEP + "]" * 100_000), b"1234"),
    "nesting open": made('{"w":' + DEEP),
    "tensor twice": made('{"w":{' + W + '},"w":{' + W + "}}", b"1234"),
    "empty tensor twice": made('{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},'
                               '"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "dtype twice": made(text('"dtype":"U8",' + W), b"1234"),
    "offsets twice": made(text(W + ',"data_offsets":[0,4]'), b"1234"),
    "metadata twice": made('{"__metadata__":{},"__metadata__":{},"w":{' + W + "}}", b"1234"),
    "metadata of numbers": made({"__metadata__": {"a": 1}} | ONE, b"1234"),
    "metadata of objects": made({"__metadata__": {"a": {}}} | ONE, b"1234"),
    "metadata is a list": made({"__metadata__": []} | ONE, b"1234"),
    "metadata is a tensor": made({"__metadata__": told(0, 4)}, b"1234"),
    "hole at the start": made({"w": told(1, 5)}, b"12345"),
    "hole": made({"a": told(0, 2), "b": told(3, 5)}, b"12345"),
    "overlap": made({"a": told(0, 3), "b": told(2, 5)}, b"12345"),
    "same bytes": made({"a": told(0, 4), "b": told(0, 4)}, b"1234"),
    "trailing byte": made(ONE, b"12345"),
    "no tensor, one byte": made({}, b"1"),
    "begin behind end": made(field("data_offsets", "[4,0]"), b"1234"),
    "begin and end near 2^64": made(field("data_offsets", "[18446744073709551611,18446744073709551615]"), b"1234"),
    "one offset": made(field("data_offsets", "[0]"), b"1234"),
    "three offsets": made(field("data_offsets", "[0,4,4]"), b"1234"),
    "offsets as text": made(field("data_offsets", '["0","4"]'), b"1234"),
    "offset 2^64": made(field("data_offsets", "[0,18446744073709551616]"), b"1234"),
    "size is not shape": made(field("shape", "[3]"), b"1234"),
    "product overflow": made(field("shape", "[4294967296,4294967296]"), b"1234"),
    "product overflow to the size": made(field("shape", "[4,4611686018427387905]"), b"1234"),
    "product overflow before 0": made({"w": told(0, 0, shape=[2**62, 2**62, 0])}),
    "product overflow behind 0": made({"w": told(0, 0, shape=[0, 2**62, 2**62])}),
    "bytes overflow": made({"w": told(0, 0, "F64", [2**61])}),
    "negative extent": made(field("shape", "[-4]"), b"1234"),
    "minus zero": made(field("shape", "[4,-0]"), b"1234"),
    "real extent": made(field("shape", "[4.0]"), b"1234"),
    "exponent": made(field("shape", "[4e0]"), b"1234"),
    "leading zero": made(field("shape", "[04]"), b"1234"),
    "NaN": made(field("shape", "[NaN]"), b"1234"),
    "extent as text": made(field("shape", '["4"]'), b"1234"),
    "extent null": made(field("shape", "[null]"), b"1234"),
    "shape is a number": made(field("shape", "4"), b"1234"),
    "nested shape": made(field("shape", "[[4]]"), b"1234"),
    "dtype is a number": made(field("dtype", "5"), b"1234"),
    "no dtype": made('{"w":{"shape":[4],"data_offsets":[0,4]}}', b"1234"),
    "no shape": made('{"w":{"dtype":"U8","data_offsets":[0,4]}}', b"1234"),
    "no offsets": made('{"w":{"dtype":"U8","shape":[4]}}', b"1234"),
    "tensor is a text": made('{"w":"U8"}'),
    "half a byte": made({"w": told(0, 2, "F4", [3])}, b"12"),
    "lone surrogate": made('{"\\ud800":{' + W + "}}", b"1234"),
    "overlong UTF-8": made(b'{"\xc0\xaf":{' + W.encode() + b"}}", b"1234"),
    "not UTF-8": made(b'{"\xff":{' + W.encode() + b"}}", b"1234"),
    "bare control character": made(b'{"a\nb":{' + W.encode() + b"}}", b"1234"),
}
# the library may be more lenient there: the last of two keys counts for it, and a 0 that comes first ends an overflow
LENIENT = {"nesting 65", "empty tensor twice", "tensor twice", "metadata twice", "offsets twice", "dtype twice",
           "product overflow behind 0"}


@pytest.mark.parametrize("label", CORRUPT)
def test_a_malformed_file_is_corrupt(label, tf_cli, tmp_path):
    raw = CORRUPT[label]
    (tmp_path / "a.safetensors").write_bytes(raw)
    assert label in LENIENT or not library_accepts(raw), "the library reads it"
    assert_refused(tf_cli, tmp_path / "a.safetensors", 3, tmp_path / "out")


ACCEPTED = {
    "blanks around": made(b" \t\n" + json.dumps(ONE).encode() + b" \n\t", b"1234"),
    "metadata null": made({"__metadata__": None} | ONE, b"1234"),
    "unknown fields": made(text(W + ',"x":[{"y":[1.5,-2,null,true]},"z"]'), b"1234"),
    "unsorted": made({"b": told(2, 4), "a": told(0, 2)}, b"1234"),
    "unaligned": made({"a": told(0, 1), "w": told(1, 5, "F32", [1])}, b"12345"),
    "empty tensors between": made({"a": told(0, 2), "z": told(2, 2), "b": told(2, 4)}, b"1234"),
    "scalar": made({"w": told(0, 1, shape=[])}, b"1"),
    "no tensor": made({}),
    "escaped NUL in a name": made('{"a\\u0000b":{' + W + "}}", b"1234"),
}


@pytest.mark.parametrize("label", ACCEPTED)
def test_what_the_library_accepts_is_read(label, tf_cli, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(ACCEPTED[label])
    want = {n: bytes(t["data"]) for n, t in safetensors.deserialize(ACCEPTED[label])}
    tf_cli.convert(tmp_path / "a.safetensors", tmp_path / "raw", "--to", "raw", "--allow-empty")
    said = json.loads((tmp_path / "raw/manifest.json").read_text())["tensors"]
    blob = (tmp_path / "raw/weights.bin").read_bytes() if said else b""
    got = {e["name"]: blob[e.get("offset", 0) :][: e["length"]] for e in said}
    assert got == want


def test_a_name_does_not_make_another_format_safetensors(tf_cli, tmp_path):
    with zipfile.ZipFile(tmp_path / "torch.safetensors", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    (tmp_path / "pointer.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    for name in ("torch", "pointer"):
        assert_refused(tf_cli, tmp_path / f"{name}.safetensors", 4, tmp_path / "out", "unknown_format")
    np.save(tmp_path / "a.npy", np.arange(3))
    os.rename(tmp_path / "a.npy", tmp_path / "a.safetensors")
    assert len(tf_cli.listing(tmp_path / "a.safetensors")) == 1


def test_an_unknown_element_type_is_unsupported(tf_cli, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(made({"a": told(0, 4, "I128", []), "b": told(4, 8)}, b"12345678"))
    assert_refused(tf_cli, tmp_path / "a.safetensors", 4, tmp_path / "out", "I128")
    assert set(tf_cli.listing(tmp_path / "a.safetensors")) == {"a", "b"}
    tf_cli.convert(tmp_path / "a.safetensors", tmp_path / "o.npz", "--include", "b")


def test_a_header_above_the_limit_is_not_read(tf_cli, tmp_path):
    with open(tmp_path / "a.safetensors", "wb") as file:
        file.write(struct.pack("<Q", 100_000_001) + b'{"w":')
        file.truncate(100_000_100)
    done, took = tf_cli.measured("convert", tmp_path / "a.safetensors", tmp_path / "o.npz")
    done.fails_with(5, "limit")
    assert took["peak_kib"] < 64 * 1024 and not (tmp_path / "o.npz").exists(), took


def test_100_000_tensors_are_listed_quickly(tf_cli, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(made({f"t{i}": told(i, i + 1) for i in range(100_000)}, bytes(100_000)))
    began = time.monotonic()
    assert len(tf_cli.listing(tmp_path / "a.safetensors")) == 100_000
    assert time.monotonic() - began < 5


# ---- several files -------------------------------------------------------------------------------------------

def sharded(folder, shards: dict[str, dict], weights: dict[str, str]):
    """Each shard holds its tensors' bytes; the index says `weights`."""
    folder.mkdir()
    for name, tensors in shards.items():
        header, data = {}, b""
        for tensor, raw in tensors.items():
            header[tensor] = told(len(data), len(data) + len(raw))
            data += raw
        (folder / name).write_bytes(made(header, data))
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": weights}))
    return index


ESCAPES = ["../secret.safetensors", "/etc/passwd", "https://example.com/a.safetensors", "x/../../secret.safetensors",
           "file:///etc/passwd"]


@pytest.mark.parametrize("name", ESCAPES)
def test_an_index_cannot_leave_its_folder(name, tf_cli, tmp_path):
    (tmp_path / "secret.safetensors").write_bytes(made(ONE, b"1234"))
    index = sharded(tmp_path / "model", {}, {"w": name})
    for source in (index, index.parent):
        assert_refused(tf_cli, source, 5, tmp_path / "out")


def test_a_link_out_of_the_folder_is_unsafe(tf_cli, tmp_path):
    (tmp_path / "secret.safetensors").write_bytes(made(ONE, b"1234"))
    index = sharded(tmp_path / "model", {}, {"w": "a.safetensors"})
    (index.parent / "a.safetensors").symlink_to("../secret.safetensors")
    assert_refused(tf_cli, index, 5, tmp_path / "out")


def test_links_of_a_download_cache_are_followed(tf_cli, tmp_path):
    made_here = tmp_path / "plain"
    index = sharded(made_here, {"a.safetensors": {"a": b"12"}, "b.safetensors": {"b": b"345"}},
                    {"a": "a.safetensors", "b": "b.safetensors"})
    hub = tmp_path / "models--x--y"
    snapshot = hub / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (hub / "blobs").mkdir()
    for i, file in enumerate(sorted(made_here.iterdir())):
        os.rename(file, hub / "blobs" / f"blob{i}")
        (snapshot / file.name).symlink_to(f"../../blobs/blob{i}")
    for source in (snapshot, snapshot / index.name):
        assert {n for n in tf_cli.listing(source)} == {"a", "b"}
        tf_cli.hash(source)
    assert set(tf_cli.listing(snapshot / "b.safetensors")) == {"b"}


def test_missing_files_are_all_named(tf_cli, tmp_path):
    index = sharded(tmp_path / "model", {"a.safetensors": {"a": b"12"}},
                    {"a": "a.safetensors", "b": "b.safetensors", "c": "c.safetensors"})
    assert_refused(tf_cli, index, 6, tmp_path / "out", "b.safetensors", "c.safetensors")
    assert set(tf_cli.listing(index)) == {"a", "b", "c"}
    tf_cli.convert(index, tmp_path / "o.npz", "--include", "a")


MODELS = {
    "shard lacks a tensor": ({"a.safetensors": {"a": b"1"}}, {"a": "a.safetensors", "b": "a.safetensors"}),
    "tensor in two shards": ({"a.safetensors": {"a": b"1"}, "b.safetensors": {"a": b"2", "b": b"3"}},
                             {"a": "a.safetensors", "b": "b.safetensors"}),
    "tensor in another shard": ({"a.safetensors": {"a": b"1", "b": b"2"}, "b.safetensors": {"c": b"3"}},
                                {"a": "a.safetensors", "b": "b.safetensors", "c": "b.safetensors"}),
}


@pytest.mark.parametrize("label", MODELS)
def test_an_index_that_contradicts_its_files_is_corrupt(label, tf_cli, tmp_path):
    assert_refused(tf_cli, sharded(tmp_path / "model", *MODELS[label]), 3, tmp_path / "out")


INDEXES = {
    "no map": '{"metadata":{"a":"b.safetensors"}}',
    "map is a list": '{"weight_map":["a.safetensors"]}',
    "map of numbers": '{"weight_map":{"a":1,"b":"a.safetensors"}}',
    "map of objects": '{"weight_map":{"a":{"x":"a.safetensors"}}}',
    "map twice": '{"weight_map":{"a":"a.safetensors"},"weight_map":{"a":"a.safetensors"}}',
    "tensor twice": '{"weight_map":{"a":"a.safetensors","a":"a.safetensors"}}',
    "cut": '{"weight_map":{"a":"a.safetensors"',
    "deep": '{"weight_map":{"a":"a.safetensors"},"x":' + DEEP,
}


@pytest.mark.parametrize("label", INDEXES)
def test_a_malformed_index_is_corrupt(label, tf_cli, tmp_path):
    index = sharded(tmp_path / "model", {"a.safetensors": {"a": b"1"}}, {})
    index.write_text(INDEXES[label])
    assert_refused(tf_cli, index, 3, tmp_path / "out")
    assert_refused(tf_cli, index.parent, 3, tmp_path / "out2")


def test_a_damaged_shard_is_corrupt_and_named(tf_cli, tmp_path):
    index = sharded(tmp_path / "model", {"a.safetensors": {"a": b"12"}, "b.safetensors": {"b": b"34"}},
                    {"a": "a.safetensors", "b": "b.safetensors"})
    raw = (index.parent / "b.safetensors").read_bytes()
    (index.parent / "b.safetensors").write_bytes(raw[:-1])
    assert_refused(tf_cli, index, 3, tmp_path / "out", "b.safetensors")
