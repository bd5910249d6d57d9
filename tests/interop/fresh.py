"""Checkpoints that real TensorFlow writes now, and what TensorFlow itself reads from them.

Each builder returns a Checkpoint: its prefix and the tensors that must come out. What must come out is what
TensorFlow's own reader gives; where it refuses (slices of a type it cannot assemble), the arrays that were saved.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

import bundle_writer
from arrays import STRINGS, TENSORFLOW_DTYPES, bits
from fresh_labels import LABELS
from judge import SUB_BYTE, Tensor, tensor

v1 = tf.compat.v1


@dataclass
class Checkpoint:
    prefix: Path
    tensors: list[Tensor]


def tf_type(dtype: str) -> tf.DType:
    return tf.as_dtype(bundle_writer.ENUM[dtype])


def canonical(dtype: tf.DType) -> str:
    return {"half": "float16"}.get(dtype.name, dtype.name)


def restore(prefix: Path, dtypes: dict[bytes, str]) -> list[Tensor]:
    """What the restore op gives for these keys."""
    names = list(dtypes)
    got = tf.raw_ops.RestoreV2(prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names),
                               dtypes=[tf_type(dtypes[n]) for n in names])
    return [tensor(n.decode("utf-8", "surrogateescape"), np.asarray(t.numpy(), dtype=object) if dtypes[n] == "string"
                   else t.numpy(), dtypes[n]) for n, t in zip(names, got)]


def load(prefix: Path) -> list[Tensor]:
    """Everything that tf.train.load_checkpoint lists and reads."""
    reader = tf.train.load_checkpoint(str(prefix))
    out = []
    for name, dtype in reader.get_variable_to_dtype_map().items():
        value, kind = reader.get_tensor(name), canonical(dtype)
        out.append(tensor(name, np.asarray(value, dtype=object) if kind == "string" else value, kind))
    return out


def save(prefix: Path, tensors: dict[bytes | str, tuple[str, np.ndarray]], slices: list[str] | None = None) -> Path:
    prefix.parent.mkdir(parents=True, exist_ok=True)
    names = list(tensors)
    values = [tf.constant(a.tolist() if d == "string" else a, dtype=tf_type(d), shape=a.shape)
              for d, a in tensors.values()]
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=names, shape_and_slices=slices or [""] * len(names),
                      tensors=values)
    return prefix


# ---- the builders --------------------------------------------------------------------------------------------

def every_dtype(root: Path) -> Checkpoint:
    tensors = {d: (d, bits(d, (16, 17))) for d in TENSORFLOW_DTYPES if d != "string"}
    tensors["string"] = ("string", bits("string", (4, 5)))
    prefix = save(root / "every_dtype" / "all", tensors)
    return Checkpoint(prefix, restore(prefix, {n.encode(): d for n, (d, _) in tensors.items()}))


def odd_shapes(root: Path) -> Checkpoint:
    tensors = {}
    shapes = ((), (1,), (0,), (7, 0), (0, 3, 0), (16, 0, 18), (7919,), (13, 17, 19), (1, 1, 1, 1, 1), (2,) * 10)
    for i, shape in enumerate(shapes):
        for dtype in ("float32", "int64", "bfloat16", "bool", "complex128", "int4", "uint2"):
            tensors[f"{dtype}_{'x'.join(map(str, shape)) or 'scalar'}"] = (dtype, bits(dtype, shape, i))
    for label, shape in (("one", ()), ("none", (0,)), ("none_2d", (3, 0)), ("many", (3, 5, 7)), ("single", (1,))):
        tensors[f"string_{label}"] = ("string", bits("string", shape))
    tensors["string_empty"] = ("string", np.array([b"", b"", b""], dtype=object))
    tensors["string_text"] = ("string", np.array([[b"plain", "żółć".encode()]], dtype=object))
    tensors["string_long"] = ("string", np.array([b"\xff" * 300000, b"a" * 70000], dtype=object))
    prefix = save(root / "odd_shapes" / "s", tensors)
    return Checkpoint(prefix, restore(prefix, {n.encode(): d for n, (d, _) in tensors.items()}))


ODD_NAMES = (
    b"a", b"a/b", b"a/b/c", b"A", b"W", b"w", b"with space", b"uni/\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87", b"percent%2F",
    b"%", b"%~", b"a.b/.ATTRIBUTES/VARIABLE_VALUE", b".", b"..", b"../up", b"./here", b"x//y", b"/lead", b"trail/",
    b"con", b"NUL.txt", b"-dash", b".hidden", b"dot.", b"colon:0", b"star*?\"<>|", b"back\\slash", b"new\nline",
    b"escape\x1b[31m", b"nul\0inside", b"\xff\xfe/not-utf8", b"n" * 300, b"s/" * 150 + b"leaf", b"hash#bytes",
    b"e\xcc\x81", b"\xc3\xa9", b"tab\t", b"quote'\"", b"manifest.json", b"manifest",
)  # fmt: skip


def odd_names(root: Path) -> Checkpoint:
    tensors = {name: ("int32", np.array([i, -i], np.int32)) for i, name in enumerate(ODD_NAMES)}
    tensors[b"text/of"] = ("string", np.array(STRINGS, dtype=object))
    prefix = save(root / "odd_names" / "n", tensors)
    return Checkpoint(prefix, restore(prefix, {n: d for n, (d, _) in tensors.items()}))


def many_keys(root: Path) -> Checkpoint:
    tensors = {f"{'scope_' * 33}{i:06d}": ("float32", bits("float32", (3,), i)) for i in range(3000)}
    prefix = save(root / "many_keys" / "m", tensors)
    index = Path(f"{prefix}.index").read_bytes()
    assert len(index) > 3 * 5000, "the index must span several data blocks"
    return Checkpoint(prefix, load(prefix))


def partitioned(root: Path) -> Checkpoint:
    """Variables cut by TensorFlow 1 along each of their axes."""
    prefix = root / "partitioned" / "model.ckpt"
    prefix.parent.mkdir(parents=True)
    with v1.Graph().as_default(), v1.Session() as session:
        for axis in range(3):
            for parts in (2, 3, 5):
                name = f"axis{axis}/parts{parts}"
                v1.get_variable(name, (5, 7, 11), initializer=v1.random_normal_initializer(seed=axis * 10 + parts),
                                partitioner=v1.fixed_size_partitioner(parts, axis=axis), use_resource=False)
        v1.get_variable("one_part", (4, 4), partitioner=v1.fixed_size_partitioner(1), use_resource=False)
        v1.get_variable("plain", initializer=bits("float64", (2, 3)), use_resource=False)
        session.run(v1.global_variables_initializer())
        v1.train.Saver(write_version=v1.train.SaverDef.V2).save(session, str(prefix), write_meta_graph=True)
    return Checkpoint(prefix, load(prefix))


def sliced_by_hand(root: Path) -> Checkpoint:
    """The raw op with slice strings: whole dimensions spelt `-`, tiles in no order, an offset past 8191."""
    whole = bits("float32", (6, 10), 1)
    tall = bits("int64", (9000, 2), 2)
    pieces = [("w", whole[:, 4:], "6 10 -:4,6"), ("w", whole[:, :4], "6 10 -:0,4"),
              ("tall", tall[8500:], "9000 2 8500,500:-"), ("tall", tall[:64], "9000 2 0,64:-"),
              ("tall", tall[64:8500], "9000 2 64,8436:-")]
    prefix = root / "sliced_by_hand" / "s"
    prefix.parent.mkdir(parents=True)
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=[p[0] for p in pieces],
                      shape_and_slices=[p[2] for p in pieces], tensors=[tf.constant(p[1]) for p in pieces])
    return Checkpoint(prefix, load(prefix))


def max_shard_size(root: Path) -> Checkpoint:
    """Guillotine cuts over many shards; TensorFlow cannot read its own float16 slices, so that one is as saved."""
    half = bits("float16", (64, 8), 3)
    model = tf.train.Checkpoint(
        a=tf.Variable(bits("float32", (50, 20), 1)), b=tf.Variable(bits("float32", (7, 11, 13), 2)),
        h=tf.Variable(half), text=tf.Variable(["x", "", "żółć"]), c=tf.Variable(3.5))  # fmt: skip
    policy = tf.train.experimental.MaxShardSizePolicy(max_shard_size=1000)
    options = tf.train.CheckpointOptions(experimental_sharding_callback=policy)
    prefix = Path(model.write(str(root / "max_shard_size" / "m"), options=options))
    names = dict(tf.train.load_checkpoint(str(prefix)).get_variable_to_dtype_map())
    half_key = "h/.ATTRIBUTES/VARIABLE_VALUE"
    readable = {n.encode(): canonical(d) for n, d in names.items() if n != half_key}
    return Checkpoint(prefix, [*restore(prefix, readable), tensor(half_key, half, "float16")])


def sharded(root: Path) -> Checkpoint:
    """A sharded Saver on two devices."""
    prefix = root / "sharded" / "model.ckpt-12"
    prefix.parent.mkdir(parents=True)
    with v1.Graph().as_default():
        for i in range(6):
            with v1.device(f"/cpu:{i % 2}"):
                v1.get_variable(f"v{i}/w", initializer=bits("float32", (i + 1, 5), i), use_resource=False)
        with v1.device("/cpu:1"):
            v1.get_variable("text", initializer=np.array(["a", "bc"]), use_resource=False)
        with v1.Session(config=v1.ConfigProto(device_count={"CPU": 2})) as session:
            session.run(v1.global_variables_initializer())
            v1.train.Saver(sharded=True, write_version=v1.train.SaverDef.V2).save(session, str(prefix))
    assert len(list(prefix.parent.glob("*.data-*"))) > 1
    return Checkpoint(prefix, load(prefix))


def keras_object_graph(root: Path) -> Checkpoint:
    """A trained Keras model with its optimizer, as tf.train.Checkpoint saves it."""
    tf.keras.utils.set_random_seed(5)
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(8, activation="relu", name="my_dense_layer"),
                                 tf.keras.layers.BatchNormalization(), tf.keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((8, 4), "f4"), np.zeros((8, 2), "f4"), epochs=1, verbose=0)
    saved = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
    return Checkpoint(Path(saved.save(str(root / "keras_object_graph" / "ckpt"))), load(root / "keras_object_graph" / "ckpt-1"))


def saved_model(root: Path) -> Checkpoint:
    module = tf.Module()
    module.dense = tf.Variable(bits("float32", (5, 3)), name="dense")
    module.step = tf.Variable(7, dtype=tf.int64)
    tf.saved_model.save(module, str(root / "saved_model"))
    prefix = root / "saved_model" / "variables" / "variables"
    return Checkpoint(prefix, load(prefix))


# types whose big-endian form TensorFlow's own reader refuses ("Byte-swapping not supported"), though one byte has no order
NOT_SWAPPED = {*SUB_BYTE, *(d for d in TENSORFLOW_DTYPES if d.startswith("float8"))}


def _own(prefix: Path, big: bool, **how) -> Checkpoint:
    """Every dtype through our own bundle writer; what TensorFlow will not read is as saved."""
    bundle = bundle_writer.Bundle(big=big, shards=2)
    dtypes, as_saved = {}, []
    for i, dtype in enumerate(TENSORFLOW_DTYPES):
        array = bits(dtype, (4, 5) if dtype == "string" else (8, 33), 40)
        bundle.add(f"t/{dtype}", dtype, array, shard=i % 2)
        if big and dtype in NOT_SWAPPED:
            as_saved.append(tensor(f"t/{dtype}", array, dtype))
        else:
            dtypes[f"t/{dtype}".encode()] = dtype
    bundle.add_sliced("cut", "float32", bits("float32", (6, 10), 41), [[(0, 3), (0, -1)], [(3, 3), (0, -1)]], [0, 1])
    bundle.add("empty", "float64", np.zeros((0, 4)))
    bundle.write(prefix, **how)
    return Checkpoint(prefix, restore(prefix, {**dtypes, b"cut": "float32", b"empty": "float64"}) + as_saved)


def big_endian(root: Path) -> Checkpoint:
    """No little-endian TensorFlow writes one; TensorFlow reads it."""
    return _own(root / "big_endian" / "b", big=True)


def snappy_blocks(root: Path) -> Checkpoint:
    return _own(root / "snappy_blocks" / "s", big=False, compress=True, per_block=7)


def slices_of_any_dtype(root: Path) -> Checkpoint:
    """TensorFlow refuses to assemble most of these; the arrays are what was saved."""
    bundle, tensors = bundle_writer.Bundle(big=False, shards=3), []
    boxes = [[(4, 2), (1, 9)], [(0, 4), (0, 10)], [(4, 2), (0, 1)]]
    for i, dtype in enumerate(TENSORFLOW_DTYPES):
        array = bits(dtype, (6, 10), i)
        bundle.add_sliced(dtype, dtype, array, boxes, [2, 0, 1])
        tensors.append(tensor(dtype, array, dtype))
    return Checkpoint(bundle.write(root / "slices_of_any_dtype" / "s"), tensors)


def big_endian_slices(root: Path) -> Checkpoint:
    bundle, tensors = bundle_writer.Bundle(big=True), []
    for i, dtype in enumerate(("uint16", "complex64", "string", "float64", "bfloat16")):
        array = bits(dtype, (3, 4, 5), i)
        bundle.add_sliced(dtype, dtype, array, [[(0, -1), (0, -1), (2, 3)], [(0, -1), (0, -1), (0, 2)]])
        tensors.append(tensor(dtype, array, dtype))
    return Checkpoint(bundle.write(root / "big_endian_slices" / "s"), tensors)


def build_all(root: Path) -> dict[str, Checkpoint]:
    return {label: globals()[label](root) for label in LABELS}
