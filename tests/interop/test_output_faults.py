"""What can go wrong with the output: nothing half-written under the final name, an old file untouched, and the code 7."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

import readback
from arrays import bits
from cli import assert_refused, leftovers, tree
from raw_input import write_raw

FORMS = readback.FORMS


@pytest.fixture
def source(tmp_path) -> Path:
    return write_raw(tmp_path / "in", {"a": ("float32", bits("float32", (300, 100))), "b/c": ("int64", bits("int64", (50,)))})


@pytest.mark.parametrize("form", FORMS)
def test_an_existing_output_is_kept_without_overwrite_and_replaced_with_it(form, source, tf_cli, tmp_path):
    how, out = FORMS[form], tmp_path / "out"
    out.mkdir()
    target = out / how.target
    tf_cli.convert(source, target, *how.options)
    before = tree(target)
    tf_cli("convert", source, target, "--include", "a", *how.options).fails_with(7, "--overwrite")
    assert tree(target) == before and leftovers(out) == [how.target]
    tf_cli.convert(source, target, "--include", "a", "--overwrite", *how.options)
    assert [t.name for t in how.read(target)] == ["a"] and leftovers(out) == [how.target]


def test_a_folder_with_files_of_others_is_never_replaced(source, tf_cli, tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "thesis.txt").write_text("years of work")
    for form in ("raw", "npy"):
        tf_cli("convert", source, target, "--to", form, "--overwrite").fails_with(7)
        assert tree(target) == {"thesis.txt": b"years of work"}


def test_a_folder_is_not_replaced_by_a_file_nor_a_file_by_a_folder(source, tf_cli, tmp_path):
    (tmp_path / "folder.h5").mkdir()
    done = tf_cli("convert", source, tmp_path / "folder.h5", "--overwrite")
    assert done.code in (2, 7) and done.identifiers, done
    assert (tmp_path / "folder.h5").is_dir()
    (tmp_path / "file").write_bytes(b"x")
    tf_cli("convert", source, tmp_path / "file", "--to", "raw", "--overwrite").fails_with(7)
    assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.parametrize("link", ["same", "hard", "symbolic"])
def test_the_output_may_not_be_an_input(link, source, tf_cli, tmp_path):
    weights = source / "weights.bin"
    content = weights.read_bytes()
    target = {"same": weights, "hard": tmp_path / "hard.h5", "symbolic": tmp_path / "soft.h5"}[link]
    if link == "hard":
        os.link(weights, target)
    if link == "symbolic":
        target.symlink_to(weights)
    tf_cli("convert", source, target, "--to", "hdf5", "--overwrite").fails_with(7)
    assert weights.read_bytes() == content and (link != "symbolic" or target.is_symlink())


def test_the_output_folder_may_not_be_the_input_folder(source, tf_cli):
    before = tree(source)
    for form in ("raw", "npy"):
        tf_cli("convert", source, source, "--to", form, "--overwrite").fails_with(7)
        assert tree(source) == before


def test_a_checkpoint_shard_as_the_output_is_refused(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["sharded"]
    for file in made.prefix.parent.glob(f"{made.prefix.name}.*"):
        shutil.copy(file, tmp_path)
    before = tree(tmp_path)
    for file in sorted(tmp_path.glob("*.data-*")) + sorted(tmp_path.glob("*.index")):
        tf_cli("convert", tmp_path / made.prefix.name, file, "--to", "onnx", "--overwrite").fails_with(7)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("form", FORMS)
def test_a_missing_parent_folder_is_an_output_error(form, source, tf_cli, tmp_path):
    how = FORMS[form]
    tf_cli("convert", source, tmp_path / "no" / "such" / how.target, *how.options).fails_with(7)
    (tmp_path / "plain").write_bytes(b"")
    tf_cli("convert", source, tmp_path / "plain" / how.target, *how.options).fails_with(7)
    assert leftovers(tmp_path) == ["in", "plain"]


@pytest.mark.parametrize("target", ["/dev/full", "/dev/null", "fifo"])
def test_a_special_file_is_no_output(target, source, tf_cli, tmp_path):
    if target == "fifo":
        os.mkfifo(tmp_path / "fifo")
        target = str(tmp_path / "fifo")
    before = os.stat(target)
    kind = "a FIFO" if target.endswith("fifo") else "a character device"
    tf_cli("convert", source, target, "--to", "onnx", "--overwrite", timeout=10).fails_with(7, kind, "name another file")
    assert stat.S_IFMT(os.stat(target).st_mode) == stat.S_IFMT(before.st_mode)


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_without_permission_is_an_output_error(form, tf_cli):
    """Root may write anywhere, so that the program runs as nobody there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        source = write_raw(folder / "in", {"a": ("float32", bits("float32", (3,)))})
        program = shutil.copy(tf_cli.program, folder / "tensorferry")
        out = folder / "out"
        out.mkdir(mode=0o555)
        out.chmod(0o555)
        who = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        how = FORMS[form]
        done = type(tf_cli)(str(program))("convert", source, out / how.target, *how.options, **who)
        done.fails_with(7)
        assert leftovers(out) == []
        out.chmod(0o755)


def test_a_file_size_limit_is_an_output_error_and_no_death(source, tf_cli, tmp_path):
    """At every stage of the writing; libhdf5 dies at exit when a file that could not be closed is left to it."""
    out = tmp_path / "out"
    out.mkdir()
    forms = [(h.target, h.options) for h in FORMS.values()] + [("g.h5", ("--out-opt", "compression=gzip"))]
    for target, options in forms:
        for size in (0, 100, 1_000, 20_000, 60_000, 100_000):
            def limit(size=size):
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

            tf_cli("convert", source, out / target, *options, preexec_fn=limit).fails_with(7)
            assert leftovers(out) == []


