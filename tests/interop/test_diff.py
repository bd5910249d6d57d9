"""`diff`: numpy computes the same errors, distances and verdicts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from judge import NUMPY
from raw_input import write_raw


def pair(tmp_path, dtype, a, b):
    return write_raw(tmp_path / "a", {"w": (dtype, a)}), write_raw(tmp_path / "b", {"w": (dtype, b)})


def diff(tf_cli, a, b, *more):
    done = tf_cli("diff", a, b, "--json", *more)
    assert done.code in (0, 1), done
    document = json.loads(done.out)
    assert document["equal"] == (done.code == 0)
    return document


def ordered(array: np.ndarray) -> np.ndarray:
    """Representable values in order, as integers."""
    width = array.dtype.itemsize
    raw = array.view(f"u{width}").astype(object)
    sign = 1 << (8 * width - 1)
    return np.array([-(c - sign) if c >= sign else c for c in raw.reshape(-1)], dtype=object)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"])
def test_errors_and_distances(tf_cli, tmp_path, dtype):
    rng = np.random.default_rng(5)
    a = rng.normal(0, 2, (7, 50)).astype(NUMPY[dtype])
    b = a.copy()
    b.reshape(-1)[::3] = (a.reshape(-1)[::3].astype(np.float64) * 1.3).astype(NUMPY[dtype])
    x, y = a.reshape(-1).astype(np.float64), b.reshape(-1).astype(np.float64)
    found = diff(tf_cli, *pair(tmp_path, dtype, a, b))["differences"][0]["values"]
    error = np.abs(x - y)
    assert found["different_bits"] == found["apart"] == (x != y).sum()
    assert found["first"] == [int(i) for i in np.unravel_index(np.argmax(x != y), a.shape)]
    assert found["worst"] == [int(i) for i in np.unravel_index(np.argmax(error), a.shape)]
    assert found["absolute"] == error.max()
    relative = (error[y != 0] / np.abs(y[y != 0])).max()
    assert float(found["relative"]) == pytest.approx(relative, rel=1e-14) or (y == 0).any()
    assert found["ulp"] == max(abs(p - q) for p, q in zip(ordered(a), ordered(b)))


@pytest.mark.parametrize("atol,rtol", [(0.01, 0), (0, 0.001), (1e-3, 1e-3), (1e-8, 1e-5)])
def test_tolerances_are_numpys(tf_cli, tmp_path, atol, rtol):
    rng = np.random.default_rng(6)
    a = rng.normal(0, 1, 5000)
    b = a + rng.normal(0, 0.002, 5000) * (rng.random(5000) < 0.5)
    a[:3], b[:3] = [np.nan, np.inf, -np.inf], [np.nan, np.inf, np.inf]
    apart = ~np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
    document = diff(tf_cli, *pair(tmp_path, "float64", a, b), "--atol", atol, "--rtol", rtol)
    assert document["differences"][0]["values"]["apart"] == apart.sum()


def test_exit_codes_and_kinds(tf_cli, tmp_path):
    one = np.arange(4, dtype="f4")
    a = write_raw(tmp_path / "a", {"same": ("float32", one), "old": ("float32", one), "gone": ("float32", one),
                                   "type": ("float32", one), "shape": ("float32", one)})
    b = write_raw(tmp_path / "b", {"same": ("float32", one), "new": ("float32", one),
                                   "type": ("int32", one.astype("i4")), "shape": ("float32", one.reshape(2, 2))})
    (tmp_path / "map.json").write_text('{"old": "new"}')
    document = diff(tf_cli, a, b, "--map", tmp_path / "map.json")
    assert document["same"] == 2
    assert sorted(d["kind"] for d in document["differences"]) == ["dtype", "only in A", "shape"]
    assert tf_cli("diff", a, b, "--include", "same").code == 0
    assert tf_cli("diff", a, b, "--map", tmp_path / "map.json", "--include", "old").code == 0
    assert tf_cli("diff", a, b, "--atol", "-1").code == 2
    tf_cli("diff", a, tmp_path / "none").fails_with(6)


def test_across_every_format_and_back(tf_cli, tmp_path):
    a = write_raw(tmp_path / "a", {"x/w": ("float32", np.arange(6, dtype="f4").reshape(2, 3))})
    formats = json.loads(tf_cli("formats", "--json").succeeds().out)["formats"]
    names = [f["name"] for f in formats if f["reads"] and f["writes"]]
    assert names
    for name in names:
        tf_cli.convert(a, tmp_path / f"to-{name}", "--to", name, "--verify")
        assert diff(tf_cli, a, tmp_path / f"to-{name}")["same"] == 1
    temp = tmp_path / "temp"
    temp.mkdir()
    tf_cli("roundtrip", a, "--via", ",".join(names), "--temp", temp).succeeds()
    assert list(temp.iterdir()) == []
    tf_cli("roundtrip", a, "--via", "nothing").fails_with(2)
