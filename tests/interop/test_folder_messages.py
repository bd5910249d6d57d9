"""A folder that is of no format itself: why, and what there is to name instead."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import h5py
import numpy as np
import pytest
import safetensors.numpy

A = np.arange(3, dtype="f4")
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1234\n"


def names(done) -> list[str]:
    return [tensor["name"] for tensor in json.loads(done.succeeds().out)["tensors"]]


def hdf5(path):
    with h5py.File(path, "w") as file:
        file["w"] = A
    return path


def test_several_safetensors_are_listed(tf_cli, tmp_path):
    for name in ("model.safetensors", "model.fp16.safetensors"):
        safetensors.numpy.save_file({"a": A}, tmp_path / name)
    tf_cli("ls", tmp_path).fails_with(2, "several_files", "model.fp16.safetensors", "model.safetensors", "name one")
    for i in range(9):
        safetensors.numpy.save_file({"a": A}, tmp_path / f"z{i}.safetensors")
    tf_cli("ls", tmp_path).fails_with(2, "and 6 more")


def test_shards_without_their_index_say_that_it_is_missing(tf_cli, tmp_path):
    for i in (1, 2):
        safetensors.numpy.save_file({f"a{i}": A}, tmp_path / f"model-0000{i}-of-00002.safetensors")
    tf_cli("ls", tmp_path).fails_with(6, "input.missing_index", "model.safetensors.index.json", "model-00001-of-00002")


def test_several_indexes_are_listed_and_one_variant_is_read(tf_cli, tmp_path):
    """Cause: diffusers calls the index of a variant `model.safetensors.index.fp16.json`."""
    shards = [f"model.fp16-0000{i}-of-00002.safetensors" for i in (1, 2)]
    for name, shard in zip("ab", shards):
        safetensors.numpy.save_file({name: A.astype("f2")}, tmp_path / shard)
    index = tmp_path / "model.safetensors.index.fp16.json"
    index.write_text(json.dumps({"metadata": {"total_size": 12}, "weight_map": dict(zip("ab", shards))}))
    assert names(tf_cli("ls", index, "--json")) == names(tf_cli("ls", tmp_path, "--json")) == ["a", "b"]
    tf_cli("convert", tmp_path, tmp_path / "o.npz").succeeds()
    assert np.array_equal(np.load(tmp_path / "o.npz")["b"], A.astype("f2"))
    (tmp_path / "o.npz").unlink()
    shutil.copy(index, tmp_path / "model.safetensors.index.json")
    tf_cli("ls", tmp_path).fails_with(2, "several_files", "model.safetensors.index.fp16.json",
                                      "model.safetensors.index.json")
    assert names(tf_cli("ls", index, "--json")) == ["a", "b"]
    tf_cli("ls", tmp_path / "model.safetensors.index.fp32.txt").fails_with(6, "input.missing")


def test_half_a_checkpoint_says_which_half(tf_cli, fresh_checkpoints, tmp_path):
    made = next(iter(fresh_checkpoints.values()))
    shutil.copy(f"{made.prefix}.index", tmp_path / "best.index")
    assert "best.data-00000-of-0000" in tf_cli("ls", tmp_path).succeeds().err
    tf_cli("hash", tmp_path).fails_with(6, "best.data-00000-of-0000")
    (tmp_path / "best.index").unlink()
    for file in made.prefix.parent.glob(f"{made.prefix.name}.data-*"):
        shutil.copy(file, tmp_path / file.name.replace(made.prefix.name, "m"))
    tf_cli("ls", tmp_path).fails_with(6, "input.missing", "m.data-00000-of-0000", "m.index")


def test_links_that_lead_out_name_the_option(tf_cli, tmp_path):
    np.save(tmp_path / "a.npy", A)
    hdf5(tmp_path / "w.h5")
    for file in ("a.npy", "w.h5"):
        folder = tmp_path / f"links-{file}"
        folder.mkdir()
        (folder / file).symlink_to(f"../{file}")
        done = tf_cli("hash", folder)
        done.fails_with(5, "unsafe.link_leaves_folder", "--follow-links", f"{folder}/{file}")
        tf_cli("hash", folder, "--follow-links").succeeds()
        tf_cli("ls", folder / file).succeeds()


def test_links_that_lead_nowhere_are_named(tf_cli, tmp_path):
    (tmp_path / "model.safetensors").symlink_to("../blobs/absent")
    done = tf_cli("ls", tmp_path)
    assert done.code == 6 and "model.safetensors" in done.err and "input.missing" in done.err, done
    (tmp_path / "model.safetensors").unlink()
    np.save(tmp_path / "a.npy", A)
    (tmp_path / "b.npy").symlink_to("absent.npy")
    tf_cli("hash", tmp_path).fails_with(6, "input.missing", "b.npy")


def as_nobody(tf_cli, *args):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become somebody who has no permission")
    words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", tf_cli.program, *map(str, args)]
    if subprocess.run([*words[:6], "test", "-x", tf_cli.program]).returncode != 0:
        pytest.skip("the program lies where nobody else may look")
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def test_files_without_permission_are_named(tf_cli, tmp_path_factory):
    import tempfile
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        for make, file in ((hdf5, "w.h5"), (lambda path: np.save(path, A), "a.npy"),
                           (lambda path: safetensors.numpy.save_file({"a": A}, path), "m.safetensors")):
            folder = f"{name}/{file}-folder"
            os.mkdir(folder)
            make(f"{folder}/{file}")
            os.chmod(f"{folder}/{file}", 0)
            done = as_nobody(tf_cli, "hash", folder)
            assert done.returncode == 6 and "EACCES" in done.stderr and file in done.stderr, done
        os.chmod(folder, 0)
        done = as_nobody(tf_cli, "ls", folder)
        assert done.returncode == 6 and "input.permission" in done.stderr, done


def test_the_only_model_in_a_folder_is_read_with_a_note(tf_cli, tmp_path):
    hdf5(tmp_path / "weights.h5")
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "config.json").write_text("{}")
    done = tf_cli("ls", tmp_path, "--json")
    assert names(done) == ["w"] and "weights.h5" in json.loads(done.out)["notes"][0]["text"]
    assert "weights.h5" in tf_cli("ls", tmp_path).succeeds().err
    done = tf_cli("convert", tmp_path, tmp_path / "out.npz").succeeds()
    assert "weights.h5" in done.err and np.array_equal(np.load(tmp_path / "out.npz")["w"], A)
    done = tf_cli("ls", tmp_path)
    done.fails_with(2, "usage.several_files", "out.npz (npz)", "weights.h5 (hdf5)")


def test_what_a_folder_without_a_model_holds_is_told(tf_cli, tmp_path):
    tf_cli("ls", tmp_path).fails_with(4, "unsupported.unknown_format", "no regular files")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "device").symlink_to("/dev/null")
    assert "hidden" not in tf_cli("ls", tmp_path).fails_with(4, "unknown_format", "no regular files").err
    np.save(tmp_path / ".a.npy", A)
    tf_cli("ls", tmp_path).fails_with(4, "unknown_format", "no regular files in it but hidden ones")
    (tmp_path / "page").write_bytes(b"<!DOCTYPE html><html>")
    tf_cli("ls", tmp_path).fails_with(4, "unsupported.unknown_format", "page (a web page")


def test_a_git_lfs_pointer_is_named_wherever_it_stands(tf_cli, tmp_path):
    pointer = tmp_path / "alone" / "model.h5"
    pointer.parent.mkdir()
    pointer.write_bytes(POINTER)
    assert "git lfs pull" in tf_cli("ls", pointer).err
    tf_cli("ls", pointer.parent).fails_with(3, "corrupt.lfs_pointer", "git lfs pull", "model.h5")

    shards = tmp_path / "shards"
    shards.mkdir()
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    safetensors.numpy.save_file({"a": A}, shards / names[0])
    (shards / names[1]).write_bytes(POINTER)
    (shards / "model.safetensors.index.json").write_text(json.dumps({"weight_map": dict(zip("ab", names))}))
    tf_cli("hash", shards).fails_with(3, "corrupt.lfs_pointer", names[1])
    tf_cli("convert", shards, tmp_path / "o.npz").fails_with(3, "lfs_pointer", names[1])
    assert not (tmp_path / "o.npz").exists()

    folder = tmp_path / "folder"
    folder.mkdir()
    np.save(folder / "a.npy", A)
    (folder / "b.npy").write_bytes(POINTER)
    tf_cli("hash", folder).fails_with(3, "lfs_pointer", "b.npy")


def test_a_pointer_that_is_long_enough_is_not_read_as_elements(tf_cli, tmp_path):
    """Cause: 100 bytes of elements fit into the text that stands for the file of external data."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    weights = numpy_helper.from_array(np.arange(25, dtype="f4"), "w")
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [],
                              [helper.make_tensor_value_info("y", 1, [25])], [weights])
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx", save_as_external_data=True, location="m.data",
              size_threshold=0)
    tf_cli("ls", tmp_path / "m.onnx").succeeds()
    (tmp_path / "m.data").write_bytes(POINTER)
    tf_cli("convert", tmp_path / "m.onnx", tmp_path / "o.npz").fails_with(3, "lfs_pointer", "m.data")
    manifest = {"tensorferry": 1, "tensors": [{"name": "a", "dtype": "float32", "shape": [5], "file": "w.bin"}]}
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "raw/w.bin").write_bytes(POINTER)
    tf_cli("convert", tmp_path / "raw", tmp_path / "o.npz").fails_with(3, "lfs_pointer", "w.bin")


