"""What a batch finds below a folder: damage is one failed job each, and other commands lead here."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from batch_inputs import events

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n".format("0" * 64)
WEIGHTS = {"a": np.arange(600, dtype=np.float32), "b": np.ones((3, 4))}


def write_npy(path: Path):
    np.save(path, WEIGHTS["a"])


def write_npz(path: Path):
    np.savez(path, **WEIGHTS)


def write_safetensors(path: Path):
    save_file(WEIGHTS, path)


def write_h5(path: Path):
    import h5py

    with h5py.File(path, "w") as file:
        for name, array in WEIGHTS.items():
            file[name] = array


def write_onnx(path: Path):
    import onnx

    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in WEIGHTS.items()]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], tensors)), path)


def write_keras(path: Path):
    import keras

    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save(path)


WRITERS = {".npy": write_npy, ".npz": write_npz, ".safetensors": write_safetensors, ".h5": write_h5, ".onnx": write_onnx,
           ".keras": write_keras}  # fmt: skip


def write_checkpoint(prefix: Path):
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, array in WEIGHTS.items():
            tf.compat.v1.get_variable(name, initializer=array)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver(save_relative_paths=True).save(session, str(prefix), write_meta_graph=False,
                                                                write_state=False)


def batch(tf_cli, source, target, *more, code=None):
    """Exit code, and what became of each input by its path below the source."""
    done = tf_cli("batch", "--in", source, "--out", target, "--to", "raw", "--folders", "--no-sync", "--keep-going",
                  "--full-names", "--progress", "json", *more)  # fmt: skip
    told = events("".join(line + "\n" for line in done.err.splitlines() if line.startswith("{")))
    ends = {os.path.relpath(e["in"], source): e for e in told if e["event"] in ("finished", "failed")}
    assert code is None or done.code == code, done
    return done, ends


@pytest.mark.parametrize("what", ["pointer", "empty", "cut", "half", "head", "zeros", "page"])
@pytest.mark.parametrize("ending", WRITERS)
def test_a_model_that_is_not_one_is_a_failed_job(ending, what, tf_cli, tmp_path):
    """Not "left alone" with exit 0."""
    source = tmp_path / "in"
    source.mkdir()
    write_npy(source / "good.npy")
    bad = source / f"bad{ending}"
    WRITERS[ending](bad)
    whole = bad.read_bytes()
    made = {"pointer": LFS.encode(), "empty": b"", "cut": whole[:-3], "half": whole[: len(whole) // 2], "head": whole[:10],
            "zeros": bytes(len(whole)), "page": b"<!DOCTYPE html><html>not found</html>"}  # fmt: skip
    bad.write_bytes(made[what])
    done, ends = batch(tf_cli, source, tmp_path / "out")
    assert done.code in (3, 4, 6), done
    assert {name: end["event"] for name, end in ends.items()} == {"good.npy": "finished", bad.name: "failed"}, done
    if what == "pointer":
        assert "Git LFS" in ends[bad.name]["message"], ends


def test_foreign_files_are_left_alone_and_said(tf_cli, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    write_npy(source / "good.npy")
    (source / "README.md").write_text("# A model\n")
    (source / "picture.png").write_text(LFS)
    (source / "empty.txt").write_text("")
    done = tf_cli("batch", "--in", source, "--out", tmp_path / "out", "--to", "npz").succeeds()
    assert "3 files of no known format left alone" in done.err
    assert [f.name for f in (tmp_path / "out").glob("*.npz")] == ["good.npz"]


def damage_index(folder: Path):
    data = bytearray((folder / "m.index").read_bytes())
    data[5] ^= 0xFF
    (folder / "m.index").write_bytes(data)


def cut_index(folder: Path):
    (folder / "m.index").write_bytes((folder / "m.index").read_bytes()[:50])


def empty_index(folder: Path):
    (folder / "m.index").write_bytes(b"")


def index_is_a_pointer(folder: Path):
    (folder / "m.index").write_text(LFS)


def cut_data(folder: Path):
    data = next(folder.glob("m.data*"))
    data.write_bytes(data.read_bytes()[:-8])


def empty_data(folder: Path):
    next(folder.glob("m.data*")).write_bytes(b"")


def data_is_a_pointer(folder: Path):
    next(folder.glob("m.data*")).write_text(LFS)


def no_data(folder: Path):
    next(folder.glob("m.data*")).unlink()


def no_index(folder: Path):
    (folder / "m.index").unlink()


@pytest.mark.parametrize("damage", [damage_index, cut_index, empty_index, index_is_a_pointer, cut_data, empty_data,
                                    data_is_a_pointer, no_data, no_index], ids=lambda f: f.__name__)  # fmt: skip
def test_a_damaged_pair_is_one_failed_job(damage, tf_cli, tmp_path):
    source = tmp_path / "in"
    (source / "run").mkdir(parents=True)
    write_npy(source / "good.npy")
    write_checkpoint(source / "run" / "m")
    write_checkpoint(source / "run" / "m2")
    damage(source / "run")
    done, ends = batch(tf_cli, source, tmp_path / "out")
    failed = [name for name, end in ends.items() if end["event"] == "failed"]
    assert len(failed) == 1 and failed[0].startswith("run/m.") or failed == ["run/m"], done
    assert {name for name, end in ends.items() if end["event"] == "finished"} == {"good.npy", "run/m2"}, done
    assert done.code in (3, 4, 6)


def shards(folder: Path):
    folder.mkdir(parents=True)
    names = {"a": "m-00001-of-00002.safetensors", "b": "m-00002-of-00002.safetensors"}
    for tensor, name in names.items():
        save_file({tensor: WEIGHTS[tensor]}, folder / name)
    (folder / "m.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))


@pytest.mark.parametrize("which", [1, 2])
@pytest.mark.parametrize("content", [b"", LFS.encode(), None], ids=["empty", "pointer", "cut"])
def test_a_damaged_part_of_a_set_is_one_failed_job(which, content, tf_cli, tmp_path):
    source = tmp_path / "in"
    shards(source)
    part = source / f"m-0000{which}-of-00002.safetensors"
    part.write_bytes(part.read_bytes()[:-1] if content is None else content)
    done, ends = batch(tf_cli, source, tmp_path / "out")
    assert [end["event"] for end in ends.values()] == ["failed"], done


def test_what_lies_beside_a_saved_model_is_no_job(tf_cli, tmp_path):
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self):
            self.v = tf.Variable([1.0, 2.0])

    source = tmp_path / "in"
    for name in ("whole", "broken"):
        tf.saved_model.save(Module(), str(source / name))
    assert (source / "whole" / "fingerprint.pb").exists(), "which is not a model, although it is called .pb"
    (source / "broken" / "variables" / "variables.index").write_text(LFS)
    (source / "frozen.pb").write_bytes(b"")
    _, ends = batch(tf_cli, source, tmp_path / "out")
    states = {name: end["event"] for name, end in ends.items()}
    assert states == {"whole/saved_model.pb": "finished", "broken/saved_model.pb": "failed", "frozen.pb": "failed"}


def test_a_link_that_leads_nowhere_is_a_failed_job(tf_cli, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "model.safetensors").symlink_to("../blobs/missing")
    (source / "README.md").symlink_to("../blobs/missing")
    write_npy(source / "good.npy")
    _, ends = batch(tf_cli, source, tmp_path / "out", code=6)
    assert {name: end["event"] for name, end in ends.items()} == {"good.npy": "finished", "model.safetensors": "failed"}


def deep_folder(base: Path) -> str:
    """A path that is too long to be opened: as root, permissions would not hinder."""
    name = "d" * 200
    before = os.getcwd()
    try:
        os.chdir(base)
        for _ in range(25):
            os.mkdir(name)
            os.chdir(name)
    finally:
        os.chdir(before)
    return name


def remove_deep_folder(base: Path, name: str):
    subprocess.run(["rm", "-rf", name], cwd=base, check=True)


def test_a_folder_that_cannot_be_listed_is_one_failed_job(tf_cli):
    with tempfile.TemporaryDirectory() as base:
        source = Path(base) / "in"
        source.mkdir()
        write_npy(source / "good.npy")
        name = deep_folder(source)
        try:
            done, ends = batch(tf_cli, source, Path(base) / "out", code=6)
            assert ends["good.npy"]["event"] == "finished"
            (failed,) = [end for end in ends.values() if end["event"] == "failed"]
            assert failed["error"] == "input.folder" and "cannot be listed" in failed["message"], done
        finally:
            remove_deep_folder(source, name)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start the program as somebody else")
def test_without_permission_a_folder_and_a_file_are_failed_jobs(tf_cli):
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        folder.chmod(0o755)
        program = shutil.copy(tf_cli.program, folder / "tensorferry")
        for name in ("in/closed", "in/open"):
            (folder / name).mkdir(parents=True)
            write_npy(folder / name / "x.npy")
        write_npy(folder / "in/secret.npy")
        (folder / "in/secret.npy").chmod(0)
        (folder / "in/closed").chmod(0)
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)
        who = {"user": 65534, "group": 65534, "extra_groups": []}
        nobody = type(tf_cli)(str(program))
        done = nobody("batch", "--in", folder / "in", "--out", folder / "out", "--to", "npz", "--keep-going", **who)
        assert done.code == 6, done
        failed = done.out.split("failed:\n")[1].splitlines()
        assert len(failed) == 2 and "in/closed -> " in failed[0] and "in/secret.npy -> " in failed[1], done
        assert (folder / "out/open/x.npz").exists()
        (folder / "in/closed").chmod(0o755)


def test_inputs_of_one_name_lead_to_full_names(tf_cli, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    write_npy(source / "m.npy")
    write_npz(source / "m.npz")
    words = ("batch", "--in", source, "--out", tmp_path / "out", "--to", "safetensors")
    tf_cli(*words).fails_with(2, "usage.job_conflict", "--full-names", "a.npz.safetensors")
    tf_cli(*words, "--dry-run").fails_with(2, "--full-names")
    tf_cli(*words, "--full-names").succeeds()
    assert len(list((tmp_path / "out").glob("*.safetensors"))) == 2


def test_the_missing_option_is_named_alone(tf_cli, tmp_path):
    given = {"--in": tmp_path, "--out": tmp_path / "out", "--to": "npz"}
    for missing in given:
        words = [word for name, value in given.items() if name != missing for word in (name, value)]
        done = tf_cli("batch", *words)
        if missing == "--in" or "--in" in words or "--out" in words:
            done.fails_with(2, f"needs {missing} ")
            assert not any(f"{other} F" in done.err for other in given if other != missing), done


@pytest.fixture
def several(tmp_path):
    """A folder of models of two formats, with a blank in its name."""
    folder = tmp_path / "my models"
    folder.mkdir()
    write_npz(folder / "one.npz")
    write_onnx(folder / "two.onnx")
    write_h5(folder / "three.h5")
    return folder


def run_advice(tf_cli, done, count: int, **words):
    """Types what the message says."""
    line = next(part for part in done.err.splitlines() if "tensorferry batch " in part)
    command = shlex.split(line[line.index("tensorferry batch "):])
    command = [str(words.get(word, word)) for word in command]
    tf_cli(*command[1:]).succeeds()
    out = Path(command[command.index("--out") + 1])
    assert len([f for f in out.rglob("*") if f.suffix in (".npz", ".onnx")]) == count, done


def test_batch_of_a_folder_says_the_command(several, tf_cli, tmp_path):
    done = tf_cli("batch", several, "--exclude", "b", "--to", "npz").fails_with(2, "usage.folder", "--exclude b")
    run_advice(tf_cli, done, 3, FOLDER=tmp_path / "out")
    done = tf_cli("batch", several).fails_with(2, "--out FOLDER --to FORMAT")
    run_advice(tf_cli, done, 3, FOLDER=tmp_path / "again", FORMAT="npz")


def test_convert_of_several_models_leads_to_batch(several, tf_cli, tmp_path):
    done = tf_cli("convert", several, tmp_path / "out", "--to", "npz")
    assert done.code in (2, 4), done
    run_advice(tf_cli, done, 3)
    done = tf_cli("convert", *sorted(several.iterdir()), tmp_path / "three/", "--to", "onnx").fails_with(2)
    run_advice(tf_cli, done, 3)
    apart = tf_cli("convert", several / "one.npz", tmp_path / "x.npz", tmp_path / "out.onnx").fails_with(2)
    assert "JOBS.jsonl" in apart.err


def test_convert_of_several_checkpoints_leads_to_batch(tf_cli, tmp_path):
    for step in (1, 2, 3):
        (tmp_path / "cks").mkdir(exist_ok=True)
        write_checkpoint(tmp_path / "cks" / f"ckpt-{step}")
    done = tf_cli("convert", tmp_path / "cks", tmp_path / "out", "--to", "npz").fails_with(2)
    run_advice(tf_cli, done, 3)
    one = tf_cli("convert", tmp_path / "cks", tmp_path / "out", "--to", "nothing").fails_with(2)
    assert "tensorferry batch" not in one.err


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    """Arrays of 64 MiB that take no disk."""
    folder = tmp_path_factory.mktemp("sparse")
    for i in range(4):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({16 << 20},), }}".ljust(117) + "\n"
        with open(folder / f"a{i}.npy", "wb") as file:
            file.write(b"\x93NUMPY\x01\x00\x76\x00" + header.encode())
            file.truncate(128 + (64 << 20))
    return folder


def stop(process):
    process.send_signal(signal.SIGSTOP)
    while Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T":
        assert process.poll() is None, process.communicate()
        time.sleep(0.0005)


def test_finding_and_running_jobs_are_progress(sparse, tf_cli, tmp_path):
    """Held for a moment, the program says where it is as soon as it goes on."""
    process = tf_cli.start("batch", "--in", sparse, "--out", tmp_path, "--to", "npz", "--no-sync", "-j", "1", "--progress",
                           "json")  # fmt: skip
    stop(process)
    time.sleep(0.6)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    told = events(err.decode())
    kinds = {e["event"] for e in told}
    assert process.returncode == 0 and {"progress", "started", "finished", "summary"} <= kinds, err
    for event in told:
        if event["event"] == "progress":
            assert 0 <= event["bytes"] <= event["total"] and event["total"] >> 20 == 64, event
        if event["event"] == "finding":
            assert 0 < event["files"] <= event["total"] == 4, event


@pytest.mark.parametrize("mode", ["none", "json"])
def test_an_interrupt_says_how_to_go_on(mode, sparse, tf_cli, tmp_path):
    words = ("batch", "--in", sparse, "--out", tmp_path, "--to", "npz", "--no-sync", "-j", "1")
    process = tf_cli.start(*words, "--progress", mode)
    while not (tmp_path / "tensorferry.journal").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.0005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT, err
    if mode == "json":
        last = events(err.decode())[-1]
        assert last["event"] == "interrupted" and last["signal"] == "SIGINT" and last["can_resume"], err
        left = last["not_done"]
    else:
        assert b"interrupted by SIGINT: " in err and b"--resume" in err, err
        left = int(err.split(b"interrupted by SIGINT: ")[1].split()[0])
    done = tf_cli(*words, "--resume").succeeds()
    assert done.out.split()[:2] == ["ok", str(left)] and len(list(tmp_path.glob("*.npz"))) == 4, done
