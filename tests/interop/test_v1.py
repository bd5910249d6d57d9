"""V1 checkpoints: what TensorFlow's own restore op gives, bit for bit, however the file is named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import judge
import readback
import v1_writer
from arrays import bits
from cli import assert_refused
from v1_writer import EXTRA_DTYPES, V1, V1_DTYPES, values


def shapes_and_slices(array, text: str = "") -> str:
    return text or " ".join(map(str, array.shape)) + " " + ":".join("-" * array.ndim)


def save(path: Path, tensors: list[tuple]) -> Path:
    """The op that wrote V1 files; an element is (name, dtype, array, slice or "")."""
    import fresh

    path.parent.mkdir(parents=True, exist_ok=True)
    data = [fresh.tf.constant(a.tolist() if d == "string" else a, dtype=fresh.tf_type(d), shape=a.shape)
            for _, d, a, _ in tensors]
    fresh.tf.raw_ops.SaveSlices(filename=str(path), tensor_names=[n for n, *_ in tensors],
                                shapes_and_slices=[s for *_, s in tensors], data=data)
    return path


def restore(pattern, dtypes: dict[str, str]) -> list[judge.Tensor]:
    """What the op that restores V1 files gives."""
    import fresh

    out = []
    for name, dtype in dtypes.items():
        got = fresh.tf.raw_ops.Restore(file_pattern=str(pattern), tensor_name=name, dt=fresh.tf_type(dtype)).numpy()
        out.append(judge.tensor(name, np.asarray(got, dtype=object) if dtype == "string" else got, dtype))
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("v1")


@pytest.fixture(scope="module")
def every_dtype(folder):
    tensors = [(f"t/{d}", d, bits(d, (4, 5) if d == "string" else (16, 17)), "") for d in V1_DTYPES]
    tensors += [("scalar", "float32", np.array(1.5, np.float32), ""), ("none", "int64", np.zeros((0, 3), np.int64), ""),
                ("one", "string", np.array(b"x\0", object), ""), ("żółć", "int8", bits("int8", (3,)), "")]
    path = save(folder / "every" / "model.ckpt-7", tensors)
    return path, restore(path, {n: d for n, d, *_ in tensors})


@pytest.fixture(scope="module")
def sharded(folder):
    """A Saver of TensorFlow 1 on two devices, with partitioned variables."""
    import fresh

    v1 = fresh.v1
    prefix = folder / "sharded" / "model.ckpt-12"
    prefix.parent.mkdir(parents=True)
    names = {}
    with v1.Graph().as_default():
        for i in range(5):
            with v1.device(f"/cpu:{i % 2}"):
                v1.get_variable(f"v{i}/w", initializer=bits("float32", (i + 1, 5), i), use_resource=False)
                names[f"v{i}/w"] = "float32"
        for axis in range(3):
            with v1.device(lambda op: f"/cpu:{int(op.name.split('part_')[1][0]) % 2}" if "part_" in op.name else "/cpu:0"):
                v1.get_variable(f"cut{axis}", (5, 7, 11), initializer=v1.random_normal_initializer(seed=axis),
                                partitioner=v1.fixed_size_partitioner(3, axis=axis), use_resource=False)
            names[f"cut{axis}"] = "float32"
        with v1.Session(config=v1.ConfigProto(device_count={"CPU": 2})) as session:
            session.run(v1.global_variables_initializer())
            v1.train.Saver(sharded=True, write_version=v1.train.SaverDef.V1).save(session, str(prefix))
    assert (prefix.parent / "model.ckpt-12-00001-of-00002").is_file(), list(prefix.parent.iterdir())
    return prefix, restore(f"{prefix}-?????-of-00002", names)


def test_every_dtype_is_what_the_restore_op_gives(every_dtype, tf_cli, tmp_path):
    path, want = every_dtype
    got, digest = tf_cli.hash(path)
    judge.assert_same(got, want)
    assert digest == judge.digest(want)
    tf_cli.convert(path, tmp_path / "raw", "--to", "raw")
    judge.assert_same(readback.raw_folder(tmp_path / "raw"), want)


def test_stored_v1_fixtures_are_what_tensorflow_gave(fixtures_root, tf_cli):
    import json

    expected = json.loads((fixtures_root / "tensorflow" / "expected.json").read_text())
    stored = {p: e for p, e in expected.items() if p.startswith(("v1_one/", "tf1_kinds_v1/"))}
    assert len(stored) >= 19
    for path, entries in stored.items():
        want = [judge.from_expected(n, e) for n, e in entries.items()]
        judge.assert_same(tf_cli.hash(fixtures_root / "tensorflow" / path)[0], want, path)
    old = list((fixtures_root / "real").glob("v1-*/**/*.expected.json"))
    assert old
    for file in old:
        want = [judge.from_expected(e["name"], e) for e in json.loads(file.read_text())["tensors"]]
        path = file.with_name(file.name[: -len(".expected.json")])
        for way in (path, file.parent, file.parent / "export", file.parent / "export.meta"):
            judge.assert_same(tf_cli.hash(way)[0], want, str(way))


def test_shards_are_one_checkpoint_under_each_of_its_names(sharded, tf_cli, tmp_path):
    prefix, want = sharded
    folder = prefix.parent
    state = folder / "checkpoint"
    assert "model.ckpt-12-?????-of-00002" in state.read_text()
    ways = [prefix, f"{prefix}-00000-of-00002", f"{prefix}-00001-of-00002", f"{prefix}.meta", folder, state]
    for way in ways:
        got, digest = tf_cli.hash(way)
        judge.assert_same(got, want, str(way))
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    judge.assert_same(tf_cli.hash(moved)[0], want)
    (moved / "checkpoint").unlink()
    judge.assert_same(tf_cli.hash(moved)[0], want)
    done = tf_cli("hash", "model.ckpt-12", "--json", "--names", "raw", cwd=moved).succeeds()
    assert judge.from_hash_json(done.out)[1] == judge.digest(want)


def test_slices_by_hand_are_joined(folder, tf_cli):
    """TensorFlow's reader of whole V1 tensors refuses slices of half; the op gives each slice."""
    half, tall = bits("float16", (6, 10), 1), bits("int64", (300, 2), 2)
    pieces = [("h", "float16", half[:, 4:], "6 10 -:4,6"), ("h", "float16", half[:, :4], "6 10 -:0,4"),
              ("tall", "int64", tall[100:], "300 2 100,200:-"), ("tall", "int64", tall[:100], "300 2 0,100:-")]
    path = save(folder / "slices" / "s", pieces)
    judge.assert_same(tf_cli.hash(path)[0], [judge.tensor("h", half, "float16"), judge.tensor("tall", tall, "int64")])


