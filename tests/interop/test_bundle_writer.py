"""Our own bundle writer is right: TensorFlow reads what it makes. (So a refusal elsewhere is no fault of it.)"""

from __future__ import annotations

import numpy as np
import pytest

import bundle_writer as bw
from arrays import bits


def test_checksums_are_crc32c():
    vectors = {b"": 0x00000000, b"a": 0xC1D04330, b"123456789": 0xE3069283, bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43}
    for data, crc in vectors.items():
        assert bw.crc32c(data) == crc
    assert bw.mask(0xE3069283) == 0xC78AB0E5
    block = bytes(range(256)) * 3
    assert bw.crc32c_repeated(block, 37) == bw.crc32c(block * 37)


def test_the_smallest_bundle_is_byte_for_byte_what_tensorflow_writes(tmp_path):
    import fresh

    array = np.array([1.0, 2.0], np.float32)
    text = np.array([b"hi", b""], dtype=object)
    theirs = fresh.save(tmp_path / "tf" / "x", {"a": ("float32", array), "s": ("string", text)})
    ours = bw.Bundle()
    ours.add("a", "float32", array)
    ours.add("s", "string", text)
    mine = ours.write(tmp_path / "own" / "x")
    for suffix in (".index", ".data-00000-of-00001"):
        got, want = (open(f"{p}{suffix}", "rb").read() for p in (mine, theirs))
        if suffix == ".index":  # TensorFlow shortens the last key of the index block to "t"
            assert got[:75] == want[:75] and len(got) == len(want)
        else:
            assert got == want


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("compress", [False, True])
def test_tensorflow_reads_both_byte_orders_and_snappy_blocks(big, compress, tmp_path):
    import fresh
    import judge

    bundle = bw.Bundle(big=big, shards=3)
    want = []
    for i, dtype in enumerate(("float32", "int16", "complex128", "bool", "string", "float16", "uint64")):
        array = bits(dtype, (5, 7), i)
        bundle.add(f"scope/of/{dtype}", dtype, array, shard=i % 3)
        want.append(judge.tensor(f"scope/of/{dtype}", array, dtype))
    cut = bits("int32", (4, 6), 9)
    bundle.add_sliced("cut", "int32", cut, [[(0, -1), (0, 2)], [(0, -1), (2, 4)]], [0, 2])
    prefix = bundle.write(tmp_path / "b", compress=compress, per_block=3)
    got = fresh.restore(prefix, {t.name.encode(): t.dtype for t in want} | {b"cut": "int32"})
    judge.assert_same(got, [*want, judge.tensor("cut", cut, "int32")])


def test_tensorflow_refuses_a_flipped_bit(tmp_path):
    import tensorflow as tf

    bundle = bw.Bundle()
    bundle.add("a", "float32", bits("float32", (3,)))
    prefix = bundle.write(tmp_path / "b")
    data = tmp_path / "b.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[5] ^= 1
    data.write_bytes(content)
    with pytest.raises(tf.errors.DataLossError):
        tf.raw_ops.RestoreV2(prefix=str(prefix), tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32])
