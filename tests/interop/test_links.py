"""Copies of a model whose files are links: into a download cache, into a store, beside the target of a link."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import safetensors.numpy
from onnx import helper, numpy_helper

A = np.arange(6, dtype="f4")
SHARDS = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
INDEX = "model.safetensors.index.json"


def make_shards(folder):
    folder.mkdir(parents=True)
    for name, shard in zip("ab", SHARDS):
        safetensors.numpy.save_file({name: A}, folder / shard)
    (folder / INDEX).write_text(json.dumps({"weight_map": dict(zip("ab", SHARDS))}))
    return folder


def link_all(source, target, place):
    target.mkdir(parents=True)
    place.mkdir(parents=True, exist_ok=True)
    for i, file in enumerate(sorted(source.iterdir())):
        file.rename(place / f"{i:040x}")
        (target / file.name).symlink_to(place / f"{i:040x}")
    return target


def both(tf_cli, folder, *options):
    """The folder and the index in it: the same answer."""
    done = [tf_cli("ls", folder, *options), tf_cli("ls", folder / INDEX, *options)]
    assert done[0].code == done[1].code and done[0].identifiers == done[1].identifiers, done
    return done[0]


def test_a_copy_of_links_into_a_hub_cache(tf_cli, tmp_path):
    cache = tmp_path / "cache/models--a--b"
    (cache / "snapshots/rev").mkdir(parents=True)
    local = link_all(make_shards(tmp_path / "made"), tmp_path / "local", cache / "blobs")
    both(tf_cli, local).succeeds()
    for file in local.iterdir():
        (cache / "snapshots/rev" / file.name).symlink_to(f"../../blobs/{file.resolve().name}")
    both(tf_cli, cache / "snapshots/rev").succeeds()


def test_links_of_a_cache_lead_into_its_own_blobs_only(tf_cli, tmp_path):
    for name in "ab":
        (tmp_path / f"models--{name}/snapshots/rev").mkdir(parents=True)
        (tmp_path / f"models--{name}/blobs").mkdir()
    np.save(tmp_path / "models--b/blobs/x.npy", A)
    np.save(tmp_path / "models--a/blobs/x.npy", A)
    snapshot = tmp_path / "models--a/snapshots/rev"
    (snapshot / "w.npy").symlink_to("../../blobs/x.npy")
    tf_cli("hash", snapshot).succeeds()
    (snapshot / "w.npy").unlink()
    (snapshot / "w.npy").symlink_to("../../../models--b/blobs/x.npy")
    tf_cli("hash", snapshot).fails_with(5, "unsafe.link_leaves_folder", "--follow-links")
    tf_cli("hash", snapshot, "--follow-links").succeeds()


def test_a_folder_of_links_into_a_store(tf_cli, tmp_path):
    local = link_all(make_shards(tmp_path / "made"), tmp_path / "local", tmp_path / "store")
    both(tf_cli, local).succeeds()  # the index leads into the folder in which its shards lie
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    shard = (local / SHARDS[1]).resolve()
    shard.rename(elsewhere / "x")
    (local / SHARDS[1]).unlink()
    (local / SHARDS[1]).symlink_to(elsewhere / "x")
    both(tf_cli, local).fails_with(5, "unsafe.link_leaves_folder", "--follow-links", SHARDS[1])
    both(tf_cli, local, "--follow-links").succeeds()
    for command in (["convert", local, tmp_path / "o.npz"], ["hash", local], ["diff", local, local], ["verify", local],
                    ["info", local], ["stats", local], ["print", local, "b"], ["roundtrip", local, "--via", "npz"]):
        assert tf_cli(*command).code == 5, command
        tf_cli(*command, "--follow-links").succeeds()
    assert np.array_equal(np.load(tmp_path / "o.npz")["b"], A)


def test_only_the_names_of_links_are_free_not_those_in_files(tf_cli, tmp_path):
    safetensors.numpy.save_file({"a": A}, tmp_path / "a.safetensors")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / INDEX).write_text(json.dumps({"weight_map": {"a": "../a.safetensors"}}))
    tf_cli("ls", tmp_path / "model", "--follow-links").fails_with(5, "unsafe.path")


def test_the_option_is_in_jobs_of_a_batch(tf_cli, tmp_path):
    np.save(tmp_path / "a.npy", A)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/a.npy").symlink_to("../a.npy")
    job = {"in": f"{tmp_path}/model", "out": f"{tmp_path}/o.npz"}
    (tmp_path / "jobs").write_text(json.dumps(job))
    tf_cli("batch", tmp_path / "jobs").fails_with(5, "link_leaves_folder")
    (tmp_path / "jobs").write_text(json.dumps({**job, "follow-links": True}))
    tf_cli("batch", tmp_path / "jobs").succeeds()


def test_what_is_missing_beside_a_link_is_found_beside_its_target(tf_cli, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [],
                              [helper.make_tensor_value_info("y", 1, [6])], [numpy_helper.from_array(A, "w")])
    onnx.save(helper.make_model(graph), store / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    (tmp_path / "mine.onnx").symlink_to("store/m.onnx")
    tf_cli("convert", tmp_path / "mine.onnx", tmp_path / "o.npz").succeeds()
    assert np.array_equal(np.load(tmp_path / "o.npz")["w"], A)
    (tmp_path / "m.data").write_bytes((A + 1).tobytes())  # beside the link comes first
    tf_cli("convert", tmp_path / "mine.onnx", tmp_path / "p.npz").succeeds()
    assert np.array_equal(np.load(tmp_path / "p.npz")["w"], A + 1)


@pytest.mark.parametrize("name", ["m.index", "m", ""])
def test_a_checkpoint_of_links_by_index_prefix_and_folder(tf_cli, fresh_checkpoints, tmp_path, name):
    made = next(iter(fresh_checkpoints.values()))
    store, local = tmp_path / "store", tmp_path / "local"
    store.mkdir(), local.mkdir()
    for file in made.prefix.parent.glob(f"{made.prefix.name}.*"):
        (store / file.name).write_bytes(file.read_bytes())
        (local / file.name.replace(made.prefix.name, "m", 1)).symlink_to(store / file.name)
    tf_cli("ls", local / name).succeeds()