def test_extra_dtypes_unpacked_fields_snappy_and_small_blocks(tf_cli, tmp_path):
    table = V1(version=None)
    want = []
    for i, dtype in enumerate((*V1_DTYPES, *EXTRA_DTYPES)):
        array = bits(dtype, (7, 9), i)
        table.add(f"p/{dtype}", dtype, array)
        table.add(f"u/{dtype}", dtype, array, message=values(array, dtype, packed=False))
        flat = array.reshape(-1)
        mixed = values(flat[:5], dtype) + values(flat[5:6], dtype, packed=False) + values(flat[6:], dtype)
        table.add(f"m/{dtype}", dtype, array, message=mixed)
        want += [judge.tensor(f"{kind}/{dtype}", array, dtype) for kind in "pum"]
    cut = bits("uint16", (4, 6), 9)
    table.add_sliced("cut", "uint16", cut, [[(2, 2), (0, 6)], [(0, 2), (0, 3)], [(0, 2), (3, 3)]])
    want.append(judge.tensor("cut", cut, "uint16"))
    plain = table.write(tmp_path / "plain")
    readable = {f"{k}/{d}": d for k in "pum" for d in V1_DTYPES}
    judge.assert_same(restore(plain, readable), [t for t in want if t.name in readable])
    for name, how in (("snappy", {"compress": True, "per_block": 7}), ("single", {"per_block": 1}), ("plain", {})):
        judge.assert_same(tf_cli.hash(table.write(tmp_path / name, **how))[0], want, name)


