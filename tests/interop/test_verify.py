"""`verify`: every changed byte of data is found where the format has checksums, and it says where there are none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from raw_input import write_raw


def checks(tf_cli, path):
    return json.loads(tf_cli("verify", path, "--json").succeeds().out)["tensors"]


@pytest.mark.parametrize("kind", ["crc32c", "sha256"])
def test_a_changed_byte_of_a_raw_folder(tf_cli, tmp_path, kind):
    made = {"w": ("float32", np.arange(5, dtype="f4")), "s": ("string", np.array([b"ab", b""], dtype=object))}
    folder = write_raw(tmp_path / "raw", made, checksum=kind)
    assert [c["checksums"] for c in checks(tf_cli, folder)] == [[kind], [kind]]
    data = folder / "weights.bin"
    whole = data.read_bytes()
    for at in range(len(whole)):
        data.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1:])
        tf_cli("verify", folder).fails_with(3)
    data.write_bytes(whole)
    tf_cli("verify", folder).succeeds()
    data.unlink()
    tf_cli("verify", folder).fails_with(6)


def test_no_checksum_is_said(tf_cli, tmp_path):
    folder = write_raw(tmp_path / "raw", {"w": ("float32", np.arange(5, dtype="f4"))})
    assert checks(tf_cli, folder)[0]["checksums"] == []
    assert "has no checksum" in tf_cli("verify", folder).succeeds().out


def test_a_changed_byte_of_a_checkpoint(tf_cli, tmp_path, repository):
    for file in (repository / "samples" / "trained_model").glob("model.ckpt-300.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    prefix = tmp_path / "model.ckpt-300"
    assert all(c["checksums"] == ["crc32c"] for c in checks(tf_cli, prefix))
    for name in ("model.ckpt-300.data-00000-of-00001", "model.ckpt-300.index"):
        data = tmp_path / name
        whole = data.read_bytes()
        for at in range(0, len(whole), 13):
            data.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1:])
            done = tf_cli("verify", prefix)
            if "data" in name:
                done.fails_with(3)
            else:
                assert done.code != 70, done
        data.write_bytes(whole)


def test_a_changed_byte_of_every_format_that_has_checksums(tf_cli, tmp_path):
    """What a writer gives a checksum to is found, whatever the format."""
    marker = np.frombuffer(b"the marker of one tensor", np.uint8)
    source = write_raw(tmp_path / "in", {"w": ("uint8", np.concatenate([np.zeros(900, "u1"), marker]))})
    formats = json.loads(tf_cli("formats", "--json").succeeds().out)["formats"]
    covered = []
    for name in [f["name"] for f in formats if f["reads"] and f["writes"]]:
        target = tmp_path / f"to-{name}"
        tf_cli.convert(source, target, "--to", name)
        has_checksum = checks(tf_cli, target)[0]["checksums"] != []
        parts = list(target.rglob("*")) if target.is_dir() else list(tmp_path.glob(f"to-{name}*"))
        files = [p for p in parts if p.is_file() and marker.tobytes() in p.read_bytes()]
        if not has_checksum or not files:
            continue
        whole = files[0].read_bytes()
        files[0].write_bytes(whole.replace(b"the marker", b"The marker"))
        tf_cli("verify", target).fails_with(3)
        covered.append(name)
    assert "raw" in covered
