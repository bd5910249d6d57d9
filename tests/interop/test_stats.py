"""`stats`: numpy and ml_dtypes compute the same numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from arrays import OTHER_DTYPES, TENSORFLOW_DTYPES, bits
from judge import NUMPY
from raw_input import write_raw

NUMBERS = [d for d in (*TENSORFLOW_DTYPES, *OTHER_DTYPES) if d != "string"]


def values(array: np.ndarray, dtype: str) -> np.ndarray:
    """The numbers in double; a complex element is two."""
    if dtype.startswith("complex"):
        return array.reshape(-1).view(f"f{array.dtype.itemsize // 2}").astype(np.float64)
    if dtype in ("int2", "int4", "uint2", "uint4") and array.dtype == np.uint8:
        n = int(dtype[-1])
        codes = array.reshape(-1).astype(np.int64)
        return (codes if dtype[0] == "u" else codes - ((codes >> (n - 1)) << n)).astype(np.float64)
    return array.reshape(-1).astype(np.float64)


def listed(tf_cli, folder, *more):
    return {e["name"]: e for e in json.loads(tf_cli("stats", folder, "--json", *more).succeeds().out)["tensors"]}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_dtype(tf_cli, tmp_path):
    arrays = {d: (d, bits(d, (9, 1000), 7)) for d in NUMBERS}
    found = listed(tf_cli, write_raw(tmp_path / "raw", arrays))
    assert set(found) == set(NUMBERS)
    for dtype, (_, array) in arrays.items():
        want, got = values(array, dtype), found[dtype]
        assert got["count"] == want.size, dtype
        assert got["nan"] == np.isnan(want).sum(), dtype
        assert got["positive_infinity"] == np.isposinf(want).sum(), dtype
        assert got["negative_infinity"] == np.isneginf(want).sum(), dtype
        assert got["zeros"] == (want == 0).sum(), dtype
        finite = want[np.isfinite(want)]
        assert got["finite"] == finite.size, dtype
        # as few digits as give the value back, as a double or as a float32
        read = np.float64 if array.dtype.itemsize >= 8 and dtype != "complex64" or "int" in dtype else np.float32
        assert read(got["min"]) == finite.min() and read(got["max"]) == finite.max(), dtype
        if dtype in ("float64", "complex128"):
            continue  # random exponents: numpy's own sums overflow
        np.testing.assert_allclose(got["mean"], finite.mean(), rtol=1e-9, atol=1e-12 * np.abs(finite).max())
        np.testing.assert_allclose(got["std"], finite.std(), rtol=1e-9)


def test_ordinary_weights_in_double(tf_cli, tmp_path):
    array = np.random.default_rng(3).normal(1e6, 1e-3, 300_001)
    got = listed(tf_cli, write_raw(tmp_path / "raw", {"w": ("float64", array)}))["w"]
    np.testing.assert_allclose(got["mean"], array.mean(), rtol=1e-15)
    np.testing.assert_allclose(got["std"], array.std(), rtol=1e-9)


def test_fail_on(tf_cli, tmp_path):
    made = {"good": ("float32", np.ones(3, "f4")), "bad": ("float32", np.array([1, np.nan], "f4"))}
    folder = write_raw(tmp_path / "raw", made)
    failed = tf_cli("stats", folder, "--fail-on", "nan,inf", "-q")
    assert failed.code == 1 and "bad: NaN: 1 of 2" in failed.err and failed.out == ""
    tf_cli("stats", folder, "--fail-on", "inf").succeeds()
    tf_cli("stats", folder, "--fail-on", "nan", "--exclude", "bad").succeeds()
    tf_cli("stats", folder, "--fail-on", "zeros").fails_with(2)
