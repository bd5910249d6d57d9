"""TensorFlow restores what tensorferry writes, by each of its ways, bit for bit.

Where TensorFlow wrote the source, the files that come out are the ones that went in.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import judge
from arrays import OTHER_DTYPES, TENSORFLOW_DTYPES, bits
from raw_input import write_raw

# Checkpoints whose layout a writer of whole, plain, little-endian tensors does not repeat: partitioned ones, and those
# that no TensorFlow wrote.
NOT_THE_SAME = {
    "fresh/partitioned", "fresh/sliced_by_hand", "fresh/max_shard_size", "fresh/big_endian", "fresh/snappy_blocks",
    "fresh/slices_of_any_dtype", "fresh/big_endian_slices", "tensorflow/tf1_part_v2_ref/model.ckpt-7",
    "tensorflow/tf2_maxshard/m",
    "real/sm-serving-snappy/saved_model_half_plus_two_cpu/00000123/variables/variables",
}  # fmt: skip


def options(**given) -> list[str]:
    return [word for name, value in given.items() for word in ("--out-opt", f"{name}={value}")]


def write(tf_cli, source, prefix, *args, **given) -> Path:
    tf_cli.convert(source, prefix, "--to", "tensorflow", *args, *options(**given))
    return prefix


def files_of(prefix: Path) -> dict[str, bytes]:
    found = [*prefix.parent.glob(f"{prefix.name}.data-*"), prefix.with_name(prefix.name + ".index")]
    return {file.name[len(prefix.name):]: file.read_bytes() for file in found}


def test_every_checkpoint_is_written_again(checkpoint, any_label, tf_cli, tmp_path):
    import fresh

    prefix, want = checkpoint
    out = write(tf_cli, prefix, tmp_path / "out", "--bookkeeping")
    got = fresh.restore(out, {t.name_bytes: t.dtype for t in want})
    judge.assert_same(got, want, any_label)
    if any_label not in NOT_THE_SAME:
        assert files_of(out) == files_of(prefix), any_label


def arrays() -> dict[str, tuple[str, np.ndarray]]:
    made = {f"all/{d}": (d, bits(d, (16, 17))) for d in TENSORFLOW_DTYPES if d != "string"}
    made |= {f"scalar/{d}": (d, bits(d, (), 3)) for d in TENSORFLOW_DTYPES}
    made |= {f"empty/{d}": (d, bits(d, (3, 0, 2))) for d in TENSORFLOW_DTYPES}
    made["text"] = ("string", bits("string", (4, 5)))
    made["text/of none"] = ("string", np.array([b"", b""], dtype=object))
    return made


@pytest.mark.parametrize("form", ["raw", "npy"])
def test_folders_become_checkpoints(form, tf_cli, tmp_path):
    import fresh

    made = arrays()
    source = write_raw(tmp_path / "in", made)
    if form == "npy":
        tf_cli.convert(source, tmp_path / "npy", "--to", "npy")
        source = tmp_path / "npy"
    out = write(tf_cli, source, tmp_path / "model.ckpt")
    want = [judge.tensor(name, array, dtype) for name, (dtype, array) in made.items()]
    judge.assert_same(fresh.restore(out, {t.name_bytes: t.dtype for t in want}), want, form)
    judge.assert_same(tf_cli.hash(out)[0], want, form)
    if form == "raw":
        judge.assert_same(fresh.load(out), want)
        assert sorted(f.name for f in tmp_path.glob("model*")) == ["model.ckpt.data-00000-of-00001", "model.ckpt.index"]


def test_types_that_tensorflow_lacks_are_bytes_there_and_come_back(tf_cli, tmp_path):
    import tensorflow as tf

    made = {f"all/{d}": (d, bits(d, (16, 17))) for d in OTHER_DTYPES}
    long = np.arange(6, dtype=np.longdouble).reshape(2, 3) / 3
    raw = np.frombuffer(long.tobytes(), np.uint8).copy().reshape(-1, 16)
    raw[:, 10:] = 0  # padding
    entries = {**made, "w": ("float32", bits("float32", (2, 2)))}
    source = write_raw(tmp_path / "in", entries)
    document = json.loads((source / "manifest.json").read_text())
    (source / "long.bin").write_bytes(raw.tobytes())
    document["tensors"].append({"name": "long", "dtype": "longdouble", "shape": [2, 3], "file": "long.bin",
                                "attributes": {"unit": "m"}})
    document["attributes"] = {"author": "A", "step": 3}
    (source / "manifest.json").write_text(json.dumps(document))
    out = write(tf_cli, source, tmp_path / "out")
    reader = tf.train.load_checkpoint(str(out))
    for name, (dtype, array) in made.items():
        value = reader.get_tensor(name)
        assert value.dtype == np.uint8 and value.tobytes() == array.tobytes(), dtype
    assert reader.get_tensor("long").tobytes() == raw.tobytes()
    assert reader.get_tensor("long").shape == (2, 3, 16)
    assert reader.get_tensor("w").tobytes() == entries["w"][1].tobytes()
    judge.assert_same(tf_cli.hash(out)[0], tf_cli.hash(source)[0])
    tf_cli.convert(out, tmp_path / "back", "--to", "raw")
    back = json.loads((tmp_path / "back" / "manifest.json").read_text())
    assert {"author": "A", "step": 3}.items() <= back["attributes"].items()
    assert next(t for t in back["tensors"] if t["name"] == "long")["attributes"]["unit"] == "m"


def test_five_thousand_tensors_take_several_blocks_of_the_index(tf_cli, tmp_path):
    import fresh

    made = {f"{'scope_' * 20}{i:05d}": ("float32", bits("float32", (i % 7,), i)) for i in range(5000)}
    out = write(tf_cli, write_raw(tmp_path / "in", made), tmp_path / "out")
    assert (tmp_path / "out.index").stat().st_size > 4 * 5000
    want = [judge.tensor(n, a, d) for n, (d, a) in made.items()]
    judge.assert_same(fresh.restore(out, {t.name_bytes: t.dtype for t in want}), want)


@pytest.mark.parametrize("given,count", [({"shards": 2}, 2), ({"shards": 5}, 5), ({"max_shard_size": "1K"}, 9)])
def test_shards_are_cut_by_bytes(given, count, tf_cli, tmp_path):
    import fresh

    made = {f"v{i}": ("float32", bits("float32", (10, 10), i)) for i in range(18)}
    out = write(tf_cli, write_raw(tmp_path / "in", made), tmp_path / "out", **given)
    sizes = [f.stat().st_size for f in sorted(tmp_path.glob(f"out.data-*-of-{count:05d}"))]
    assert len(sizes) == count and sum(sizes) == 18 * 400 and max(sizes) - min(sizes) <= 400
    judge.assert_same(fresh.load(out), [judge.tensor(n, a, d) for n, (d, a) in made.items()])


NAMED = {"dense/kernel": ("float32", (5, 3)), "dense/bias": ("float32", (3,)), "step": ("int64", ()),
         "half/w": ("float16", (2, 2)), "flag": ("bool", (3,))}  # fmt: skip


def named(folder: Path, suffix: str = "") -> tuple[Path, dict[str, np.ndarray]]:
    made = {name: (dtype, bits(dtype, shape, 5)) for name, (dtype, shape) in NAMED.items()}
    write_raw(folder, {name + suffix: value for name, value in made.items()})
    return folder, {name: array for name, (_, array) in made.items()}


def assert_equal(variables, values: dict[str, np.ndarray]) -> None:
    assert {n: np.asarray(v).tobytes() for n, v in variables.items()} == {n: v.tobytes() for n, v in values.items()}


@pytest.mark.parametrize("resource", [True, False])
@pytest.mark.parametrize("suffix", ["", ":0"])
def test_a_saver_restores_by_name(suffix, resource, tf_cli, tmp_path):
    import tensorflow as tf

    source, values = named(tmp_path / "in", suffix)
    out = write(tf_cli, source, tmp_path / "model.ckpt", strip_colon_zero=str(bool(suffix)).lower())
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        made = {n: v1.get_variable(n, initializer=np.zeros_like(a), use_resource=resource) for n, a in values.items()}
        v1.train.Saver().restore(session, str(out))
        assert_equal(session.run(made), values)


def test_names_with_colon_zero_stay_unless_told_otherwise(tf_cli, tmp_path):
    import tensorflow as tf

    source, _ = named(tmp_path / "in", ":0")
    out = write(tf_cli, source, tmp_path / "out")
    assert sorted(n for n, _ in tf.train.list_variables(str(out))) == sorted(f"{n}:0" for n in NAMED)


def test_a_checkpoint_object_restores_by_name_without_a_graph(tf_cli, tmp_path):
    import tensorflow as tf

    source, values = named(tmp_path / "in")
    out = write(tf_cli, source, tmp_path / "out")
    made = {n: tf.Variable(np.zeros_like(a), name=n) for n, a in values.items()}
    tf.train.Checkpoint(variables=list(made.values())).restore(str(out))
    assert_equal(made, values)


def module_of(values: dict[str, np.ndarray]):
    """A tree of modules with an attribute for each part of a name."""
    import tensorflow as tf

    root, made = tf.Module(), {}
    for name, array in values.items():
        at, parts = root, name.split("/")
        for part in parts[:-1]:
            if not hasattr(at, part):
                setattr(at, part, tf.Module())
            at = getattr(at, part)
        made[name] = tf.Variable(np.zeros_like(array))
        setattr(at, parts[-1], made[name])
    return root, made


def test_a_generated_graph_is_restored_and_consumed(tf_cli, tmp_path):
    import tensorflow as tf

    source, values = named(tmp_path / "in")
    out = write(tf_cli, source, tmp_path / "out", object_graph="generate")
    root, made = module_of(values)
    tracked = {name: getattr(root, name) for name in {n.split("/")[0] for n in values}}
    saved = tf.train.Checkpoint(**tracked)
    saved.restore(str(out)).assert_consumed().assert_existing_objects_matched()
    assert_equal(made, values)
    assert saved.save_counter.numpy() == 0
    again = Path(saved.save(str(tmp_path / "again")))
    assert dict(tf.train.list_variables(str(again))).keys() == dict(tf.train.list_variables(str(out))).keys()
    assert {t.name: t.sha256 for t in tf_cli.hash(again)[0] if t.name in dict(tf.train.list_variables(str(out)))
            and not t.bookkeeping and "save_counter" not in t.name} == {
        t.name: t.sha256 for t in tf_cli.hash(out)[0] if not t.bookkeeping and "save_counter" not in t.name}


def test_parts_of_names_are_escaped_as_dictionaries_are(tf_cli, tmp_path):
    import tensorflow as tf

    value = bits("float32", (3,))
    source = write_raw(tmp_path / "in", {"d/a.b": ("float32", value), "d/.x": ("float32", value)})
    out = write(tf_cli, source, tmp_path / "out", object_graph="generate")
    made = {"a.b": tf.Variable(np.zeros(3, "f4")), ".x": tf.Variable(np.zeros(3, "f4"))}
    tf.train.Checkpoint(d=made).restore(str(out)).assert_consumed()
    assert_equal(made, {"a.b": value, ".x": value})


def keras_model(seed: int):
    import tensorflow as tf

    tf.keras.utils.set_random_seed(seed)
    layers = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(8, activation="relu", name="my_dense_layer"),
                                 layers.BatchNormalization(), layers.Dense(2)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def assert_same_weights(got, want) -> None:
    assert len(got) == len(want)
    for a, b in zip(got, want):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.fixture(scope="module")
def saved_keras(tmp_path_factory):
    import tensorflow as tf

    model = keras_model(1)
    model.fit(np.ones((8, 4), "f4"), np.zeros((8, 2), "f4"), epochs=1, verbose=0)
    prefix = tf.train.Checkpoint(model=model, optimizer=model.optimizer).save(
        str(tmp_path_factory.mktemp("keras") / "ckpt"))
    return Path(prefix), model


@pytest.mark.parametrize("names", ["raw", "auto", "keras"])
@pytest.mark.parametrize("through", ["", "raw", "npy"])
def test_a_graph_is_carried_and_consumed(names, through, saved_keras, tf_cli, tmp_path):
    import tensorflow as tf

    source, model = saved_keras
    if through:
        tf_cli("convert", source, tmp_path / through, "--to", through, "--names", names).succeeds()
        source = tmp_path / through
    words = ["--names", names] if not through else []
    tf_cli("convert", source, tmp_path / "out", "--to", "tensorflow", "--no-sync", *words).succeeds()
    other = keras_model(2)
    saved = tf.train.Checkpoint(model=other, optimizer=other.optimizer)
    saved.restore(str(tmp_path / "out")).assert_consumed()
    assert_same_weights(other.get_weights(), model.get_weights())
    assert_same_weights(other.optimizer.variables, model.optimizer.variables)


def test_what_is_left_out_is_left_out_of_the_graph(saved_keras, tf_cli, tmp_path):
    import tensorflow as tf

    source, model = saved_keras
    out = write(tf_cli, source, tmp_path / "out", "--exclude", "optimizer/*", "--exclude", "*optimizer*")
    kept = dict(tf.train.list_variables(str(out)))
    assert not any("optimizer/" in name for name in kept)
    if any(name.startswith("model/") and "kernel" in name for name in kept):
        other = keras_model(2)
        status = tf.train.Checkpoint(model=other, optimizer=other.optimizer).restore(str(out))
        with pytest.raises(AssertionError):
            status.assert_existing_objects_matched()


def test_a_variable_left_out_is_missed_by_tensorflow(tf_cli, tmp_path):
    import tensorflow as tf

    a, b = tf.Variable(bits("float32", (3,))), tf.Variable(bits("float32", (4,)))
    source = Path(tf.train.Checkpoint(a=a, b=b).save(str(tmp_path / "ck")))
    out = write(tf_cli, source, tmp_path / "out", "--exclude", "b/*")
    new = tf.Variable(np.zeros(3, "f4"))
    tf.train.Checkpoint(a=new).restore(str(out)).assert_consumed()
    assert new.numpy().tobytes() == a.numpy().tobytes()
    status = tf.train.Checkpoint(a=new, b=tf.Variable(np.zeros(4, "f4"))).restore(str(out))
    with pytest.raises(AssertionError):
        status.assert_existing_objects_matched()


def test_slots_and_tables_and_iterators_are_restored(tf_cli, tmp_path):
    import tensorflow as tf

    def made():
        table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
        iterator = iter(tf.data.Dataset.range(10))
        return tf.train.Checkpoint(table=table, iterator=iterator, rng=tf.random.Generator.from_seed(1)), table, iterator

    saved, table, iterator = made()
    table.insert(tf.constant(["a", "b"]), tf.constant([1, 2], tf.int64))
    for _ in range(3):
        next(iterator)
    source = Path(saved.save(str(tmp_path / "ck")))
    out = write(tf_cli, source, tmp_path / "out", "--bookkeeping")
    assert files_of(out) == files_of(source)
    saved, table, iterator = made()
    saved.restore(str(out)).assert_consumed()
    assert table.lookup(tf.constant(["a", "b", "c"])).numpy().tolist() == [1, 2, -1]
    assert next(iterator).numpy() == 3


def test_tf_keras_loads_weights(tf_cli, tmp_path):
    import tf_keras

    def model(seed):
        tf_keras.utils.set_random_seed(seed)
        return tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(3, name="my_dense_layer"),
                                    tf_keras.layers.Dense(2)])

    first, second = model(1), model(2)
    first.save_weights(str(tmp_path / "w"))
    for names in ("raw", "auto"):
        out = tmp_path / f"out-{names}"
        tf_cli("convert", tmp_path / "w", out, "--to", "tensorflow", "--names", names).succeeds()
        second.set_weights([np.zeros_like(w) for w in second.get_weights()])
        second.load_weights(str(out)).assert_consumed()
        assert_same_weights(second.get_weights(), first.get_weights())


def test_a_saved_model_takes_new_variables(tf_cli, tmp_path):
    import tensorflow as tf

    module = tf.Module()
    module.dense = tf.Variable(bits("int32", (5, 3)), name="dense")
    tf.saved_model.save(module, str(tmp_path / "sm"))
    variables = tmp_path / "sm" / "variables" / "variables"
    tf_cli.convert(variables, tmp_path / "in", "--to", "raw", "--bookkeeping")
    document = json.loads((tmp_path / "in" / "manifest.json").read_text())
    entry = next(t for t in document["tensors"] if t["name"].startswith("dense"))
    new = bits("int32", (5, 3), 9)
    entry.update(file="new.bin", offset=0)
    del entry["crc32c"]
    (tmp_path / "in" / "new.bin").write_bytes(new.tobytes())
    (tmp_path / "in" / "manifest.json").write_text(json.dumps(document))
    write(tf_cli, tmp_path / "in", variables, "--overwrite")
    assert tf.saved_model.load(str(tmp_path / "sm")).dense.numpy().tobytes() == new.tobytes()


def test_the_state_file_is_written_when_asked_and_never_replaced_unasked(tf_cli, tmp_path):
    import tensorflow as tf

    source, _ = named(tmp_path / "in")
    folder = tmp_path / "out"
    folder.mkdir()
    write(tf_cli, source, folder / "quiet")
    assert not (folder / "checkpoint").exists()
    write(tf_cli, source, folder / 'a "b" ż.ckpt', state_file="true")
    assert tf.train.latest_checkpoint(str(folder)) == str(folder / 'a "b" ż.ckpt')
    before = (folder / "checkpoint").read_bytes()
    tf_cli("convert", source, folder / "c", "--to", "tensorflow", *options(state_file="true")).fails_with(7, "checkpoint")
    assert not list(folder.glob("c.*")) and (folder / "checkpoint").read_bytes() == before


@pytest.mark.parametrize("target", ["m.ckpt", "m.ckpt.index"])
def test_a_target_is_the_prefix_or_the_index(target, tf_cli, tmp_path):
    source, _ = named(tmp_path / "in")
    tf_cli.convert(source, tmp_path / target)
    assert sorted(os.listdir(tmp_path)) == ["in", "m.ckpt.data-00000-of-00001", "m.ckpt.index"]
    tf_cli("convert", source, tmp_path / target).fails_with(7)
    tf_cli.convert(source, tmp_path / target, "--overwrite")
    tf_cli("convert", source, tmp_path / "m.data-00000-of-00001", "--to", "tensorflow").fails_with(2)


@pytest.mark.parametrize("names", [[""], ["\0a"], ["_TENSORFERRY"], ["_CHECKPOINTABLE_OBJECT_GRAPH"], ["x", "x:0"]])
def test_names_that_a_checkpoint_cannot_hold_are_refused(names, tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {n: ("float32", np.zeros(1, "f4")) for n in names})
    tf_cli("convert", source, tmp_path / "out", "--to", "tensorflow", *options(strip_colon_zero="true")).fails_with(4)
    assert os.listdir(tmp_path) == ["in"]


def test_names_of_any_other_bytes_are_held(fresh_checkpoints, tf_cli, tmp_path):
    made = fresh_checkpoints["odd_names"]
    tf_cli.convert(made.prefix, tmp_path / "raw", "--to", "raw")
    out = write(tf_cli, tmp_path / "raw", tmp_path / "out")
    judge.assert_same(tf_cli.hash(out)[0], made.tensors)