def test_messages_name_arrays_by_the_path_that_was_given(tf_cli, tmp_path):
    np.save(tmp_path / "a.npy", A)
    (tmp_path / "b.npy").write_bytes(b"no array")
    done = subprocess.run([tf_cli.program, "hash", f"../{tmp_path.name}"], cwd=tmp_path, capture_output=True, text=True)
    assert f"../{tmp_path.name}/b.npy" in done.stderr, done


def test_arrays_do_not_hide_a_model_beside_them(tf_cli, tmp_path):
    np.save(tmp_path / "mean.npy", A)
    for i in range(250):
        (tmp_path / f"a{i}.txt").write_text("text")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "README.md").write_text("hello")
    np.save(tmp_path / "std.npy", A)
    assert names(tf_cli("ls", tmp_path, "--json")) == ["mean", "std"]
    hdf5(tmp_path / "model.h5")
    tf_cli("ls", tmp_path).fails_with(2, "usage.several_files", "model.h5 (hdf5)", "mean.npy (npy)", "--from npy")
    assert names(tf_cli("ls", tmp_path, "--json", "--from", "npy")) == ["mean", "std"]
    (tmp_path / "model.h5").write_bytes(POINTER)
    tf_cli("ls", tmp_path).fails_with(3, "corrupt.lfs_pointer", "model.h5")
    (tmp_path / "model.h5").unlink()
    for name in "xy":
        safetensors.numpy.save_file({"a": A}, tmp_path / f"{name}.safetensors")
    tf_cli("ls", tmp_path).fails_with(2, "usage.several_files", "x.safetensors", "y.safetensors", "mean.npy")


