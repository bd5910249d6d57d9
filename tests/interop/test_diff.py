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


WIDE_AND_NARROW = [("float32", "float16"), ("float32", "bfloat16"), ("float64", "float32"), ("float16", "bfloat16"),
                   ("float32", "float8_e4m3fn"), ("float16", "float8_e5m2"), ("float64", "float16")]  # fmt: skip


def wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32).astype(np.longdouble) if array.dtype.itemsize <= 2 else array.astype(np.longdouble)


@pytest.mark.parametrize("a_type, b_type", WIDE_AND_NARROW)
@pytest.mark.parametrize("atol, rtol", [(0, 1e-3), (1e-4, 0), (1e-8, 2**-9), (0, 0)])
def test_values_of_two_dtypes_are_compared_as_numpy_does(a_type, b_type, atol, rtol, tf_cli, tmp_path):
    """In both directions: the tolerance is relative to B."""
    rng = np.random.default_rng(3)
    a = rng.normal(0, 0.1, (40, 50)).astype(np.float32).astype(NUMPY[a_type])
    a.reshape(-1)[:4] = np.array([np.nan, 0, -0.0, 1]).astype(a.dtype)
    b = a.astype(NUMPY[b_type])
    b.reshape(-1)[7::9] = (wide(b.reshape(-1)[7::9]) * 1.5).astype(NUMPY[b_type])
    for (name, x), (other, y) in (((a_type, a), (b_type, b)), ((b_type, b), (a_type, a))):
        folder = tmp_path / f"{name}-{other}"
        sources = write_raw(folder / "a", {"w": (name, x)}), write_raw(folder / "b", {"w": (other, y)})
        document = diff(tf_cli, *sources, "--atol", atol, "--rtol", rtol)
        found = (document["differences"] + document["close"])[0]
        p, q = wide(x), wide(y)
        assert (found["dtype"], found["dtype_b"]) == (name, other)
        same = (p == q) | (np.isnan(p) & np.isnan(q))
        assert found["values"]["different_bits"] == np.count_nonzero(~same)
        apart = ~np.isclose(p, q, rtol=np.longdouble(rtol), atol=np.longdouble(atol), equal_nan=True)
        assert found["values"]["apart"] == np.count_nonzero(apart)
        if not same.all():
            assert found["values"]["absolute"] == float(np.abs(p - q)[~same].max())


@pytest.mark.parametrize("wide_type, narrow_type", WIDE_AND_NARROW)
def test_ulps_of_two_dtypes_are_those_of_the_one_with_the_shorter_fraction(wide_type, narrow_type, tf_cli, tmp_path):
    """The other is rounded to it first, so that a cast is at a distance of 0."""
    a = np.random.default_rng(4).normal(0, 0.1, 3000).astype(NUMPY[wide_type])
    b = a.astype(NUMPY[narrow_type])
    moved = b.copy()
    moved.view(f"u{b.dtype.itemsize}")[::5] += 2
    distance = np.array([abs(p - q) for p, q in zip(ordered(b), ordered(moved))])
    whole = pair_of(tmp_path / "whole", (wide_type, a), (narrow_type, b))
    assert diff(tf_cli, *whole, "--ulp", 0)["equal"] and not diff(tf_cli, *whole, "--rtol", 0)["equal"]
    for sides in (((wide_type, a), (narrow_type, moved)), ((narrow_type, moved), (wide_type, a))):
        sources = pair_of(tmp_path / sides[0][0], *sides)
        for ulp in (0, 1, 2):
            document = diff(tf_cli, *sources, "--ulp", ulp)
            got = (document["differences"] + document["close"])[0]["values"]
            assert got["apart"] == np.count_nonzero(distance > ulp) and got["ulp"] == distance.max()


def pair_of(folder, a, b):
    return write_raw(folder / "a", {"w": a}), write_raw(folder / "b", {"w": b})


