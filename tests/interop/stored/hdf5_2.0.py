"""Writes hdf5_2.0.h5: what only HDF5 2.0 writes. To be run with h5py 3.16 or later, whose HDF5 is 2.0."""

from pathlib import Path

import h5py
import numpy as np

ALL = h5py.h5s.ALL
T = h5py.h5t
array = (np.arange(6) - 1j * np.arange(6, 12)).reshape(2, 3)
big = np.arange(60, dtype="f4").reshape(6, 10)


def small_float(fields, size, bias):
    kind = T.IEEE_F16LE.copy()
    kind.set_fields(*fields)
    kind.set_precision(8 * size)
    kind.set_size(size)
    kind.set_ebias(bias)
    return kind


with h5py.File(Path(__file__).with_suffix(".h5"), "w", libver="v200") as file:

    def make(name, kind, data, shape=None):
        space = h5py.h5s.create_simple(data.shape if shape is None else shape)
        h5py.h5d.create(file.id, name.encode(), kind, space).write(ALL, ALL, np.ascontiguousarray(data), kind)

    make("c64", T.COMPLEX_IEEE_F32LE, array.astype("<c8"))
    make("c128", T.COMPLEX_IEEE_F64LE, array.astype("<c16"))
    make("c64be", T.COMPLEX_IEEE_F32BE, array.astype(">c8"))
    make("c32", T.COMPLEX_IEEE_F16LE, np.zeros((4, 2), "<f2"), (4,))
    make("array", T.array_create(T.COMPLEX_IEEE_F32LE, (3,)), array.astype("<c8"), (2,))
    file["bool"] = array.real > 2
    file["bool"].attrs["flag"] = True
    file.create_dataset("plain", data=big, chunks=(4, 4))
    file.create_dataset("one", data=big, chunks=(6, 10), compression="gzip")
    file.create_dataset("filtered", data=big, chunks=(4, 4), compression="gzip")
    make("bf16", small_float((15, 7, 8, 0, 7), 2, 127), (array.real.astype("f4").view("u4") >> 16).astype("u2"))
    make("e5m2", small_float((7, 2, 5, 0, 2), 1, 15), (array.real.astype("f2").view("u2") >> 8).astype("u1"))
    make("e4m3", small_float((7, 3, 4, 0, 3), 1, 7), np.zeros(4, "u1"))
