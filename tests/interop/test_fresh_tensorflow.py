"""Checkpoints that TensorFlow writes during this run give what TensorFlow itself reads from them.

test_raw, test_npy, test_hdf5 and test_onnx carry the same checkpoints through each output format.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

import judge
import readback
from arrays import TENSORFLOW_DTYPES


def test_hash_gives_what_tensorflow_reads(fresh_one, tf_cli):
    prefix, want = fresh_one
    got, digest = tf_cli.hash(prefix)
    judge.assert_same(got, want, str(prefix))
    assert digest == judge.digest(want)


def test_the_fresh_checkpoints_hold_every_dtype_that_tensorflow_saves(fresh_checkpoints):
    held = {t.dtype for t in fresh_checkpoints["every_dtype"].tensors}
    assert held == set(TENSORFLOW_DTYPES) and len(held) == 31


def test_bookkeeping_is_hashed_but_no_part_of_the_digest(fresh_checkpoints, tf_cli):
    made = fresh_checkpoints["keras_object_graph"]
    got, digest = tf_cli.hash(made.prefix)
    graph = [t for t in got if t.name == "_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert len(graph) == 1 and graph[0].bookkeeping
    assert digest == judge.digest(judge.weights(got)) == judge.digest(made.tensors)


def test_bookkeeping_is_converted_when_asked(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["max_shard_size"]
    tf_cli.convert(made.prefix, tmp_path / "out", "--to", "raw", "--bookkeeping")
    judge.assert_same(readback.raw_folder(tmp_path / "out"), made.tensors)


def test_a_saved_model_folder_is_an_input(fresh_checkpoints, tf_cli):
    made = fresh_checkpoints["saved_model"]
    assert tf_cli.hash(made.prefix.parent.parent)[1] == judge.digest(made.tensors)


def test_a_folder_with_a_checkpoint_file_is_its_newest_checkpoint(fresh_checkpoints, tf_cli):
    made = fresh_checkpoints["keras_object_graph"]
    folder = made.prefix.parent
    assert (folder / "checkpoint").is_file()
    for way in (folder, folder / "checkpoint", made.prefix):
        assert tf_cli.hash(way)[1] == judge.digest(made.tensors), way


def test_a_prefix_with_glob_characters_is_read_literally(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["sliced_by_hand"]
    for suffix in (".index", ".data-00000-of-00001"):
        shutil.copy(f"{made.prefix}{suffix}", tmp_path / f"ck[1]*{suffix}")
    assert tf_cli.hash(tmp_path / "ck[1]*")[1] == judge.digest(made.tensors)


def test_a_hugging_face_style_cache_of_symlinks_is_read(fresh_checkpoints, tf_cli, tmp_path):
    """The named files are links into a folder of blobs, each link leading elsewhere."""
    made = fresh_checkpoints["sharded"]
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "main"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for i, file in enumerate(sorted(made.prefix.parent.glob(f"{made.prefix.name}.*"))):
        shutil.copy(file, blobs / f"blob{i}")
        (snapshot / file.name).symlink_to(Path("..") / ".." / "blobs" / f"blob{i}")
    assert tf_cli.hash(snapshot / made.prefix.name)[1] == judge.digest(made.tensors)


def test_bool_bytes_other_than_0_and_1_are_true_as_in_tensorflow(tf_cli, tmp_path):
    import bundle_writer
    import fresh

    bundle = bundle_writer.Bundle()
    bundle.add_payload(b"flags", bundle_writer.ENUM["bool"], (4,), bytes([0, 1, 2, 255]))
    prefix = bundle.write(tmp_path / "b")
    want = fresh.restore(prefix, {b"flags": "bool"})
    judge.assert_same(tf_cli.hash(prefix)[0], [judge.tensor("flags", np.array([False, True, True, True]), "bool")])
    assert want[0].shape == (4,)
    tf_cli.convert(prefix, tmp_path / "out", "--to", "npy")
    assert np.load(tmp_path / "out" / "flags.npy").view(np.uint8).tolist() == [0, 1, 1, 1]


def test_junk_in_the_upper_bits_of_sub_byte_types_is_dropped(tf_cli, tmp_path):
    import bundle_writer

    bundle = bundle_writer.Bundle()
    for name in ("int4", "uint4", "int2", "uint2", "float4_e2m1fn"):
        bundle.add_payload(name.encode(), bundle_writer.ENUM[name], (4,), bytes([0xF8, 0x18, 0x07, 0xFF]))
    prefix = bundle.write(tmp_path / "b")
    want = [judge.from_bytes(n, judge.mask_codes(bytes([0xF8, 0x18, 0x07, 0xFF]), n), n, (4,))
            for n in ("int4", "uint4", "int2", "uint2", "float4_e2m1fn")]
    judge.assert_same(tf_cli.hash(prefix)[0], want)
    for form, how in readback.FORMS.items():
        target = tmp_path / how.target
        tf_cli.convert(prefix, target, *how.options)
        judge.assert_same(how.read(target), want, form)
