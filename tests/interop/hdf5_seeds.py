"""Small HDF5 files of every structure that the format has, for mutants. Usage: hdf5_seeds.py FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np


def old_groups(file: h5py.File) -> None:
    for name in "ab", "c/d", "c/e":
        file[name] = np.arange(6, dtype=np.float32).reshape(2, 3)
    file["soft"] = h5py.SoftLink("/c/d")
    file["hard"] = file["ab"]
    file["ab"].attrs["text"] = "of a dataset"
    file.attrs["number"] = 7


def compact_links(file: h5py.File) -> None:
    old_groups(file)
    file["c"].attrs["list"] = ["one", "two"]


def ordered_dense_links(file: h5py.File) -> None:
    group = file.create_group("g", track_order=True)
    for i in range(20):
        group[f"w{i}"] = np.float32(i)


def dense_attributes(file: h5py.File) -> None:
    file["w"] = np.arange(3, dtype=np.int16)
    for i in range(20):
        file["w"].attrs[f"a{i}"] = i if i % 2 else f"text {i}"


def tree_of_chunks(file: h5py.File) -> None:
    file.create_dataset("t", data=np.arange(60, dtype=np.int32).reshape(6, 10), chunks=(2, 3), compression="gzip",
                        shuffle=True, fletcher32=True)
    part = file.create_dataset("part", (40,), "i2", chunks=(4,), fillvalue=3)
    part[8:12] = 1


def fixed_array(file: h5py.File) -> None:
    file.create_dataset("f", data=np.arange(60, dtype=np.int32).reshape(6, 10), chunks=(2, 3), compression="gzip")
    file.create_dataset("paged", data=np.arange(3000, dtype=np.int8), chunks=(2,), maxshape=(3000,))


def extensible_array(file: h5py.File) -> None:
    file.create_dataset("e", data=np.arange(60, dtype=np.int32).reshape(6, 10), chunks=(2, 3), maxshape=(None, 10))
    file.create_dataset("z", data=np.arange(90, dtype=np.int8), chunks=(2,), maxshape=(None,), compression="gzip")


def second_tree(file: h5py.File) -> None:
    file.create_dataset("b", data=np.arange(60, dtype=np.int32).reshape(6, 10), chunks=(2, 3), maxshape=(None, None))
    file.create_dataset("z", data=np.arange(60, dtype=np.int32).reshape(6, 10), chunks=(2, 3), maxshape=(None, None),
                        compression="gzip")


def one_chunk(file: h5py.File) -> None:
    file.create_dataset("single", data=np.arange(6, dtype=np.int32), chunks=(6,), compression="gzip")
    space = h5py.h5s.create_simple((6, 4))
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_chunk((2, 2))
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    h5py.h5d.create(file.id, b"implicit", h5py.h5t.NATIVE_INT32, space, early).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.arange(24, dtype=np.int32).reshape(6, 4))


def types(file: h5py.File) -> None:
    file["named"] = np.dtype([("r", "f4"), ("i", "f4")])
    file.create_dataset("typed", data=np.zeros(3, file["named"].dtype), dtype=file["named"])
    file["strings"] = np.array([b"one", b"a longer one", b""], dtype=h5py.string_dtype())
    file["fixed"] = np.array([b"one", b"two"], dtype="S5")
    file["enum"] = np.array([True, False])
    file.create_dataset("rows", (2,), dtype=h5py.vlen_dtype(np.int8))[0] = np.arange(3, dtype=np.int8)
    file.create_dataset("fill", (4,), "f8", fillvalue=2.5)
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32BE, h5py.h5s.create_simple((3,)), compact)
    file["array"] = np.zeros(2, dtype=np.dtype(("i2", (3,))))


def keras_legacy(file: h5py.File) -> None:
    file.attrs["layer_names"] = np.array([b"dense", b"dense_1"])
    for layer in "dense", "dense_1":
        group = file.create_group(layer)
        group.attrs["weight_names"] = np.array([f"{layer}/kernel:0".encode(), f"{layer}/bias:0".encode()])
        group[f"{layer}/kernel:0"] = np.ones((2, 3), np.float32)
        group[f"{layer}/bias:0"] = np.ones(3, np.float32)


def keras_weights(file: h5py.File) -> None:
    for i, name in enumerate(("first", "second")):
        group = file.create_group(f"layers/dense_{i}/vars")
        group.attrs["name"] = name
        group["0"] = np.ones((2, 3), np.float32)
        group["1"] = np.ones(3, np.float32)
    file["optimizer/vars/0"] = np.int64(3)


SEEDS = {
    "old_groups": (old_groups, "earliest"), "compact_links": (compact_links, "v110"),
    "ordered": (ordered_dense_links, "v110"), "ordered_old": (ordered_dense_links, "earliest"),
    "dense_attributes": (dense_attributes, "v110"), "tree_of_chunks": (tree_of_chunks, "earliest"),
    "fixed_array": (fixed_array, "v110"), "extensible_array": (extensible_array, "v110"),
    "second_tree": (second_tree, "v110"), "one_chunk": (one_chunk, "v110"), "types": (types, "earliest"),
    "types_latest": (types, "v110"), "keras_legacy": (keras_legacy, "earliest"),
    "keras_weights": (keras_weights, "v110"),
}


def write_all(folder: Path) -> list[Path]:
    paths = []
    for name, (fill, version) in SEEDS.items():
        paths.append(folder / f"{name}.h5")
        with h5py.File(paths[-1], "w", libver=(version, "v110")) as file:
            fill(file)
    return paths


if __name__ == "__main__":
    print(*write_all(Path(sys.argv[1])), sep="\n")