def in_private_mount(script: str) -> subprocess.CompletedProcess | None:
    """Runs a script where it may mount; None when this machine does not let us."""
    for how in (["unshare", "-m"], ["unshare", "-rm"]):
        try:
            probe = subprocess.run([*how, "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True)
        except FileNotFoundError:
            return None
        if probe.returncode == 0:
            return subprocess.run([*how, "sh", "-c", script], capture_output=True, text=True)
    return None


@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk_is_an_output_error_and_nothing_stays(form, source, tf_cli, tmp_path):
    how, out = FORMS[form], tmp_path / "out"
    out.mkdir()
    run = f"'{tf_cli.program}' convert '{source}' '{out}/{how.target}' {' '.join(how.options)}"
    done = in_private_mount(f"mount -t tmpfs -o size=64k none '{out}' && {run}; echo code $?; ls -A '{out}'")
    if done is None:
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
        tf_cli("convert", source, out / how.target, *how.options, preexec_fn=limit).fails_with(7)
        assert leftovers(out) == []
        return
    assert done.stdout.split("code ")[1].splitlines() == ["7"], done
    assert "error[output." in done.stderr, done


def test_a_read_only_file_system_is_an_output_error(source, tf_cli, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    done = in_private_mount(f"mount -t tmpfs -o ro none '{out}' && '{tf_cli.program}' convert '{source}' '{out}/x.onnx'; "
                            "echo code $?")
    if done is None:  # no mount: the same refusal from a folder that does not exist
        tf_cli("convert", source, tmp_path / "none" / "x.onnx").fails_with(7)
        return
    assert done.stdout.split("code ")[1].splitlines() == ["7"], done


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mask", [0o077, 0o022, 0o002])
def test_new_files_follow_the_umask(form, mask, source, tf_cli, tmp_path):
    how = FORMS[form]
    target = tmp_path / how.target
    tf_cli.convert(source, target, *how.options, umask=mask)
    for path in [target, *target.rglob("*")] if target.is_dir() else [target]:
        want = (0o777 if path.is_dir() else 0o666) & ~mask
        assert stat.S_IMODE(path.stat().st_mode) == want, path


def test_a_replaced_file_keeps_its_mode(source, tf_cli, tmp_path):
    target = tmp_path / "out.h5"
    target.write_bytes(b"old")
    target.chmod(0o640)
    tf_cli.convert(source, target, "--overwrite", umask=0o022)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640 and target.stat().st_size > 100


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("form", ["hdf5", "onnx"])
def test_a_file_that_root_replaces_keeps_its_owner(form, source, tf_cli, tmp_path):
    target = tmp_path / FORMS[form].target
    target.write_bytes(b"old")
    os.chown(target, 1234, 2345)
    target.chmod(0o2640)
    tf_cli.convert(source, target, "--overwrite", *FORMS[form].options)
    found = target.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 2345, 0o2640)


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_a_folder_whose_listing_fails_in_the_middle_is_an_error_and_never_fewer_tensors(tf_cli, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(1500):
        np.save(folder / f"array_with_a_long_name_{i:05}.npy", np.zeros(1, np.float32))
    for number in (1, 2, 3):
        how = ["-e", "trace=getdents64", "-e", f"inject=getdents64:error=EIO:when={number}+"]
        done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", *how, tf_cli.program, "ls", "--json", str(folder)],
                              capture_output=True, text=True)
        assert done.returncode == 6 and "error[input.listing]" in done.stderr, (number, done)


@pytest.mark.parametrize("command", [("ls",), ("ls", "--json"), ("hash",), ("info",), ("hash", "--json")])
def test_a_standard_output_that_is_full_is_an_output_error(command, source, tf_cli):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([tf_cli.program, command[0], str(source), *command[1:]], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 7 and b"error[output." in done.stderr, done


def test_a_closed_pipe_is_silent(fresh_checkpoints, tf_cli):
    made = fresh_checkpoints["many_keys"]
    for command in (["ls"], ["ls", "--json"], ["hash"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([tf_cli.program, command[0], str(made.prefix), *command[1:]], stdout=writer,
                              stderr=subprocess.PIPE, timeout=30)
        os.close(writer)
        assert done.returncode in (-13, 141) and done.stderr == b"", (command, done)


def test_too_few_descriptors_end_in_an_error_or_a_whole_output(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["max_shard_size"]

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))

    done = tf_cli("convert", made.prefix, tmp_path / "out.onnx", "--names", "raw", preexec_fn=limit)
    assert done.code in (0, 8), done
    assert leftovers(tmp_path) == (["out.onnx"] if done.code == 0 else [])


def test_two_writers_to_one_target_one_wins_whole(tf_cli, tmp_path):
    """Without --overwrite exactly one may succeed."""
    big = np.random.default_rng(4).standard_normal((4, 1 << 20)).astype(np.float32)
    sources = [write_raw(tmp_path / f"in{i}", {f"w{i}": ("float32", big[i])}) for i in range(4)]
    for form, how in FORMS.items():
        out = tmp_path / form
        out.mkdir()
        running = [tf_cli.start("convert", s, out / how.target, *how.options) for s in sources]
        codes = [(p.communicate(), p.returncode)[1] for p in running]
        assert sorted(codes) == [0, 7, 7, 7], (form, codes)
        (tensor,) = how.read(out / how.target)
        assert tensor.name == f"w{codes.index(0)}"
        assert leftovers(out) == [how.target]


def test_refusals_leave_no_file_beside_an_old_one(source, tf_cli, tmp_path):
    (source / "weights.bin").write_bytes(b"short")
    for target in ("old.onnx", "old.h5"):
        assert_refused(tf_cli, source, 3, tmp_path / target.replace(".", "_"), target=target)
