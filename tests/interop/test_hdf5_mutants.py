"""HDF5 files that crash, hang or fill up HDF5's library (1.10): the program says so and goes on."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import hdf5_seeds
from conftest import FIXTURES

MASK = 0xFFFFFFFF
SECONDS = 20  # of a machine that is busy; the limit is one of the processor


def lookup3(data: bytes) -> int:
    """Bob Jenkins's hashlittle with the initial value 0: the checksum of HDF5's newer structures."""
    def rot(x: int, k: int) -> int:
        return (x << k | x >> (32 - k)) & MASK

    a = b = c = (0xDEADBEEF + len(data)) & MASK
    while len(data) > 12:
        x, y, z = struct.unpack_from("<3I", data)
        a, b, c, data = (a + x) & MASK, (b + y) & MASK, (c + z) & MASK, data[12:]
        a = ((a - c) ^ rot(c, 4)) & MASK; c = (c + b) & MASK  # noqa: E702
        b = ((b - a) ^ rot(a, 6)) & MASK; a = (a + c) & MASK  # noqa: E702
        c = ((c - b) ^ rot(b, 8)) & MASK; b = (b + a) & MASK  # noqa: E702
        a = ((a - c) ^ rot(c, 16)) & MASK; c = (c + b) & MASK  # noqa: E702
        b = ((b - a) ^ rot(a, 19)) & MASK; a = (a + c) & MASK  # noqa: E702
        c = ((c - b) ^ rot(b, 4)) & MASK; b = (b + a) & MASK  # noqa: E702
    if not data:
        return c
    x, y, z = struct.unpack("<3I", data.ljust(12, b"\0"))
    a, b, c = (a + x) & MASK, (b + y) & MASK, (c + z) & MASK
    for p, q, k in (("c", "b", 14), ("a", "c", 11), ("b", "a", 25), ("c", "b", 16), ("a", "c", 4), ("b", "a", 14),
                    ("c", "b", 24)):
        v = {"a": a, "b": b, "c": c}
        v[p] = ((v[p] ^ v[q]) - rot(v[q], k)) & MASK
        a, b, c = v["a"], v["b"], v["c"]
    return c


def changed(file: bytes, signature: bytes, offset: int, value: bytes, nth: int = 0) -> bytes:
    """`value` in a structure that begins with `signature`, whose checksum is made right again."""
    begin = -1
    for _ in range(nth + 1):
        begin = file.index(signature, begin + 1)
    size = next(n for n in range(8, 600) if lookup3(file[begin:begin + n]) == struct.unpack_from("<I", file, begin + n)[0])
    part = bytearray(file[begin:begin + size])
    part[offset:offset + len(value)] = value
    return file[:begin] + bytes(part) + struct.pack("<I", lookup3(bytes(part))) + file[begin + size + 4:]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory) -> dict[str, Path]:
    return {path.stem: path for path in hdf5_seeds.write_all(tmp_path_factory.mktemp("seeds"))}


def test_the_seeds_are_read_whole(tf_cli, seeds):
    for path in seeds.values():
        assert "no damage found" in tf_cli("verify", path).succeeds().out, path


def test_a_dataset_that_crashes_the_library_does_not_hide_the_others(tf_cli, seeds, tmp_path):
    """Cause: the type of a B-tree of version 2 chooses functions of the library, unchecked."""
    whole = seeds["second_tree"].read_bytes()
    (tmp_path / "m.h5").write_bytes(changed(whole, b"BTHD", 5, b"\x02"))
    listed = tf_cli("ls", tmp_path / "m.h5").succeeds().out
    assert "1 unreadable" in listed and "2 tensors" in listed
    tf_cli("verify", tmp_path / "m.h5").fails_with(3, "corrupt.")
    good = "z" if "unreadable" in next(line for line in listed.splitlines() if line.startswith("b ")) else "b"
    tf_cli.convert(tmp_path / "m.h5", tmp_path / "o.npz", "--include", good).succeeds()
    np.testing.assert_array_equal(np.load(tmp_path / "o.npz")[good], np.arange(60, dtype=np.int32).reshape(6, 10))


@pytest.mark.parametrize("offset", range(4, 34))
def test_every_field_of_a_tree_of_chunks_may_lie(tf_cli, seeds, tmp_path, offset):
    """Causes: SIGSEGV, SIGFPE and loops without end, by the type, sizes and counts of the tree."""
    whole = seeds["second_tree"].read_bytes()
    for value in b"\0", b"\xff":
        (tmp_path / "m.h5").write_bytes(changed(whole, b"BTHD", offset, value))
        result = subprocess.run([tf_cli.program, "verify", tmp_path / "m.h5"], capture_output=True, timeout=SECONDS)
        assert result.returncode in (0, 3, 4, 5), result


def test_extents_that_lie_do_not_hang(tf_cli, seeds, tmp_path):
    """Cause: H5Dget_storage_size and H5Dget_num_chunks count chunk by chunk to what the extents say."""
    whole = seeds["one_chunk"].read_bytes()
    space = struct.pack("<2Q", 6, 4)
    for extent in 1 << 20, 1 << 40, (1 << 61) + 1:
        headers = [n for n in range(whole.count(b"OHDR"))]
        mutants = []
        for nth in headers:
            begin = [i for i in range(len(whole)) if whole.startswith(b"OHDR", i)][nth]
            at = whole.find(space, begin, begin + 300)
            if at > 0:
                mutants.append(changed(whole, b"OHDR", at - begin, struct.pack("<Q", extent), nth))
        assert mutants
        for mutant in mutants:
            (tmp_path / "m.h5").write_bytes(mutant)
            for command in "ls", "verify":
                result = subprocess.run([tf_cli.program, command, tmp_path / "m.h5"], capture_output=True,
                                        timeout=SECONDS)
                assert result.returncode in (0, 3, 5), result


ATTACKS = sorted((FIXTURES / "reports" / "attack").glob("*.h5")) if FIXTURES.is_dir() else []


@pytest.mark.skipif(not ATTACKS, reason="the reports are not there")
@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_files_that_crashed_the_library(tf_cli, path):
    for command in "ls", "verify":
        result = subprocess.run(["/usr/bin/env", "bash", "-c", 'ulimit -v 400000; exec "$@"', "-", tf_cli.program, command,
                                 path], capture_output=True, timeout=SECONDS)
        assert result.returncode in ((0, 3, 5) if command == "ls" else (3, 5)), result


def test_a_file_that_is_open_for_writing(tf_cli, tmp_path):
    """Cause: verify found no damage in a file whose writer had died; the library refuses it until h5clear."""
    path = tmp_path / "open.h5"
    writer = "import h5py,numpy,os,sys;f=h5py.File(sys.argv[1],'w',libver='v110');f['w']=numpy.arange(6,dtype='f4');" \
             "f.flush();os._exit(0)"
    subprocess.run([sys.executable, "-c", writer, path], check=True)
    result = tf_cli("verify", path)
    assert result.code == 1 and "marked as open for writing" in result.err and "not closed by its writer" in result.out, result
    assert '"ok":false' in tf_cli("verify", "--json", path).out
    for command in "ls", "info", "stats":
        result = tf_cli(command, path).succeeds()
        assert "marked as open for writing" in result.out + result.err, command
    assert "open for writing" in tf_cli.convert(path, tmp_path / "o.npz").succeeds().err
    with h5py.File(tmp_path / "closed.h5", "w", libver="v110") as file:
        file["w"] = np.arange(6)
    tf_cli("verify", tmp_path / "closed.h5").succeeds()


def test_mutants_whose_checksums_are_right(tf_cli, seeds, tmp_path):
    """A sample of what tests/hdf5_mutants reads by hand: no signal, two seconds, 96 MiB and 8 times the file."""
    reader = Path(tf_cli.program).with_name("hdf5_mutants")
    if not reader.exists():
        pytest.skip("hdf5_mutants is not built")
    for arguments in (["300", "7", tmp_path, *seeds.values()], ["every", "0xff", tmp_path, seeds["one_chunk"]]):
        result = subprocess.run([reader, *arguments], capture_output=True, text=True)
        assert result.returncode == 0, result
