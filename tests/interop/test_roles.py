"""What the tensors of a checkpoint are to the program that saved it, and what --exclude-optimizer leaves out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from naming import GRAPH, LABELS, SUFFIX, digest, hashes, listed


def roles(tf_cli, source) -> dict[str, str]:
    """Key -> role."""
    document = json.loads(tf_cli("ls", source, "--json", "--names", "raw").succeeds().out)
    return {t["name"]: t.get("role", "weight") for t in document["tensors"]}


def by_name(tf_cli, source, *args) -> dict[str, str]:
    document = json.loads(tf_cli("ls", source, "--json", *args).succeeds().out)
    return {t.get("attributes", {}).get("tensorflow.key", t["name"]): t.get("role", "weight") for t in document["tensors"]}


def test_the_models_weights_remain_and_what_went_is_named(named_checkpoints, tf_cli):
    for label in LABELS:
        made = named_checkpoints[label]
        got = hashes(tf_cli, made.path, "--exclude-optimizer")
        got.pop(GRAPH, None)
        assert sorted(got.values()) == sorted(digest(w) for w in made.weights * made.copies), (label, got)
        names, _ = listed(tf_cli, made.path)
        kept, notes = listed(tf_cli, made.path, "--exclude-optimizer")
        gone = names.keys() - kept.keys()
        assert ("roles.left_out" in notes) == bool(gone) != ("roles.none_left_out" in notes), (label, notes)
        if gone:
            assert notes["roles.left_out"].startswith(f"{len(gone)} that are not state of the model"), notes
            assert any(name in notes["roles.left_out"] for name in gone), notes


def test_what_is_converted_without_the_optimizer_is_the_model(named_checkpoints, tf_cli, tmp_path):
    made = named_checkpoints["checkpoint_keras3"]
    tf_cli("convert", made.path, tmp_path / "out.npz", "--exclude-optimizer", "--no-sync").succeeds()
    arrays = np.load(tmp_path / "out.npz")
    assert len(arrays.files) == len(made.weights)
    assert sorted(digest(arrays[n]) for n in arrays.files) == sorted(map(digest, made.weights))


def test_keys_alone_tell_the_same_as_the_object_graph(named_one, tf_cli):
    """With raw names the graph is not read."""
    assert roles(tf_cli, named_one.path) == by_name(tf_cli, named_one.path)


def test_every_save_has_the_roles_that_it_should(named_checkpoints, tf_cli):
    def count(label, role):
        return sum(r == role for r in by_name(tf_cli, named_checkpoints[label].path).values())

    slots = {"save_weights_keras2": 10, "checkpoint_keras2": 10, "checkpoint_keras3": 10, "saved_model_keras2": 10,
             "saver": 6, "checkpoint_of_module": 0, "saved_model_of_module": 0, "export_keras3": 0}  # fmt: skip
    assert {label: count(label, "optimizer") for label in slots} == slots
    counters = {label: count(label, "counter") for label in LABELS}
    assert {label for label, n in counters.items() if n} == {"saver", "checkpoint_of_module", "checkpoint_keras2",
                                                             "checkpoint_keras3"}, counters
    assert count("saved_model_keras2", "metric") == 2


@pytest.fixture(scope="module")
def bookkeeping(tmp_path_factory):
    """Everything but weights that tf.train.Checkpoint takes."""
    import tensorflow as tf

    class Progress(tf.train.experimental.PythonState):
        def serialize(self):
            return "half way"

        def deserialize(self, text):
            pass

    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    table.insert(["a", "b"], tf.constant([1, 2], tf.int64))
    iterator = iter(tf.data.Dataset.range(5))
    next(iterator)
    saved = tf.train.Checkpoint(
        w=tf.Variable([1.0, 2.0]), table=table, iterator=iterator, progress=Progress(), step=tf.Variable(7, dtype=tf.int64),
        generator=tf.random.Generator.from_seed(3))  # fmt: skip
    return saved.save(str(tmp_path_factory.mktemp("bookkeeping") / "ckpt"))


@pytest.mark.parametrize("style", ["auto", "raw"])
def test_state_that_is_no_weight_is_labelled(bookkeeping, style, tf_cli):
    got = by_name(tf_cli, bookkeeping, "--names", style)
    assert got == {
        GRAPH: "config", "w" + SUFFIX: "weight", "save_counter" + SUFFIX: "counter",
        "step" + SUFFIX: "counter", "generator/_state_var" + SUFFIX: "rng",
        "progress/.ATTRIBUTES/py_state": "program", "iterator/.ATTRIBUTES/ITERATOR_STATE": "iterator",
        "table/.ATTRIBUTES/table-keys": "table", "table/.ATTRIBUTES/table-values": "table"}  # fmt: skip


def test_tables_are_kept_with_the_weights(bookkeeping, tf_cli):
    kept, notes = listed(tf_cli, bookkeeping, "--exclude-optimizer")
    assert sorted(kept.values()) == sorted([GRAPH, "w" + SUFFIX, "table/.ATTRIBUTES/table-keys",
                                            "table/.ATTRIBUTES/table-values"])
    for role in ("2 counter", "1 iterator", "1 rng", "1 program"):
        assert role in notes["roles.left_out"], notes


def test_seeds_of_keras_layers_are_no_weights(tf_cli, tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.Dropout(0.5)])
    model.export(str(tmp_path / "drop"), verbose=False)
    got = by_name(tf_cli, tmp_path / "drop")
    assert [k for k, r in got.items() if r == "rng"] == ["variables/2" + SUFFIX], got
    kept, notes = listed(tf_cli, tmp_path / "drop", "--exclude-optimizer")
    assert len(kept) == 1 + 2 * 2 and "1 rng" in notes["roles.left_out"]


def test_names_like_those_of_an_optimizer_are_not_enough(tf_cli, tmp_path):
    from fresh import save

    one_d = np.zeros(3, np.float32)
    prefix = save(tmp_path / "alike", {
        "x": ("float32", one_d), "x/Adam": ("float32", np.zeros(4, np.float32)),
        "y": ("float32", one_d), "y/Momentum": ("float64", np.zeros(3)), "alone/Adam": ("float32", one_d),
        "beta1_power": ("float32", np.array(0.9, np.float32)), "decay": ("float32", np.array(1, np.float32)),
        "net/learning_rate": ("float32", np.array(1, np.float32)), "global_step": ("float32", one_d),
        "a-keys": ("int64", np.zeros(2, np.int64))})  # fmt: skip
    got = roles(tf_cli, prefix)
    assert set(got.values()) == {"weight"}, got
    _, notes = listed(tf_cli, prefix, "--exclude-optimizer")
    assert "roles.none_left_out" in notes


def test_the_same_names_beside_their_variable_are(tf_cli, tmp_path):
    from fresh import save

    one_d, scalar = np.zeros(3, np.float32), np.array(1, np.float32)
    prefix = save(tmp_path / "real", {
        "x": ("float32", one_d), "x/Adam": ("float32", one_d), "train/x/Momentum_1": ("float32", one_d),
        "beta1_power": ("float32", scalar), "global_step": ("int64", np.array(3, np.int64))})  # fmt: skip
    assert roles(tf_cli, prefix) == {"x": "weight", "x/Adam": "optimizer", "train/x/Momentum_1": "optimizer",
                                     "beta1_power": "optimizer", "global_step": "counter"}


def test_plain_sgd_of_keras_2_has_no_slots_and_is_an_optimizer(tf_cli, tmp_path):
    import tensorflow as tf
    import tf_keras

    optimizer = tf_keras.optimizers.legacy.SGD()
    weight = tf.Variable([1.0], name="layer/w")
    optimizer.apply_gradients([(tf.constant([1.0]), weight)])
    prefix = tf.train.Checkpoint(w=weight, optimizer=optimizer).write(str(tmp_path / "sgd"))
    for style in ("auto", "raw"):
        got = by_name(tf_cli, prefix, "--names", style)
        assert got["w" + SUFFIX] == "weight"
        assert {k for k, r in got.items() if r == "optimizer"} == {k for k in got if k.startswith("optimizer/")} != set()