def test_records_larger_than_any_window_are_streamed(folder, tf_cli, tmp_path):
    """Fixed-size and varint values of tens of megabytes, in bounded memory and at any number of threads."""
    tensors = [("floats", "float32", bits("float32", (6 << 20,), 1), ""), ("varints", "int64", bits("int64", (3 << 20,), 2), ""),
               ("bytes", "uint8", bits("uint8", (5 << 20,), 3), ""), ("small", "int32", bits("int32", (3,), 4), "")]
    path = save(folder / "large" / "m", tensors)
    want = [judge.tensor(n, a, d) for n, d, a, _ in tensors]
    judge.assert_same(tf_cli.hash(path)[0], want)
    for threads in ("1", "4"):
        done, took = tf_cli.measured("convert", path, tmp_path / f"raw{threads}", "--to", "raw", "--names", "raw", "--no-sync",
                                     "--threads", threads)
        done.succeeds()
        judge.assert_same(readback.raw_folder(tmp_path / f"raw{threads}"), want)
        assert took["peak_kib"] < 64 * 1024, took
    listed, took = tf_cli.measured("ls", path)
    listed.succeeds()
    assert took["peak_kib"] < 24 * 1024, took


def test_a_missing_shard_is_listed_and_named(sharded, tf_cli, tmp_path):
    prefix, want = sharded
    shutil.copytree(prefix.parent, tmp_path / "in")
    gone = tmp_path / "in" / "model.ckpt-12-00001-of-00002"
    gone.unlink()
    for way in (tmp_path / "in" / "model.ckpt-12", tmp_path / "in" / "model.ckpt-12-00000-of-00002", tmp_path / "in"):
        assert_refused(tf_cli, way, 6, tmp_path / "out", gone.name)
        assert gone.name in tf_cli("ls", way, "--names", "raw").succeeds().out
    done = tf_cli("convert", tmp_path / "in", tmp_path / "saved", "--to", "raw", "--names", "raw", "--salvage")
    assert done.code in (3, 6), done
    got = readback.raw_folder(tmp_path / "saved")
    assert got
    names = {t.name for t in got}
    judge.assert_same(got, [t for t in want if t.name in names])


def test_shards_of_another_save_are_left_alone_and_two_complete_sets_are_listed(sharded, tf_cli, tmp_path):
    prefix, want = sharded
    shutil.copytree(prefix.parent, tmp_path / "in")
    here = tmp_path / "in" / prefix.name
    stale = V1()
    stale.add("stale", "int32", bits("int32", (3,)))
    stale.write(Path(f"{here}-00001-of-00003"))
    judge.assert_same(tf_cli.hash(here)[0], want)
    assert "another save" in tf_cli("ls", here).err
    stale.write(Path(f"{here}-00000-of-00001"))
    done = assert_refused(tf_cli, here, 2, tmp_path / "out", "of-00001", "of-00002")
    assert "ambiguous" in done.err
    judge.assert_same(tf_cli.hash(f"{here}-00001-of-00002")[0], want)


def test_v2_wins_beside_v1(every_dtype, tf_cli, tmp_path):
    import bundle_writer

    shutil.copy(every_dtype[0], tmp_path / "model.ckpt-7")
    bundle = bundle_writer.Bundle()
    bundle.add("v2", "int32", bits("int32", (3,)))
    bundle.write(tmp_path / "model.ckpt-7")
    for way in (tmp_path / "model.ckpt-7", tmp_path):
        assert [t.name for t in tf_cli.hash(way)[0]] == ["v2"]


