"""Element types that .npy headers name by words of ml_dtypes, and text of a fixed width. numpy and ml_dtypes are the judges."""

from __future__ import annotations

import io
import json
import struct
import zipfile

import ml_dtypes
import numpy as np
import pytest

NAMED = ("bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2", "float8_e5m2fnuz",
         "float8_e8m0fnu", "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "int4", "uint4", "int2", "uint2")
STRINGS = ["", "a", "Zürich", "日本語", "🦀 x", "a\0b", "tail\0"]


def npy(descr: str, shape, elements: bytes, order=False) -> bytes:
    text = repr({"descr": descr, "fortran_order": order, "shape": shape}).encode()
    text += b" " * ((-len(text) - 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + elements


def archive(path, **members: bytes):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def values(tf_cli, path, name):
    return json.loads(tf_cli("print", path, name, "--json").succeeds().out)["tensors"][0]


def flat(value):
    return [x for v in value for x in flat(v)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("dtype", NAMED)
def test_a_descr_that_is_the_name_of_an_ml_dtypes_type(tf_cli, dtype, tmp_path):
    """Cause: such headers are written where the type was registered by its name; np.load reads them."""
    array = np.array([[0, 1, -1], [0.5, 1, 0]], "f4")
    if dtype.startswith("u") or dtype.startswith("float8_e8m0"):
        array = np.abs(array) + 1 if dtype.startswith("float8_e8m0") else np.abs(array)
    array = array.astype(getattr(ml_dtypes, dtype))
    for order in (False, True):
        content = npy(dtype, (2, 3), array.tobytes("F" if order else "C"), order)
        (tmp_path / "a.npy").write_bytes(content)
        loaded = np.load(tmp_path / "a.npy")
        assert loaded.dtype == array.dtype and np.array_equal(loaded, array)
        (listed,) = json.loads(tf_cli("ls", tmp_path / "a.npy", "--json").succeeds().out)["tensors"]
        assert (listed["dtype"], listed["shape"]) == (dtype, [2, 3])
        shown = [float(v) for v in flat(values(tf_cli, tmp_path / "a.npy", "a")["values"])]
        assert shown == [float(v) for v in array.flatten()], (dtype, order)
        path = archive(tmp_path / "a.npz", w=content)
        tf_cli("diff", tmp_path / "a.npy", path, "--map", mapping(tmp_path, {"a": "w"})).succeeds()
        tf_cli("convert", path, tmp_path / "o.safetensors", "--overwrite", "--verify").succeeds()


def mapping(folder, names):
    (folder / "names.json").write_text(json.dumps(names))
    return folder / "names.json"


def test_the_bits_of_a_named_type_are_moved(tf_cli, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    codes = np.arange(1 << 16, dtype="<u2")
    (tmp_path / "a.npy").write_bytes(npy("bfloat16", (1 << 16,), codes.tobytes()))
    tf_cli("convert", tmp_path / "a.npy", tmp_path / "a.safetensors").succeeds()
    content = (tmp_path / "a.safetensors").read_bytes()
    assert content.endswith(codes.tobytes()) and b'"BF16"' in content
    assert safetensors.load_file(tmp_path / "a.safetensors")["a"].view("u2").tobytes() == codes.tobytes()


def test_an_unknown_name_is_listed_with_its_reason(tf_cli, tmp_path):
    (tmp_path / "a.npy").write_bytes(npy("float8_e3m4", (3,), b"abc"))
    assert "float8_e3m4" in tf_cli("ls", tmp_path / "a.npy").succeeds().out
    tf_cli("hash", tmp_path / "a.npy").fails_with(4, "unsupported.dtype", "float8_e3m4")


@pytest.mark.parametrize("order", ["<", ">"])
def test_text_of_a_fixed_width_is_read_as_strings(tf_cli, order, tmp_path):
    """Cause: one array of text refused the whole npz."""
    array = np.array(STRINGS + ["x"], dtype=f"{order}U7").reshape(2, 4)
    for name, kept in {"c": array, "f": np.asfortranarray(array)}.items():
        np.save(tmp_path / f"{name}.npy", kept)
        got = values(tf_cli, tmp_path / f"{name}.npy", name)
        assert got["dtype"] == "string" and got["values"] == np.load(tmp_path / f"{name}.npy").tolist()
    np.savez_compressed(tmp_path / "a.npz", text=array, empty=np.array([], "U3"), none=np.array(["", ""], "U"),
                        scalar=np.array("ß"), w=np.arange(3), raw=np.array([b"a", b"bc\0"], "S3"))
    tf_cli("verify", tmp_path / "a.npz").succeeds()
    tf_cli("convert", tmp_path / "a.npz", tmp_path / "a.h5").succeeds()
    import h5py
    with h5py.File(tmp_path / "a.h5") as file:
        assert [[bytes(s).decode() for s in row] for row in file["text"][()]] == array.tolist()
        assert bytes(file["scalar"][()]).decode() == "ß" and np.array_equal(file["w"], np.arange(3))
        assert [bytes(s) for s in file["raw"][()]] == [b"a", b"bc"]


@pytest.mark.parametrize("code, exit_code", [(0xD800, 4), (0xDFFF, 4), (0x110000, 3), (0xFFFFFFFF, 3)])
def test_a_number_that_is_no_character_is_refused(tf_cli, code, exit_code, tmp_path):
    content = npy("<U2", (2,), struct.pack("<4I", 65, 0, 66, code))
    (tmp_path / "a.npy").write_bytes(content)
    tf_cli("ls", tmp_path / "a.npy").succeeds()
    done = tf_cli("convert", tmp_path / "a.npy", tmp_path / "o.h5")
    done.fails_with(exit_code, "element 1", "not a character")
    assert not (tmp_path / "o.h5").exists()


def test_a_member_that_cannot_be_read_does_not_refuse_its_siblings(tf_cli, tmp_path):
    records = np.zeros(2, dtype=[("a", "i4"), ("b", "f4")])
    np.savez(tmp_path / "a.npz", w=np.arange(3), objects=np.array([{}, 1], dtype=object), records=records,
             dates=np.array(["2020-01-01"], "M8[D]"), text=np.array(["x"]))
    done = tf_cli("ls", tmp_path / "a.npz", "--json")
    listed = {t["name"]: t for t in json.loads(done.out)["tensors"]}
    assert set(listed) == {"w", "objects", "records", "dates", "text"} and done.code == 0
    bad = {name for name, tensor in listed.items() if "problem" in tensor}
    assert bad == {"objects", "records", "dates"}
    tf_cli("convert", tmp_path / "a.npz", tmp_path / "o.npz").fails_with(4, "objects", "records", "dates")
    tf_cli("convert", tmp_path / "a.npz", tmp_path / "o.npz", *[f"--exclude={name}" for name in bad]).succeeds()
    assert np.array_equal(np.load(tmp_path / "o.npz")["w"], np.arange(3))
    tf_cli("print", tmp_path / "a.npz", "w").succeeds()


def test_named_types_of_the_reports(tf_cli, fixtures_root):
    folder = fixtures_root / "reports/10_npy_named_descr"
    if not folder.is_dir():
        pytest.skip("the reports are not there")
    for file in folder.glob("*.npy"):
        (tensor,) = json.loads(tf_cli("ls", file, "--json").succeeds().out)["tensors"]
        assert tensor["dtype"] == file.stem
        assert [float(v) for v in values(tf_cli, file, file.stem)["values"]] == [1, 2, 3]


def test_json_escapes_what_could_fake_a_line(tf_cli, tmp_path):
    """Cause: DEL, C1 and characters that turn the direction of text went to the terminal as they are."""
    harmful = [0x7F, *range(0x80, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF]
    name = "n" + "".join(map(chr, harmful)) + "é日🦀\t\"\\"
    content = io.BytesIO()
    np.save(content, np.array([name, "plain"]))
    archive(tmp_path / "a.npz", **{"t": content.getvalue()})
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file({name: np.arange(3)}, tmp_path / "a.safetensors", metadata={name: name})
    path = tmp_path / "a.safetensors"
    for words in (["ls", path, "--json"], ["info", path, "--json"], ["print", path, name, "--json"],
                  ["hash", path, "--json"], ["stats", path, "--json"], ["verify", path, "--json"],
                  ["diff", path, tmp_path / "a.npz", "--json"], ["convert", path, tmp_path / "o.npz", "-n", "--json"],
                  ["print", tmp_path / "a.npz", "t", "--json"]):
        out = tf_cli(*words).out
        assert json.loads(out) and name in json.dumps(json.loads(out), ensure_ascii=False).replace("\\t", "\t").replace(
            '\\"', '"').replace("\\\\", "\\"), words
        assert not any(chr(c) in out for c in harmful), words
        assert "é日🦀" in out, words
    for words in (["ls", path], ["info", path], ["print", path, name], ["stats", path], ["verify", path]):
        done = tf_cli(*words)
        assert not any(chr(c) in done.out + done.err for c in harmful), words
