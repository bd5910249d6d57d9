"""Every stored V2 checkpoint gives the bits that TensorFlow gave, however it is named."""

from __future__ import annotations

from pathlib import Path

import judge


def ways_to_name(prefix: Path) -> dict[str, Path]:
    folder = prefix.parent
    ways = {"prefix": prefix, "index": Path(f"{prefix}.index")}
    ways |= {f"data {p.name}": p for p in sorted(folder.glob(f"{prefix.name}.data-*"))}
    if Path(f"{prefix}.meta").is_file():
        ways["meta"] = Path(f"{prefix}.meta")
    state = folder / "checkpoint"
    newest = None
    if state.is_file():
        newest = Path(state.read_text().splitlines()[0].split('"')[1]).name
        if newest == prefix.name:
            ways["checkpoint file"] = state
    if newest == prefix.name or (newest is None and len(list(folder.glob("*.index"))) == 1):
        ways["folder"] = folder
    if folder.name == "variables" and (folder.parent / "saved_model.pb").is_file():
        ways["SavedModel folder"] = folder.parent
    return ways


def test_hash_gives_what_tensorflow_gave(stored, tf_cli):
    prefix, want = stored
    got, digest = tf_cli.hash(prefix)
    judge.assert_same(got, want, str(prefix))
    assert {t.name for t in got if t.bookkeeping} == {t.name for t in want if t.bookkeeping}
    assert digest == judge.digest(want)


def test_every_way_to_name_the_input_gives_the_same_digest(stored, tf_cli):
    prefix, want = stored
    digests = {way: tf_cli.hash(path)[1] for way, path in ways_to_name(prefix).items()}
    assert set(digests.values()) == {judge.digest(want)}, digests


def test_names_relative_to_the_working_folder_work(stored, tf_cli):
    prefix, want = stored
    done = tf_cli("hash", prefix.name, "--json", "--names", "raw", cwd=prefix.parent).succeeds()
    assert judge.from_hash_json(done.out)[1] == judge.digest(want)


def test_listing_says_names_dtypes_shapes_and_sizes(stored, tf_cli):
    prefix, want = stored
    listed = tf_cli.listing(prefix)
    assert set(listed) == {t.name for t in want}
    for t in want:
        entry = listed[t.name]
        assert (entry["dtype"], tuple(entry["shape"])) == (t.dtype, t.shape)
        if t.dtype != "string":
            count = 1
            for d in t.shape:
                count *= d
            assert entry["bytes"] == count * judge.NUMPY[t.dtype].itemsize, t


def test_a_dead_absolute_path_in_the_checkpoint_file_falls_back_to_the_folder(fixtures_root, tf_cli):
    folder = fixtures_root / "tensorflow" / "tf1_part_v2_ref"
    assert "/moved/elsewhere/" in (folder / "checkpoint").read_text()
    want = judge.stored_checkpoints(fixtures_root)["tensorflow/tf1_part_v2_ref/model.ckpt-7"][1]
    assert tf_cli.hash(folder)[1] == judge.digest(want)


def test_a_torch_pickle_called_model_ckpt_is_an_unknown_format(fixtures_root, tf_cli, tmp_path):
    source = fixtures_root / "real" / "bad-not-tensorflow" / "model.ckpt"
    tf_cli("ls", source).fails_with(4)
    tf_cli("convert", source, tmp_path / "out.h5").fails_with(4)
    assert not list(tmp_path.iterdir())
