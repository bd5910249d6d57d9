"""Names, maps, transpositions, metadata and the dry run, judged by numpy, TensorFlow and the manifest that comes out."""

from __future__ import annotations

import json

import numpy as np
import pytest

import judge
import readback
from arrays import bits
from bundle_writer import Bundle
from naming import hashes, keys_of
from raw_input import write_raw

PERMUTED = ("float32", "float64", "int16", "complex64", "uint8", "bool", "string")


def cut(shape, rng) -> list[list[tuple[int, int]]]:
    """Boxes that cover the shape: each of up to two dimensions in two parts."""
    boxes = [[(0, extent) for extent in shape]]
    for d in rng.permutation(len(shape))[:2]:
        if shape[d] < 2:
            continue
        at = int(rng.integers(1, shape[d]))
        halves = []
        for box in boxes:
            for part in ((0, at), (at, shape[d] - at)):
                halves.append([*box[:d], part, *box[d + 1 :]])
        boxes = halves
    return boxes


def transposed(tf_cli, source, folder, axes: dict[str, tuple[int, ...]], *more) -> list[judge.Tensor]:
    words = [w for name, order in axes.items() for w in ("--transpose", f"{name}={','.join(map(str, order))}")]
    tf_cli.convert(source, folder, "--to", "raw", *words, *more)
    return readback.raw_folder(folder)


