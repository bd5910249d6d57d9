"""Wrong words on the command line: code 2, what was wrong, and the nearest right word; and selections."""

from __future__ import annotations

import pytest

import judge
import readback


@pytest.fixture
def made(fresh_checkpoints):
    return fresh_checkpoints["partitioned"]


@pytest.mark.parametrize("words, near", [
    (["convert", "IN", "OUT", "--overwite"], "--overwrite"),
    (["convert", "IN", "OUT", "--exlude", "x"], "--exclude"),
    (["ls", "IN", "--jsno"], "--json"),
    (["convert", "IN", "OUT", "--out-opt", "compresion=gzip"], "compression"),
    (["convert", "IN", "OUT", "--to", "hdf6"], "hdf5"),
    (["convert", "IN", "OUT", "--from", "tensrflow"], "tensorflow"),
    (["covnert", "IN", "OUT"], "convert"),
    (["print", "IN", "axis0/part2"], "axis0/parts2"),
], ids=lambda v: v if isinstance(v, str) else "")  # fmt: skip
def test_an_unknown_word_is_answered_with_the_nearest(words, near, made, tf_cli, tmp_path):
    words = [{"IN": str(made.prefix), "OUT": str(tmp_path / "out.h5")}.get(w, w) for w in words]
    tf_cli(*words).fails_with(2, near)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [
    ["convert"], ["convert", "IN"], ["convert", "IN", "OUT", "more"], ["ls"], ["convert", "IN", "OUT", "-j", "0x"],
    ["convert", "IN", "OUT", "-j", "-1"], ["convert", "IN", "OUT", "--include"], ["convert", "IN", "OUT", "--regex",
    "--include", "("], ["convert", "IN", "OUT", "--memory-limit", "much"], ["convert", "IN", "OUT", "--progress", "loud"],
    ["convert", "IN", "OUT.xyz"], ["convert", "IN", "OUT", "--out-opt", "level"], ["ls", "IN", "--names", "pretty"],
    ["print", "IN", "no/such/tensor"], ["formats", "no-such-format"],
], ids=" ".join)  # fmt: skip
def test_wrong_arguments_are_usage_errors(words, made, tf_cli, tmp_path):
    places = {"IN": str(made.prefix), "OUT": str(tmp_path / "out.h5"), "OUT.xyz": str(tmp_path / "out.xyz")}
    tf_cli(*[places.get(w, w) for w in words]).fails_with(2)
    assert not list(tmp_path.iterdir())


def test_no_tensor_selected_is_a_usage_error_unless_allowed(made, tf_cli, tmp_path):
    tf_cli("convert", made.prefix, tmp_path / "out", "--to", "raw", "--include", "nothing*").fails_with(2, "--allow-empty")
    assert not list(tmp_path.iterdir())
    for form in ("raw", "npy", "hdf5"):
        how = readback.FORMS[form]
        tf_cli.convert(made.prefix, tmp_path / how.target, "--include", "nothing*", "--allow-empty", *how.options)
        assert how.read(tmp_path / how.target) == []


SELECTIONS = {
    ("--include", "axis0/*"): {"axis0/parts2", "axis0/parts3", "axis0/parts5"},
    ("--include", "axis0/*", "--exclude", "*5"): {"axis0/parts2", "axis0/parts3"},
    ("--exclude", "axis*"): {"one_part", "plain"},
    ("--include", "*parts3", "--include", "plain"): {"axis0/parts3", "axis1/parts3", "axis2/parts3", "plain"},
    ("--include", "plain", "--exclude", "plain", "--include", "one_part"): {"one_part"},
    ("--scope", "axis1"): {"axis1/parts2", "axis1/parts3", "axis1/parts5"},
    ("--scope", "axis1", "--scope", "plain"): {"axis1/parts2", "axis1/parts3", "axis1/parts5", "plain"},
    ("--scope", "axis2/parts5"): {"axis2/parts5"},
    ("--scope", "axis1", "--exclude", "*2"): {"axis1/parts3", "axis1/parts5"},
    ("--regex", "--include", "parts[23]$"): {f"axis{a}/parts{p}" for a in range(3) for p in (2, 3)},
    ("--regex", "--include", "^plain", "--include", "one"): {"plain", "one_part"},
    ("--include", "axis?/parts2"): {"axis0/parts2", "axis1/parts2", "axis2/parts2"},
}