def test_a_set_that_has_only_some_of_its_names_is_no_model(tf_cli, tmp_path):
    """Cause: killed while its files get their names, a conversion leaves a shard that looks like the only model."""
    index = tmp_path / "m.safetensors.index.json"
    shard = tmp_path / "m-00001-of-00002.safetensors"
    safetensors.numpy.save_file({"a": A}, shard)
    journal = tmp_path / f".{index.name}.commit"
    journal.write_text("notes of my own\n")
    tf_cli("ls", tmp_path).succeeds()
    tf_cli("ls", index).fails_with(6, "input.missing")
    journal.write_text("tensorferry commit 1\n1 1 host\n")
    for name in (tmp_path, index, tmp_path / "m", tmp_path / "m.safetensors"):
        tf_cli("ls", name).fails_with(6, "input.unfinished", "run again")
    tf_cli("ls", tmp_path, "--from", "safetensors").fails_with(6, "input.unfinished")
    tf_cli("ls", tmp_path / "other").fails_with(6, "input.missing")
    tf_cli("ls", shard).succeeds()
    index.write_text(json.dumps({"weight_map": {"a": shard.name}}))  # with its first file the set stands
    tf_cli("ls", tmp_path).succeeds()


def test_a_killed_conversion_is_not_read_and_mended_by_the_next(tf_cli, tmp_path):
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    np.savez(tmp_path / "in.npz", a=np.zeros(4000, "f4"), b=np.ones(4000, "f4"))
    out = tmp_path / "out"
    out.mkdir()
    command = ["convert", tmp_path / "in.npz", out / "m.safetensors", "--split-max-size", "20000"]
    for call in range(1, 9):
        subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject=linkat:signal=KILL:when={call}",
                        tf_cli.program, *map(str, command)], capture_output=True, timeout=60)
        if (out / ".m.safetensors.index.json.commit").exists() and any(out.glob("m-*")):
            break
    else:
        pytest.skip("this file system gives names in another way")
    tf_cli("ls", out).fails_with(6, "input.unfinished")
    tf_cli("ls", out / "m.safetensors.index.json").fails_with(6, "input.unfinished")
    tf_cli(*command, "--overwrite").succeeds()
    assert names(tf_cli("ls", out, "--json")) == ["a", "b"]