@pytest.mark.parametrize("rank", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("kind", ["row-major", "column-major, big-endian", "partitioned", "partitioned, big-endian"])
def test_random_permutations_of_every_rank(rank, kind, tf_cli, tmp_path):
    rng = np.random.default_rng([rank, len(kind)])
    arrays, axes = {}, {}
    for trial in range(8):
        dtype = PERMUTED[trial % len(PERMUTED)]
        if kind == "column-major, big-endian" and dtype == "string":
            dtype = "uint16"
        name = f"t{trial}"
        arrays[name] = (dtype, bits(dtype, tuple(rng.integers(1, 7, rank)), seed=trial))
        axes[name] = tuple(rng.permutation(rank).tolist())
    if kind.startswith("partitioned"):
        bundle = Bundle(big="big" in kind, shards=2)
        for name, (dtype, array) in arrays.items():
            boxes = cut(array.shape, rng)
            bundle.add_sliced(name, dtype, array, boxes, [i % 2 for i in range(len(boxes))])
        source = bundle.write(tmp_path / "in" / "ckpt")
    else:
        source = write_raw(tmp_path / "in", arrays, big="big" in kind, column="column" in kind)
    got = transposed(tf_cli, source, tmp_path / "out", axes)
    want = [judge.tensor(n, np.ascontiguousarray(a.transpose(axes[n])), d) for n, (d, a) in arrays.items()]
    judge.assert_same(got, want)


def test_a_large_transposition_passes_through_many_windows(tf_cli, tmp_path):
    array = np.random.default_rng(1).integers(0, 255, (1700, 3, 1900), dtype=np.uint8).view(np.uint8)
    source = write_raw(tmp_path / "in", {"w": ("uint8", array)}, checksum="crc32c")
    for order in ((2, 1, 0), (1, 0, 2), (0, 2, 1)):
        got = transposed(tf_cli, source, tmp_path / "".join(map(str, order)), {"w": order}, "-j", "2")
        judge.assert_same(got, [judge.tensor("w", np.ascontiguousarray(array.transpose(order)), "uint8")])


def test_damage_is_found_in_a_transposed_tensor_too(tf_cli, tmp_path):
    source = write_raw(tmp_path / "in", {"w": ("float32", bits("float32", (40, 50)))}, checksum="crc32c")
    data = bytearray((source / "weights.bin").read_bytes())
    data[777] ^= 1
    (source / "weights.bin").write_bytes(data)
    done = tf_cli("convert", source, tmp_path / "out.npy", "--transpose", "w=1,0", "--cast", "w=float64")
    done.fails_with(3, "corrupt.checksum")
    assert not (tmp_path / "out.npy").exists()


@pytest.fixture
def model(tmp_path):
    names = ("dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "other")
    return write_raw(tmp_path / "model", {n: ("float32", bits("float32", (3, i + 1))) for i, n in enumerate(names)})


def names_of(tf_cli, path) -> list[str]:
    return sorted(tf_cli.listing(path))


def test_rename_then_map_then_cast_by_the_new_names(model, tf_cli, tmp_path):
    (tmp_path / "map.json").write_text(json.dumps({"fc.weight": "layers.0.weight", "fc.bias": "layers.0.bias"}))
    tf_cli.convert(model, tmp_path / "out.safetensors", "--rename", ":0$=", "--rename", "^dense/=fc.", "--rename",
                   r"(\w+)kernel$=$1weight", "--rename", "fc.kernel=fc.weight", "--map", tmp_path / "map.json",
                   "--unmapped", "keep", "--cast", "layers.*=float16", "--cast-overflow", "infinity")  # fmt: skip
    listing = tf_cli.listing(tmp_path / "out.safetensors")
    assert sorted(listing) == ["dense_1/kernel", "layers.0.bias", "layers.0.weight", "other"]
    assert listing["layers.0.bias"]["dtype"] == "float16"
    assert listing["other"]["dtype"] == "float32"


def test_all_problems_stand_in_one_error(model, tf_cli, tmp_path):
    (tmp_path / "map.json").write_text(json.dumps({"dense/kernel:0": "x", "dense/bias:0": "x", "gone": "y"}))
    done = tf_cli("convert", model, tmp_path / "out.npz", "--map", tmp_path / "map.json")
    done.fails_with(2, '"dense_1/kernel:0", "other": usage.unmapped', "usage.name_collision",
                    "this would be the name of dense/kernel:0, dense/bias:0", "4 tensors")  # fmt: skip
    done = tf_cli("convert", model, tmp_path / "out.npz", "--transpose", "*=0,2,1")
    done.fails_with(2, "4 tensors", "usage.axes", "[3, 1]", "[3, 4]")
    assert not (tmp_path / "out.npz").exists()


def test_what_the_map_lacks_is_dropped_or_kept_as_asked(model, tf_cli, tmp_path):
    (tmp_path / "map.json").write_text(json.dumps({"dense/kernel:0": "k", "gone": "y"}))
    done = tf_cli.convert(model, tmp_path / "drop.npz", "--map", tmp_path / "map.json", "--unmapped", "drop")
    assert "3 that the map lacks are left out" in done.err
    assert "1 entry of the map meets no tensor: gone" in done.err
    assert names_of(tf_cli, tmp_path / "drop.npz") == ["k"]
    tf_cli.convert(model, tmp_path / "keep.npz", "--map", tmp_path / "map.json", "--unmapped", "keep")
    assert names_of(tf_cli, tmp_path / "keep.npz") == ["dense/bias:0", "dense_1/kernel:0", "k", "other"]


@pytest.mark.parametrize("words, says", [
    (("--cast", "nothing*=float16"), "usage.no_match"),
    (("--transpose", "*=0,0"), "usage.axes"),
    (("--transpose", "*=a"), "usage.bad_edit"),
    (("--cast", "*=string"), "usage.bad_edit"),
    (("--cast", "float16"), "usage.bad_edit"),
    (("--rename", "(=x"), "usage.bad_regex"),
    (("--unmapped", "drop"), "usage.bad_option"),
    (("--cast", "*=int8", "--cast-overflow", "wrap"), "usage.bad_value"),
    (("--metadata", "=x"), "usage.bad_option"),
])  # fmt: skip
def test_what_makes_no_sense_is_an_error_of_usage(words, says, model, tf_cli, tmp_path):
    tf_cli("convert", model, tmp_path / "out.npz", *words).fails_with(2, says)


@pytest.mark.parametrize("to", ["npz", "safetensors", "onnx", "hdf5", "raw", "npy"])
def test_metadata_is_set_in_every_format_that_has_a_place_for_it(to, model, tf_cli, tmp_path):
    tf_cli.convert(model, tmp_path / "out", "--to", to, "--metadata", "licence=MIT", "--metadata", "author=A = B")
    info = json.loads(tf_cli("info", tmp_path / "out", "--json").succeeds().out)
    assert info["attributes"]["licence"] == "MIT"
    assert info["attributes"]["author"] == "A = B"


def test_a_dry_run_tells_the_fate_of_each_tensor_and_writes_nothing(model, tf_cli, tmp_path):
    words = ("--rename", ":0$=", "--cast", "other=bfloat16", "--exclude", "dense_1*", "--dry-run")
    plan = json.loads(tf_cli("convert", model, tmp_path / "out.onnx", *words, "--json").succeeds().out)
    fates = {t["name"]: t["fate"] for t in plan["tensors"]}
    assert fates == {"dense/kernel": ["renamed"], "dense/bias": ["renamed"], "other": ["cast"]}
    assert plan["left_out"] == [{"name": "dense_1/kernel:0", "reason": "not selected"}]
    assert [t["renamed_from"] for t in plan["tensors"] if "renamed_from" in t] == ["dense/kernel:0", "dense/bias:0"]
    assert plan["free"] > 0 and 0 < plan["peak_memory"] < 64 << 20
    text = tf_cli("convert", model, tmp_path / "out.onnx", *words).succeeds().out
    assert "renamed from dense/kernel:0" in text and "cast from float32" in text and "left out: not selected" in text
    assert not (tmp_path / "out.onnx").exists()
    tf_cli.convert(model, tmp_path / "out.onnx", *words[:-1], "--cast-overflow", "infinity")
    assert plan["files"] == [{"path": str(tmp_path / "out.onnx"), "bytes": (tmp_path / "out.onnx").stat().st_size}]
    carried = json.loads(tf_cli("convert", model, tmp_path / "out", "--to", "npy", *words, "--json").succeeds().out)
    assert {t["name"]: t.get("carried_as", {}).get("carrier") for t in carried["tensors"]}["other"] == "bits"


def test_a_renamed_tensor_gets_its_new_key_in_a_checkpoint(named_checkpoints, tf_cli, tmp_path):
    made = named_checkpoints["checkpoint_keras3"]
    rename = ("--rename", "my_dense_layer=renamed")
    tf_cli("convert", made.path, tmp_path / "out", "--to", "tensorflow", *rename, "--verify").succeeds()
    keys = keys_of(tmp_path / "out")
    names = [name for name in hashes(tf_cli, made.path) if "my_dense_layer" in name]
    assert len(names) >= 2
    assert {name.replace("my_dense_layer", "renamed") for name in names} <= keys, keys
    assert not any("my_dense_layer/" in key for key in keys), keys


def test_a_scope_of_a_checkpoint_keeps_its_part_of_the_object_graph(named_checkpoints, tf_cli, tmp_path):
    made = named_checkpoints["checkpoint_keras3"]
    cut = ("--scope", "my_dense_layer", "--verify")
    tf_cli("convert", made.path, tmp_path / "out", "--to", "tensorflow", *cut).succeeds()
    keys = keys_of(tmp_path / "out")
    assert "_CHECKPOINTABLE_OBJECT_GRAPH" in keys, keys
    variables = {key for key in keys if key.endswith(".ATTRIBUTES/VARIABLE_VALUE")}
    assert variables <= keys_of(made.prefix) | {"save_counter/.ATTRIBUTES/VARIABLE_VALUE"}
    cut = hashes(tf_cli, made.path, "--scope", "my_dense_layer")
    assert len(cut) == 2 and cut.items() <= hashes(tf_cli, tmp_path / "out").items()


def test_verify_reads_back_under_raw_names_as_well(named_one, tf_cli, tmp_path):
    tf_cli.convert(named_one.path, tmp_path / "out", "--to", "tensorflow", "--verify")


@pytest.fixture
def training(tmp_path):
    """What a run of training saves: weights, a step that float16 cannot hold, a mask, text."""
    made = {"w": ("float32", np.array([[0.1, -2.5], [1e-9, 3]], "<f4")), "v": ("float64", np.array([0.3, 1.0])),
            "step": ("int64", np.array([2049])), "mask": ("bool", np.array([True, False])),
            "words": ("string", np.array([b"a", b"bc"], dtype=object)), "z": ("complex64", np.array([1 + 2j], "<c8"))}
    return write_raw(tmp_path / "training", made), made


def test_a_cast_of_all_to_a_floating_point_dtype_leaves_steps_and_masks(training, tf_cli, tmp_path):
    source, made = training
    done = tf_cli.convert(source, tmp_path / "out.npz", "--cast", "*=float16")
    with np.load(tmp_path / "out.npz") as got:
        assert got["step"].dtype == np.int64 and got["step"] == 2049
        assert got["mask"].dtype == bool and got["z"].dtype == np.complex64
        for name in ("w", "v"):
            assert got[name].dtype == np.float16 and np.array_equal(got[name], made[name][1].astype(np.float16))
    assert "--cast *=float16 takes floating-point tensors only; 4 others are left as before" in done.err
    assert "int64 (1)" in done.err and "string (1)" in done.err and "'*=int64>float16'" in done.err or "bool>" in done.err
    assert "1 became zero, the first at index 2" in done.err, "1e-9 in w"


def test_a_cast_takes_what_is_named(training, tf_cli, tmp_path):
    source, made = training
    tf_cli.convert(source, tmp_path / "dtype.npz", "--cast", "*=int64>float16")
    tf_cli.convert(source, tmp_path / "name.npz", "--cast", "step=float16", "--cast", "mask=int8")
    tf_cli.convert(source, tmp_path / "kinds.npz", "--cast", "*=fp16", "--cast", "*=int32", "--cast", "*=complex128")
    with np.load(tmp_path / "dtype.npz") as got:
        assert got["step"].dtype == np.float16 and got["step"] == 2048 and got["w"].dtype == np.float32
    with np.load(tmp_path / "name.npz") as got:
        assert got["step"].dtype == np.float16 and got["mask"].dtype == np.int8 and got["w"].dtype == np.float32
    with np.load(tmp_path / "kinds.npz") as got:
        kinds = {"w": "float16", "v": "float16", "step": "int32", "mask": "bool", "z": "complex128"}
        assert {name: str(got[name].dtype) for name in kinds} == kinds
        assert got["step"] == 2049 and got["z"] == 1 + 2j


def test_a_cast_that_finds_nothing_of_its_kind_says_what_there_is(training, tf_cli, tmp_path):
    source, _ = training
    done = tf_cli("convert", source, tmp_path / "out.npz", "--cast", "s*=float16")
    done.fails_with(2, "usage.no_match", "no floating-point tensor", "int64 (1)", "s*=int64>float16")
    tf_cli("convert", source, tmp_path / "out.npz", "--cast", "words=float16").fails_with(4, "unsupported.cast")
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("words, says", [
    (("--exclude", "gone*"), '--exclude "gone*" matches no tensor'),
    (("--exclude", "othr"), '--exclude "othr" matches no tensor; did you mean other?'),
    (("--include", "other", "--include", "gone"), '--include "gone" matches no tensor'),
    (("--include", "other", "--include", "x.$", "--regex"), '--include "x.$" matches no tensor'),
    (("--scope", "dense", "--scope", "dens_1"), 'there is no scope "dens_1"; did you mean dense_1?'),
    (("--rename", "gone=x"), "--rename matches no name: gone"),
    (("--rename", "other=dense", "--rename", "other=x"), "--rename matches no name: other"),
])  # fmt: skip
def test_what_matches_nothing_is_noted(words, says, model, tf_cli, tmp_path):
    done = tf_cli.convert(model, tmp_path / "out.npz", *words)
    assert says in done.err, done
    assert done.err.count("matches no") + done.err.count("there is no scope") == 1, done


def test_a_rename_of_a_match_by_itself_matches(model, tf_cli, tmp_path):
    assert "matches no" not in tf_cli.convert(model, tmp_path / "out.npz", "--rename", "other=other").err


@pytest.mark.parametrize("words, near", [
    (("--scope", "dens"), "did you mean dense?"),
    (("--scope", "dense/krenel:0"), "did you mean dense"),
    (("--include", "othr"), "did you mean other?"),
])  # fmt: skip
def test_a_selection_that_leaves_nothing_says_what_was_meant(words, near, model, tf_cli, tmp_path):
    tf_cli("convert", model, tmp_path / "out.npz", *words).fails_with(2, near, "--allow-empty")
    tf_cli("ls", model, *words).fails_with(2, near)


def test_a_scope_further_inside_or_divided_by_dots_is_suggested(tf_cli, tmp_path):
    one = ("float32", np.ones(1, "f4"))
    inside = write_raw(tmp_path / "inside", {"my_model/hidden/kernel": one, "my_model/out/kernel": one})
    tf_cli("ls", inside, "--scope", "hiden").fails_with(2, "did you mean my_model/hidden?")
    dotted = write_raw(tmp_path / "dotted", {"layers.0.weight": one})
    tf_cli("ls", dotted, "--scope", "layers").fails_with(2, "--include 'layers.*'")


@pytest.mark.parametrize("cast, says", [
    ("float16", "'*=float16' casts"), ("bf16", "'*=bf16' casts"), ("float32>float16", "'*=float32>float16' casts"),
    ("*=half", "write float16 or bfloat16"), ("*=float", "write float32 or float64"), ("*=flaot16", "did you mean float16?"),
])  # fmt: skip
def test_a_cast_written_otherwise_is_answered_with_the_right_one(cast, says, model, tf_cli, tmp_path):
    done = tf_cli("convert", model, tmp_path / "out.npz", "--cast", cast)
    assert done.code in (2, 4) and says in done.err, done


@pytest.mark.parametrize("word, dtype", [("fp16", "float16"), ("bf16", "bfloat16"), ("fp32", "float32"), ("f64", "float64")])
def test_short_words_for_dtypes(word, dtype, model, tf_cli, tmp_path):
    tf_cli.convert(model, tmp_path / "out.safetensors", "--cast", f"other={word}", "--cast-overflow", "infinity")
    assert tf_cli.listing(tmp_path / "out.safetensors")["other"]["dtype"] == dtype
