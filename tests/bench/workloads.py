"""The inputs of the benchmark, written by the libraries that write them in real life.

    python workloads.py FOLDER MEBIBYTES [NAME...]
"""

from __future__ import annotations

import json
import os
import pathlib
import sys

import numpy as np

COLUMNS = 1024
SMALL = 20_000


def sizes(mebibytes: int, count: int) -> list[int]:
    """The rows of `count` float32 matrices of 1024 columns, unequal, together about so many MiB."""
    weights = np.random.default_rng(1).uniform(0.2, 1.8, count)
    return [max(1, int(w * mebibytes * 256 / weights.sum())) for w in weights]


def large(mebibytes: int):
    """100 matrices that look like weights (fewer below 100 MiB)."""
    generator = np.random.default_rng(2)
    for index, rows in enumerate(sizes(mebibytes, min(100, mebibytes))):
        yield f"layer_{index:03}/kernel", generator.standard_normal((rows, COLUMNS), np.float32) * np.float32(0.05)


def small(mebibytes: int):
    """20,000 vectors of 1 to 4 KiB (fewer below 1 GiB)."""
    generator = np.random.default_rng(3)
    for index in range(max(10, SMALL * min(mebibytes, 1024) // 1024)):
        length = int(generator.integers(256, 1025))
        yield f"block_{index // 100:03}/w_{index % 100:02}", generator.standard_normal(length, np.float32)


def save_checkpoint(prefix: pathlib.Path, tensors) -> None:
    import tensorflow as tf

    names, arrays = zip(*tensors)
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=list(names), shape_and_slices=[""] * len(names),
                      tensors=list(arrays))  # fmt: skip


def w1(folder, mebibytes):
    save_checkpoint(folder / "model.ckpt", large(mebibytes))


def w2(folder, mebibytes):
    save_checkpoint(folder / "model.ckpt", small(mebibytes))


def w3(folder, _mebibytes):
    import tensorflow as tf

    generator = np.random.default_rng(4)
    module = tf.Module()
    module.variables_ = [tf.Variable(generator.standard_normal((100, 100), np.float32)) for _ in range(10)]
    tf.train.Checkpoint(model=module).write(str(folder / "model.ckpt"))


def w5(folder, mebibytes):
    """16 variables over four shards: 12 partitioned by rows, 4 by columns, as parameter servers write them."""
    import tensorflow as tf

    generator = np.random.default_rng(5)
    shards = [([], [], []) for _ in range(4)]
    rows = max(8, mebibytes * 16) // 8 * 8
    for number in range(16):
        array = generator.standard_normal((rows, COLUMNS), np.float32)
        axis = 0 if number < 12 else 1
        for shard, part in enumerate(np.split(array, 4, axis)):
            start = [0, 0]
            start[axis] = shard * part.shape[axis]
            spec = ":".join(f"{at},{length}" for at, length in zip(start, part.shape))
            for values, value in zip(shards[shard], (f"var_{number:02}", f"{rows} {COLUMNS} {spec}", part)):
                values.append(value)
    prefixes = []
    for number, (names, specs, parts) in enumerate(shards):
        prefixes.append(str(folder / f"part{number}"))
        tf.raw_ops.SaveV2(prefix=prefixes[-1], tensor_names=names, shape_and_slices=specs, tensors=parts)
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=prefixes, destination_prefix=str(folder / "model.ckpt"))


def raw(folder, mebibytes):
    """A manifest.json and one file of bytes, and the names and arrays for whom it may concern."""
    tensors, offset = [], 0
    with open(folder / "weights.bin", "wb") as out:
        for name, array in large(mebibytes):
            tensors.append({"name": name, "dtype": "float32", "shape": list(array.shape), "file": "weights.bin",
                            "offset": offset, "length": array.nbytes})  # fmt: skip
            out.write(array.data)
            offset += array.nbytes
    (folder / "manifest.json").write_text(json.dumps({"tensorferry": 1, "attributes": {}, "tensors": tensors}))


def npy(folder, mebibytes):
    (folder / "arrays").mkdir()
    for name, array in large(mebibytes):
        np.save(folder / "arrays" / (name.replace("/", "%2F") + ".npy"), array)


def safetensors(folder, mebibytes):
    import safetensors.numpy

    safetensors.numpy.save_file(dict(large(mebibytes)), folder / "model.safetensors")


def h5(folder, mebibytes):
    import h5py

    with h5py.File(folder / "model.h5", "w") as file:
        for name, array in large(mebibytes):
            file[name] = array


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def onnx(folder, mebibytes):
    """The framing of the graph is ours: the library would hold the gigabyte five times."""
    from onnx import helper

    parts = []
    for name, array in large(mebibytes):
        parts.append(helper.make_tensor(name, 1, array.shape, array.tobytes(), raw=True).SerializeToString())
    name = b"\x12\x07weights"  # GraphProto.name; 0x2a: GraphProto.initializer; 0x3a: ModelProto.graph
    length = len(name) + sum(1 + len(varint(len(part))) + len(part) for part in parts)
    model = helper.make_model(helper.make_graph([], "weights", [], []))
    model.ClearField("graph")
    with open(folder / "model.onnx", "wb") as out:
        out.write(model.SerializeToString() + b"\x3a" + varint(length) + name)
        for part in parts:
            out.write(b"\x2a" + varint(len(part)))
            out.write(part)


def equal(folder, mebibytes):
    """Twice the same bytes, for cmp."""
    generator = np.random.default_rng(6)
    with open(folder / "a", "wb") as a, open(folder / "b", "wb") as b:
        for _ in range(mebibytes):
            block = generator.bytes(1 << 20)
            a.write(block)
            b.write(block)


def tiny(folder, count):
    """So many float32 vectors of 1 to 4 elements. The header is ours: a million entries in a dict take the library a while."""
    generator = np.random.default_rng(7)
    lengths = generator.integers(1, 5, count)
    offsets = np.concatenate([[0], np.cumsum(lengths * 4)])
    entries = (f'"layer_{index // 100:05}/w_{index % 100:02}":{{"dtype":"F32","shape":[{lengths[index]}],'
               f'"data_offsets":[{offsets[index]},{offsets[index + 1]}]}}' for index in range(count))  # fmt: skip
    header = ("{" + ",".join(entries) + "}").encode()
    header += b" " * (-len(header) % 8)
    with open(folder / "model.safetensors", "wb") as out:
        out.write(len(header).to_bytes(8, "little") + header)
        out.write(generator.standard_normal(offsets[-1] // 4, np.float32).data)


def main() -> None:
    root, mebibytes = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    for name in sys.argv[3:]:
        folder = root / f"{name}-{mebibytes}"
        if folder.exists():
            continue
        making = root / f"{name}.making"
        making.mkdir()
        globals()[name](making, mebibytes)
        making.rename(folder)


if __name__ == "__main__":
    main()