@pytest.mark.parametrize("words", SELECTIONS, ids=" ".join)
def test_a_selection_means_the_same_in_every_command(words, made, tf_cli, tmp_path):
    want = [t for t in made.tensors if t.name in SELECTIONS[words]]
    assert len(want) == len(SELECTIONS[words])
    judge.assert_same(tf_cli.hash(made.prefix, *words)[0], want)
    assert set(tf_cli.listing(made.prefix, *words)) == SELECTIONS[words]
    tf_cli.convert(made.prefix, tmp_path / "out", "--to", "raw", *words)
    judge.assert_same(readback.raw_folder(tmp_path / "out"), want)


def test_a_scope_is_a_whole_component_from_the_start(tf_cli, samples_keras, tmp_path):
    names = {t.name for t in tf_cli.hash(samples_keras, "--scope", "my_dense_layer")[0]}
    assert names == {"my_dense_layer/kernel", "my_dense_layer/bias"}
    assert tf_cli("convert", samples_keras, tmp_path / "out.h5", "--scope", "dense_layer").code == 2
    assert tf_cli("convert", samples_keras, tmp_path / "out.h5", "--include", "kernel").code == 2


@pytest.fixture
def samples_keras(repository):
    return repository / "samples" / "keras_model"


def test_dry_run_says_the_fate_of_every_tensor_and_writes_nothing(made, tf_cli, tmp_path):
    for form in readback.FORMS.values():
        done = tf_cli("convert", made.prefix, tmp_path / form.target, "--dry-run", "--names", "raw", *form.options).succeeds()
        for t in made.tensors:
            assert t.name in done.out + done.err, (t.name, done)
    assert not list(tmp_path.iterdir())


def test_the_formats_are_listed_with_their_options(tf_cli):
    listed = tf_cli("formats").succeeds().out
    for name in ("raw", "npy", "hdf5", "onnx", "tensorflow"):
        assert name in listed
    assert "compression" in tf_cli("formats", "hdf5").succeeds().out
    assert "external_threshold" in tf_cli("formats", "onnx").succeeds().out


@pytest.mark.parametrize("word, name", [("h5", "hdf5"), ("hdf", "hdf5"), ("HDF5", "hdf5"), (".h5", "hdf5"), ("tf", "tensorflow"),
                                        ("ckpt", "tensorflow"), ("st", "safetensors"), ("ONNX", "onnx")])  # fmt: skip
def test_a_format_is_known_by_the_words_that_people_use(word, name, made, tf_cli, tmp_path):
    tf_cli.convert(made.prefix, tmp_path / "out", "--to", word)
    listed = tf_cli("info", tmp_path / "out", "--json", "--from", name).succeeds()
    assert tf_cli("info", tmp_path / "out", "--json", "--from", word).succeeds().out == listed.out
    assert f'"{name}"' in listed.out


@pytest.mark.parametrize("word, says", [
    ("keras", "--to hdf5"), ("pt", "--to safetensors"), ("pytorch", "--to safetensors"), ("saved_model", "--to tensorflow"),
    ("numpy", "--to npy or --to npz"), ("safetensor", "did you mean safetensors?"), ("tensorfow", "did you mean tensorflow?"),
])  # fmt: skip
def test_a_word_for_what_is_not_written_is_answered_with_the_right_one(word, says, made, tf_cli, tmp_path):
    tf_cli("convert", made.prefix, tmp_path / "out", "--to", word).fails_with(2, "usage.unknown_format", says)
    assert not list(tmp_path.iterdir())


def test_help_is_no_error(tf_cli):
    for words in (["--help"], ["convert", "--help"], ["ls", "--help"], ["--version"]):
        assert tf_cli(*words).succeeds().out
