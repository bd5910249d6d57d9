"""ztensor, whose readers are its own and not those of the official libraries, reads what tensorferry writes."""

from __future__ import annotations

import pytest
import ztensor

from arrays import bits
from raw_input import stored_bytes, write_raw

# canonical name -> ztensor's, of what every format below holds in a type of its own
DTYPES = {
    "bool": "bool", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16",
    "uint32": "u32", "uint64": "u64", "float16": "f16", "float32": "f32", "float64": "f64",
}  # fmt: skip
SHAPES = {"scalar": (), "vector": (7,), "cube": (3, 1, 5), "large": (300, 700)}


@pytest.mark.parametrize("target", ["out.safetensors", "out.npz", "out.onnx"])
def test_an_independent_reader_finds_every_bit(tf_cli, tmp_path, target):
    tensors = {f"group/{dtype}_{label}": (dtype, bits(dtype, shape, seed))
               for seed, dtype in enumerate(DTYPES) for label, shape in SHAPES.items()}  # fmt: skip
    given = write_raw(tmp_path / "in", tensors)
    tf_cli("convert", given, tmp_path / target, "-q").succeeds()
    with ztensor.open(str(tmp_path / target)) as file:
        assert sorted(file) == sorted(tensors)
        for name, (dtype, array) in tensors.items():
            found = file[name]
            assert (found.logical or found.dtype, tuple(found.shape)) == (DTYPES[dtype], array.shape), name
            assert memoryview(found).tobytes() == stored_bytes(array, dtype), name