@pytest.mark.parametrize("a, b, equal", [
    (("int64", np.array([2**62 + 1, -5, 0])), ("float64", np.array([2.0**62, -5, 0])), False),
    (("int64", np.array([2**62, -5, 0])), ("float64", np.array([2.0**62, -5, 0])), True),
    (("uint8", np.array([1, 255], "u1")), ("int16", np.array([1, 255], "i2")), True),
    (("uint64", np.array([2**64 - 1], "u8")), ("int64", np.array([-1])), False),
    (("bool", np.array([True, False])), ("float32", np.array([1, 0], "f4")), True),
    (("complex64", np.array([1 + 0j], "c8")), ("float64", np.array([1.0])), True),
    (("complex64", np.array([1 + 1e-3j], "c8")), ("complex128", np.array([1 + 1e-3j])), False),
    (("complex64", np.array([1 + 0.5j], "c8")), ("complex128", np.array([1 + 0.5j])), True),
    (("float32", np.array([np.inf, 7e4], "f4")), ("float16", np.array([np.inf, np.inf], "f2")), False),
])  # fmt: skip
def test_values_of_other_kinds_are_compared_exactly(a, b, equal, tf_cli, tmp_path):
    sources = pair_of(tmp_path, a, b)
    document = diff(tf_cli, *sources, "--rtol", 0)
    assert document["equal"] == equal and document["same"] == 0
    assert len(document["close"]) == equal
    assert diff(tf_cli, *sources, "--ulp", 2)["equal"] == (equal or a[0] == "int64" or b[0] == "complex128")


def test_without_a_tolerance_other_dtypes_differ_and_are_said_to_be_comparable(tf_cli, tmp_path):
    sources = pair_of(tmp_path, ("float32", np.ones(3, "f4")), ("float16", np.ones(3, "f2")))
    done = tf_cli("diff", *sources)
    assert done.code == 1 and "--rtol, --atol or --ulp compares them" in done.err, done
    done = tf_cli("diff", *sources, "--ulp", 0).succeeds()
    assert "float32 | float16 [3]: all values are equal" in done.out and "note" not in done.err, done
    text = pair_of(tmp_path / "text", ("float32", np.ones(1, "f4")), ("string", np.array([b"1"], dtype=object)))
    done = tf_cli("diff", *text, "--rtol", 1)
    assert done.code == 1 and "compares them" not in done.err, done


def test_the_optimizer_is_left_out_of_both(tf_cli, tmp_path):
    """The roles come from the formats; what a format without roles holds is known by its name in the other."""
    import keras
    import tensorflow as tf

    paths = {}
    for steps in (1, 3):
        keras.backend.clear_session()
        keras.utils.set_random_seed(5)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="only")])
        model.compile(keras.optimizers.Adam(0.0), "mse")
        rng = np.random.default_rng(steps)
        for _ in range(steps):
            model.train_on_batch(rng.normal(size=(2, 4)), rng.normal(size=(2, 3)))
        folder = tmp_path / str(steps)
        folder.mkdir()
        paths[steps] = {"keras": folder / "m.keras", "checkpoint": folder / "ckpt", "npz": folder / "m.npz"}
        model.save(folder / "m.keras")
        tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(folder / "ckpt"))
        tf_cli("convert", folder / "ckpt", folder / "m.npz", "--no-sync").succeeds()
    for form in ("keras", "checkpoint", "npz"):
        assert tf_cli("diff", paths[1][form], paths[3][form]).code == 1, form
    for a, b in (("keras", "keras"), ("checkpoint", "checkpoint"), ("checkpoint", "npz"), ("npz", "checkpoint")):
        done = tf_cli("diff", paths[1][a], paths[3][b], "--exclude-optimizer", "--exclude", "save_counter*").succeeds()
        assert "2 tensors the same, bit for bit\n" == done.out, (a, b, done)
    assert tf_cli("diff", paths[1]["npz"], paths[3]["npz"], "--exclude-optimizer").code == 1
