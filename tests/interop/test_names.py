"""What tensors of TensorFlow checkpoints are called: raw keys, object paths, full names, and which of them by default."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from naming import GRAPH, LABELS, SCOPE, SUFFIX, digest, hashes, keys_of, listed


def test_the_scope_of_a_layer_is_its_kernel_and_bias_however_it_was_saved(named_checkpoints, tf_cli):
    for label in LABELS:
        made = named_checkpoints[label]
        # TensorFlow 1 puts the slots of a variable below its name.
        args = ["--scope", SCOPE] + (["--exclude-optimizer"] if label == "saver" else [])
        got = hashes(tf_cli, made.path, *args)
        assert {n[n.index(SCOPE):] for n in got} == {f"{SCOPE}/kernel", f"{SCOPE}/bias"}, (label, got)
        want = {w: digest(a) for w, a in zip(("kernel", "bias"), made.weights)}
        assert {n.split("/")[-1]: h for n, h in got.items()} == want, label


def test_a_scope_that_begins_no_name_is_found_inside_with_a_note(named_checkpoints, tf_cli):
    for label in ("checkpoint_keras3", "export_keras3"):
        names, notes = listed(tf_cli, named_checkpoints[label].path, "--scope", SCOPE)
        assert all(n.startswith("sequential") for n in names), names
        assert SCOPE in notes["selection.scope_inside"], notes
    _, notes = listed(tf_cli, named_checkpoints["save_weights_keras2"].path, "--scope", SCOPE)
    assert "selection.scope_inside" not in notes


def test_names_that_are_keys_are_not_looked_into(named_checkpoints, tf_cli):
    for label, scope in (("saver", "kernel"), ("checkpoint_keras2", "layer_with_weights-0")):
        tf_cli("ls", named_checkpoints[label].path, "--names", "raw", "--scope", scope).fails_with(2)
    names, _ = listed(tf_cli, named_checkpoints["checkpoint_keras2"].path, "--scope", "model/layer_with_weights-0")
    assert set(names) == {f"{SCOPE}/kernel", f"{SCOPE}/bias"}, "keys answer where no name does"


def test_a_scope_inside_several_names_is_refused_with_the_list(tf_cli, tmp_path):
    import tensorflow as tf

    prefix = tf.train.Checkpoint(a=tf.Variable(1.0, name="left/layer/w"), b=tf.Variable(2.0, name="right/layer/w")).write(
        str(tmp_path / "two"))
    done = tf_cli("ls", prefix, "--scope", "layer").fails_with(2, "left/layer", "right/layer")
    assert done.identifiers == ["usage.ambiguous_scope"]


def test_raw_names_are_the_keys_of_tensorflow(named_one, tf_cli):
    names, _ = listed(tf_cli, named_one.path, "--names", "raw")
    assert set(names) == keys_of(named_one.prefix)
    assert all(name == key for name, key in names.items())


@pytest.mark.parametrize("style", ["auto", "object", "keras"])
def test_other_names_are_unique_and_every_key_stays_with_its_tensor(named_one, style, tf_cli):
    names, _ = listed(tf_cli, named_one.path, "--names", style)
    assert sorted(names.values()) == sorted(keys_of(named_one.prefix))
    for name, key in names.items():
        assert ".ATTRIBUTES" not in name, (name, key)
    raw, named = hashes(tf_cli, named_one.path, "--names", "raw"), hashes(tf_cli, named_one.path, "--names", style)
    assert {names[n]: h for n, h in named.items()} == raw
    if style == "object":
        assert all(key == name + SUFFIX for name, key in names.items() if key.endswith(SUFFIX)), names
    if style == "auto":
        assert names == listed(tf_cli, named_one.path)[0]


def test_full_names_are_those_of_the_variables(named_checkpoints, tf_cli):
    keras2 = {"my_dense_layer/kernel", "my_dense_layer/bias", "head/kernel", "head/bias", "Adam/m/head/bias"}
    for label in ("save_weights_keras2", "checkpoint_keras2", "saved_model_keras2"):
        names, _ = listed(tf_cli, named_checkpoints[label].path)
        assert keras2 <= set(names), names
        assert "optimizer/_iterations" in names, "a bare full name gives way to the path"
        assert "iteration" in listed(tf_cli, named_checkpoints[label].path, "--names", "keras")[0]
    for label in ("checkpoint_of_module", "saved_model_of_module"):
        bare, notes = listed(tf_cli, named_checkpoints[label].path, "--names", "keras")
        assert {"kernel", "bias"} <= set(bare) and "tensorflow.ambiguous_names" not in notes


def test_names_stay_when_the_checkpoint_is_written_again_or_cut(named_one, tf_cli, tmp_path):
    names, _ = listed(tf_cli, named_one.path)
    tf_cli("convert", named_one.path, tmp_path / "again.ckpt", "--bookkeeping", "--no-sync").succeeds()
    assert listed(tf_cli, tmp_path / "again.ckpt")[0] == names
    part, _ = listed(tf_cli, named_one.path, "--include", "*bias*")
    assert part and part.items() <= names.items()


def test_a_wrong_style_is_an_error_of_usage_that_lists_the_right_ones(named_one, tf_cli):
    done = tf_cli("ls", named_one.path, "--names", "wrong").fails_with(2, "raw", "object", "keras")
    assert done.identifiers == ["usage.bad_option"]


def test_both_copies_of_a_keras_export_are_listed(named_checkpoints, tf_cli):
    made = named_checkpoints["export_keras3"]
    names, notes = listed(tf_cli, made.path)
    copies = {n for n in names if n.startswith("_all_variables/")}
    originals = {n for n in names if names[n].startswith("variables/")}
    assert len(copies) == len(originals) == len(made.weights) and len(names) == 2 * len(made.weights) + 1
    assert all("/" in n and not n.startswith("variables/") for n in originals), originals
    got = hashes(tf_cli, made.path)
    assert sorted(got[n] for n in copies) == sorted(got[n] for n in originals) == sorted(map(digest, made.weights))
    assert "_all_variables" in notes["tensorflow.stored_twice"]


def test_a_name_that_two_variables_have_goes_to_neither(tf_cli, tmp_path):
    import tensorflow as tf

    prefix = tf.train.Checkpoint(a=tf.Variable(1.0, name="same/w"), b=tf.Variable(2.0, name="same/w"),
                                 c=tf.Variable(3.0, name="own/w")).write(str(tmp_path / "same"))
    names, notes = listed(tf_cli, prefix)
    assert names == {GRAPH: GRAPH, "a": "a" + SUFFIX, "b": "b" + SUFFIX, "own/w": "c" + SUFFIX}
    assert "same/w" in notes["tensorflow.ambiguous_names"]
    assert hashes(tf_cli, prefix)["b"] == digest(np.float32(2.0))


def test_a_full_name_that_is_another_tensors_path_goes_to_neither(tf_cli, tmp_path):
    import tensorflow as tf

    inner = tf.train.Checkpoint(y=tf.Variable(1.0, name="bare"))
    prefix = tf.train.Checkpoint(x=inner, z=tf.Variable(2.0, name="x/y")).write(str(tmp_path / "cross"))
    names, notes = listed(tf_cli, prefix)
    assert sorted(names.values()) == sorted(keys_of(prefix))
    assert names["z"] == "z" + SUFFIX and "x/y" in notes["tensorflow.ambiguous_names"]


def test_escapes_in_a_key_are_undone_in_the_path(tf_cli, tmp_path):
    import tensorflow as tf

    root = tf.train.Checkpoint(**{"a/b.c": tf.Variable(1.0, name="bare")})
    prefix = root.write(str(tmp_path / "escaped"))
    assert keys_of(prefix) == {"a.Sb..c" + SUFFIX, GRAPH}
    for style in ("auto", "object"):
        assert listed(tf_cli, prefix, "--names", style)[0] == {GRAPH: GRAPH, "a/b.c": "a.Sb..c" + SUFFIX}


def test_raw_names_need_no_byte_of_the_data(named_one, tf_cli, tmp_path):
    data = named_one.prefix.with_name(named_one.prefix.name + ".data-00000-of-00001")
    shutil.copy(f"{named_one.prefix}.index", tmp_path / f"{data.name.split('.data-')[0]}.index")
    prefix = tmp_path / named_one.prefix.name
    with open(tmp_path / data.name, "wb") as zeros:
        zeros.truncate(data.stat().st_size)
    whole, _ = listed(tf_cli, named_one.path, "--names", "raw")
    assert listed(tf_cli, prefix, "--names", "raw")[0] == whole
    (tmp_path / data.name).unlink()
    names, notes = listed(tf_cli, prefix, "--names", "raw")
    assert names == whole and "input.missing_files" in notes and "tensorflow.names_are_keys" not in notes


def test_a_missing_data_file_leaves_the_keys_and_a_note(named_one, tf_cli, tmp_path):
    shutil.copy(f"{named_one.prefix}.index", tmp_path)
    prefix = tmp_path / named_one.prefix.name
    names, notes = listed(tf_cli, prefix)
    assert set(names) == keys_of(named_one.prefix) and all(n == k for n, k in names.items())
    assert "input.missing_files" in notes
    assert ("tensorflow.names_are_keys" in notes) == (GRAPH in names)
    target = tmp_path / "out"
    target.mkdir()
    tf_cli("convert", prefix, target / "out.npz", "--no-sync").fails_with(6, f"{named_one.prefix.name}.data-00000-of-00001")
    assert not list(target.iterdir())


def test_an_object_graph_that_is_damaged_leaves_the_keys_and_a_note(named_checkpoints, tf_cli, tmp_path):
    made = named_checkpoints["checkpoint_of_module"]
    for file in made.prefix.parent.glob(f"{made.prefix.name}.*"):
        shutil.copy(file, tmp_path)
    (data,) = tmp_path.glob("*.data-*")
    at = data.read_bytes().index(b"my_dense_layer")
    with open(data, "r+b") as file:
        file.seek(at)
        file.write(b"My")
    names, notes = listed(tf_cli, tmp_path / made.prefix.name)
    assert set(names) == keys_of(made.prefix)
    assert "corrupt.checksum" in notes["tensorflow.names_are_keys"], notes


def test_a_tensor_is_printed_by_its_key_and_by_its_name(named_one, tf_cli):
    for name, key in listed(tf_cli, named_one.path)[0].items():
        if key == GRAPH:
            continue
        by_key = tf_cli("print", named_one.path, key, "--full").succeeds().out
        assert by_key == tf_cli("print", named_one.path, name, "--full").succeeds().out
    long = tf_cli("ls", named_one.path, "--long").succeeds().out
    assert all(key in long for key in keys_of(named_one.prefix))
