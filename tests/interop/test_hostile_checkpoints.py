"""Damaged and hostile checkpoints: the exit code and message of cli.md, nothing left behind, no crash, little memory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import bundle_writer as bw
import hostile
import judge
import readback
from cli import assert_refused
from raw_input import write_raw


def copy_of(prefix: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in prefix.parent.glob(f"{prefix.name}.*"):
        shutil.copy(file, folder)
    return folder / prefix.name


@pytest.fixture
def small(tmp_path) -> Path:
    """A float tensor, a string tensor and an empty one; every byte of its files means something."""
    bundle = bw.Bundle(shards=2)
    bundle.add("a", "float32", np.array([1.5, -2.0], np.float32))
    bundle.add("s", "string", np.array([b"hi", b"there"], dtype=object), shard=1)
    bundle.add("z", "int64", np.zeros((0, 2), np.int64))
    return bundle.write(tmp_path / "small" / "ck")


@pytest.mark.parametrize("case", hostile.HOSTILE)
def test_a_lie_behind_right_checksums_is_refused(case, tf_cli, tmp_path):
    build, codes = hostile.HOSTILE[case]
    prefix = build(tmp_path / "in" / "ck")
    codes = codes if isinstance(codes, tuple) else (codes,)
    (tmp_path / "old.h5").write_bytes(b"the old file")
    done, took = tf_cli.measured("convert", prefix, tmp_path / "old.h5", "--names", "raw", "--overwrite", "--no-sync")
    assert done.code in codes, done
    done.fails_with(done.code)
    assert len(done.err) < 20000, done
    assert (tmp_path / "old.h5").read_bytes() == b"the old file"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "old.h5"]
    assert took["peak_kib"] < 96 * 1024 and took["seconds"] < 2, took
    listed = tf_cli("ls", prefix, "--json", "--names", "raw")
    assert listed.code in (0, *codes), listed


@pytest.mark.parametrize("case", ["block checksum wrong", "dtype 99", "size smaller than the shape", "wrong tensor checksum",
                                  "slices overlap", "shard 5 of 1", "more strings than bytes"])
def test_a_refusal_names_file_and_tensor(case, tf_cli, tmp_path):
    """cli.md: the identifier, then file, tensor, offset, expected and found."""
    prefix = hostile.HOSTILE[case][0](tmp_path / "in" / "ck")
    done = tf_cli("convert", prefix, tmp_path / "out.h5", "--names", "raw")
    assert any(file in done.err for file in ("in/ck", "ck.index", "ck.data")), done
    if case != "block checksum wrong":
        assert '"w"' in done.err or '"s"' in done.err, done


def test_the_same_bundle_without_the_lie_is_accepted(tf_cli, tmp_path):
    prefix = hostile.good(tmp_path / "in" / "ck")
    judge.assert_same(tf_cli.hash(prefix)[0], [judge.tensor("w", hostile.VALUES, "float32")])
    build = hostile.with_entry()
    judge.assert_same(tf_cli.hash(build(tmp_path / "in2" / "ck"))[0], [judge.tensor("w", hostile.VALUES, "float32")])


def test_every_proper_prefix_of_the_index_is_corrupt(small, tf_cli, tmp_path):
    index = Path(f"{small}.index")
    whole = index.read_bytes()
    for length in range(len(whole)):
        index.write_bytes(whole[:length])
        assert_refused(tf_cli, small, 3, tmp_path / "out")


def test_every_proper_prefix_of_a_data_file_is_corrupt(small, tf_cli, tmp_path):
    for shard in range(2):
        data = Path(f"{small}.data-{shard:05d}-of-00002")
        whole = data.read_bytes()
        for length in range(len(whole)):
            data.write_bytes(whole[:length])
            assert_refused(tf_cli, small, 3, tmp_path / "out", data.name)
        data.write_bytes(whole)
    assert tf_cli("hash", small).code == 0


def test_every_flipped_bit_of_the_index_is_detected_or_harmless(small, tf_cli):
    index = Path(f"{small}.index")
    whole, digest = index.read_bytes(), tf_cli.hash(small)[1]
    harmless = 0
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        index.write_bytes(damaged)
        done = tf_cli("hash", small, "--json", "--names", "raw")
        if done.code == 0:
            assert judge.from_hash_json(done.out)[1] == digest, at
            harmless += 1
        else:
            done.fails_with(3)
    assert harmless < 60, "only the metaindex block and the padding of the footer carry no meaning"


def test_every_flipped_bit_of_the_data_is_detected(small, tf_cli, tmp_path):
    for shard in range(2):
        data = Path(f"{small}.data-{shard:05d}-of-00002")
        whole = data.read_bytes()
        for at in range(len(whole)):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << (at % 8)
            data.write_bytes(damaged)
            done = assert_refused(tf_cli, small, 3, tmp_path / "out")
            assert '"a"' in done.err or '"s"' in done.err, done
        data.write_bytes(whole)


def test_bytes_after_the_last_tensor_are_accepted_as_tensorflow_does(small, tf_cli, tmp_path):
    digest = tf_cli.hash(small)[1]
    for shard in range(2):
        with open(f"{small}.data-{shard:05d}-of-00002", "ab") as data:
            data.write(b"more")
    assert tf_cli.hash(small)[1] == digest
    tf_cli.convert(small, tmp_path / "out", "--to", "raw")


def test_every_missing_shard_is_named(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["max_shard_size"]
    prefix = copy_of(made.prefix, tmp_path / "in")
    gone = sorted(prefix.parent.glob("*.data-*"))[1::2]
    assert len(gone) >= 3
    for file in gone:
        file.unlink()
    assert_refused(tf_cli, prefix, 6, tmp_path / "out", *[f.name for f in gone])


def test_only_an_index_or_only_data_is_a_missing_input(small, tf_cli, tmp_path):
    for suffix in (".data-00000-of-00002", ".data-00001-of-00002"):
        Path(f"{small}{suffix}").rename(tmp_path / suffix[1:])
    assert_refused(tf_cli, small, 6, tmp_path / "out", "ck.data-00000-of-00002", "ck.data-00001-of-00002")
    for suffix in (".data-00000-of-00002", ".data-00001-of-00002"):
        (tmp_path / suffix[1:]).rename(f"{small}{suffix}")
    Path(f"{small}.index").unlink()
    for named in (small, f"{small}.data-00000-of-00002", f"{small}.index"):
        assert_refused(tf_cli, named, 6, tmp_path / "out", "ck.index")


def test_nothing_of_that_name_is_a_missing_input(tf_cli, tmp_path):
    assert_refused(tf_cli, tmp_path / "nothing", 6, tmp_path / "out", "nothing")


def test_a_damaged_tensor_is_listed_with_its_reason_and_can_be_left_out(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["every_dtype"]
    prefix = copy_of(made.prefix, tmp_path / "in")
    where = tf_cli("ls", prefix, "--json", "--names", "raw").succeeds()
    assert {judge.json_name(e) for e in json.loads(where.out)["tensors"]} == {t.name for t in made.tensors}
    data = Path(f"{prefix}.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[0] ^= 0x80  # the first tensor in the file is the first that was saved: bool
    data.write_bytes(content)
    assert_refused(tf_cli, prefix, 3, tmp_path / "out", '"bool"')
    rest = [t for t in made.tensors if t.name != "bool"]
    tf_cli.convert(prefix, tmp_path / "rest", "--to", "raw", "--exclude", "bool")
    judge.assert_same(readback.raw_folder(tmp_path / "rest"), rest)
    done = tf_cli("convert", prefix, tmp_path / "saved", "--to", "raw", "--names", "raw", "--salvage")
    assert done.code == 3 and "bool" in done.err, done
    judge.assert_same(readback.raw_folder(tmp_path / "saved"), rest)


def test_salvage_goes_on_without_the_tensors_of_a_missing_shard(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["sharded"]
    prefix = copy_of(made.prefix, tmp_path / "in")
    sorted(prefix.parent.glob("*.data-*"))[0].unlink()
    listed = tf_cli.listing(prefix)
    assert set(listed) == {t.name for t in made.tensors}, "listing works without the data"
    done = tf_cli("convert", prefix, tmp_path / "out", "--to", "raw", "--names", "raw", "--salvage")
    assert done.code in (3, 6), done
    got = readback.raw_folder(tmp_path / "out")
    assert 0 < len(got) < len(made.tensors)
    names = {t.name for t in got}
    judge.assert_same(got, [t for t in made.tensors if t.name in names])


def test_an_unknown_dtype_is_listed_and_only_refused_when_selected(tf_cli, tmp_path):
    bundle = bw.Bundle()
    bundle.add("known", "float32", hostile.VALUES)
    bundle.add_payload(b"strange", 99, (6,), hostile.PAYLOAD)
    prefix = bundle.write(tmp_path / "in" / "ck")
    assert set(tf_cli.listing(prefix)) == {"known", "strange"}
    assert "99" in tf_cli("ls", prefix, "--names", "raw").succeeds().out
    assert_refused(tf_cli, prefix, 4, tmp_path / "out", '"strange"', "99")
    tf_cli.convert(prefix, tmp_path / "known.npy", "--exclude", "strange")
    np.testing.assert_array_equal(np.load(tmp_path / "known.npy"), hostile.VALUES)


def test_handles_and_variants_are_listed_as_bookkeeping_and_left_out(tf_cli, tmp_path):
    bundle = bw.Bundle()
    bundle.add("w", "float32", hostile.VALUES)
    bundle.add_payload(b"handle", bw.ENUM["resource"], (), b"")
    bundle.add_payload(b"iterator", bw.ENUM["variant"], (), b"\x00\xd8\xea\x82\xa2")
    prefix = bundle.write(tmp_path / "in" / "ck")
    listed = tf_cli.listing(prefix)
    assert set(listed) == {"w", "handle", "iterator"}
    assert listed["handle"]["bookkeeping"] and listed["iterator"]["bookkeeping"]
    tf_cli.convert(prefix, tmp_path / "out", "--to", "raw")
    judge.assert_same(readback.raw_folder(tmp_path / "out"), [judge.tensor("w", hostile.VALUES, "float32")])


def test_a_ref_dtype_is_its_base_type(tf_cli, tmp_path):
    prefix = hostile.with_entry(enum=101)(tmp_path / "in" / "ck")
    judge.assert_same(tf_cli.hash(prefix)[0], [judge.tensor("w", hostile.VALUES, "float32")])


def test_two_entries_may_share_bytes_and_zero_extents_may_stand_beside_large_ones(tf_cli, tmp_path):
    bundle = bw.Bundle()
    bundle.add("w", "float32", hostile.VALUES)
    bundle.add_payload(b"alias", hostile.FLOAT, (2, 3), b"", crc=bw.crc32c(hostile.PAYLOAD), offset=0, size=24)
    bundle.add_payload(b"empty", hostile.FLOAT, (1 << 30, 0, 1 << 20), b"")
    prefix = bundle.write(tmp_path / "in" / "ck")
    want = [judge.tensor("w", hostile.VALUES, "float32"), judge.tensor("alias", hostile.VALUES.reshape(2, 3), "float32"),
            judge.from_bytes("empty", b"", "float32", (1 << 30, 0, 1 << 20))]
    judge.assert_same(tf_cli.hash(prefix)[0], want)
    tf_cli.convert(prefix, tmp_path / "out", "--to", "raw")
    judge.assert_same(readback.raw_folder(tmp_path / "out"), want)


def test_a_git_lfs_pointer_is_called_by_its_name(small, tf_cli, tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1234\n"
    for suffix in (".data-00000-of-00002", ".index"):
        Path(f"{small}{suffix}").write_bytes(pointer)
        done = tf_cli("convert", small, tmp_path / "out.h5", "--names", "raw")
        assert done.code in (3, 4, 6) and "lfs" in done.err.lower(), done
        assert not (tmp_path / "out.h5").exists()


def test_control_characters_of_names_are_escaped_in_every_message(tf_cli, tmp_path):
    name = "evil\x1b[2J\nsecond line\u202e"
    array = np.zeros(3, np.float32)
    source = write_raw(tmp_path / "in", {name: ("float32", array)})
    for args in (("ls", source), ("ls", source, "--long"), ("ls", source, "--tree"), ("info", source), ("hash", source),
                 ("print", source, name), ("convert", source, tmp_path / "o.h5", "--dry-run")):
        done = tf_cli(*args).succeeds()
        assert "\x1b" not in done.out + done.err and "\u202e" not in done.out + done.err, done
        assert "\nsecond line" not in done.out, done
    (source / "weights.bin").write_bytes(b"")
    done = tf_cli("convert", source, tmp_path / "o.h5")
    assert done.code == 3 and "\x1b" not in done.err and "second line" in done.err, done