def test_every_flipped_bit_is_detected_or_harmless(tf_cli, tmp_path):
    table = V1()
    table.add("a", "float32", np.array([1.5, -2.0], np.float32))
    table.add("s", "string", np.array([b"hi", b"there"], object))
    table.add("v", "int64", np.array([-1, 300], np.int64))
    path = table.write(tmp_path / "v1.ckpt", per_block=2)
    whole, digest = path.read_bytes(), tf_cli.hash(path)[1]
    harmless = 0
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        path.write_bytes(damaged)
        done = tf_cli("hash", path, "--json", "--names", "raw", "--from", "tensorflow")
        if done.code == 0:
            assert judge.from_hash_json(done.out)[1] == digest, at
            harmless += 1
        else:
            done.fails_with(3)
    assert harmless < 60, "only the metaindex block and the padding of the footer carry no meaning"


def test_every_proper_prefix_is_refused(tf_cli, tmp_path):
    table = V1()
    table.add("a", "float32", np.array([1.5, -2.0], np.float32))
    path = table.write(tmp_path / "v1.ckpt")
    whole = path.read_bytes()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        done = tf_cli("convert", path, tmp_path / "o.npy", "--from", "tensorflow")
        done.fails_with(3)
    assert sorted(os.listdir(tmp_path)) == ["v1.ckpt"]


FOUR = np.arange(4, dtype=np.int32)


def lie(**how):
    def build(path: Path) -> Path:
        table = V1()
        table.add("good", "int32", FOUR)
        table.add("w", "int32", FOUR, **how)
        return table.write(path)
    return build


def sliced(boxes, listed=None):
    def build(path: Path) -> Path:
        table = V1()
        table.add("good", "int32", FOUR)
        table.add_sliced("w", "int32", np.zeros((4, 6), np.int32), boxes, listed)
        return table.write(path)
    return build


# what is wrong with "w" -> exit code; "good" is read all the same
HOSTILE = {
    "too few values": (lie(message=values(FOUR[:3], "int32")), 3),
    "too many values": (lie(message=values(np.arange(5, dtype=np.int32), "int32")), 3),
    "no values": (lie(message=b""), 3),
    "values of another field": (lie(message=values(FOUR.astype(np.int64), "int64")), 3),
    "a varint of eleven bytes": (lie(message=v1_writer.field(7, b"\x01\x01\x01" + b"\xff" * 10 + b"\x01")), 3),
    "a varint that is cut": (lie(message=v1_writer.field(7, b"\x01\x01\x01\xff")), 3),
    "a field past the message": (lie(message=b"\x3a\x7f\x01"), 3),
    "more elements than bytes": (lie(shape=(1 << 40,)), 3),
    "a negative dimension": (lie(shape=(-4,)), 3),
    "an overflowing shape": (lie(shape=(1 << 62, 8)), 3),
    "unknown rank": (lie(shape=v1_writer.bw.shape_proto((), unknown_rank=True)), 3),
    "dtype 0": (lie(enum=0), 3),
    "dtype 99": (lie(enum=99), 4),
    "a resource": (lie(enum=20), 4),
    "slices with a gap": (sliced([[(0, 2), (0, 6)]]), 3),
    "slices that overlap": (sliced([[(0, 3), (0, 6)], [(2, 2), (0, 6)]]), 3),
    "a slice without a record": (sliced([[(0, 2), (0, 6)]], [[(0, 2), (0, 6)], [(2, 2), (0, 6)]]), 3),
    "a slice out of bounds": (sliced([[(0, 4), (0, 7)]]), 3),
    "a slice of another rank": (sliced([[(0, 4)]]), 3),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_wrong_with_one_tensor_is_its_problem(case, tf_cli, tmp_path):
    build, code = HOSTILE[case]
    try:
        path = build(tmp_path / "in.ckpt")
    except IndexError:
        pytest.fail("the case cannot be built")
    done, took = tf_cli.measured("convert", path, tmp_path / "o.h5", "--names", "raw", "--no-sync", "--bookkeeping")
    done.fails_with(code, '"w"')
    assert took["peak_kib"] < 64 * 1024 and not (tmp_path / "o.h5").exists()
    assert set(tf_cli.listing(path)) == {"good", "w"}
    tf_cli.convert(path, tmp_path / "good.npy", "--include", "good")
    np.testing.assert_array_equal(np.load(tmp_path / "good.npy"), FOUR)
