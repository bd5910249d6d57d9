"""Casts: every code of 8 and 16 bits and many of 32 and 64 to every dtype, against tables and the processor's own
rounding, and against ml_dtypes."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest

import casting
from arrays import bits
from casting import COMPLEX, FLOATS, NUMERIC, codes_of, is_nan, to_real, values, width
from judge import NUMPY
from raw_input import write_raw

MILLION = 1_000_000


def written(folder) -> dict[str, bytes]:
    """The bytes of each tensor of a raw folder."""
    document = json.loads((folder / "manifest.json").read_text())
    data = (folder / "weights.bin").read_bytes()
    return {e["name"]: data[e.get("offset", 0) : e.get("offset", 0) + e["length"]] for e in document["tensors"]}


def every_code(dtype: str, count: int) -> np.ndarray:
    """All codes of at most 16 bits; of larger dtypes random ones, the edges of other dtypes, and halfway cases."""
    if dtype == "bool":
        return np.array([False, True])
    if width(dtype) <= 16:
        size = NUMPY[dtype].itemsize
        return np.arange(1 << width(dtype)).astype(f"<u{size}").view(NUMPY[dtype])
    random = bits(dtype, (count,), seed=7)
    if dtype in FLOATS:
        return np.concatenate([random, halfway(dtype), edges(dtype)])
    return random


def halfway(dtype: str) -> np.ndarray:
    """Midpoints between the neighbours of every small dtype, and what lies next to them."""
    points = []
    for small in FLOATS:
        if width(small) <= 16:
            numbers, _ = casting.table(small)
            points.append((numbers[:-1] + numbers[1:]) / 2)
    middle = np.concatenate(points).astype(NUMPY[dtype])
    around = np.concatenate([middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf)])
    return np.concatenate([around, -around]).astype(NUMPY[dtype])


def edges(dtype: str) -> np.ndarray:
    """Around the limits of the integers and of float32, and between two integers."""
    whole = [2.0**p * s for p in (1, 2, 3, 4, 7, 8, 15, 16, 24, 31, 32, 53, 63, 64, 127, 128) for s in (1, -1)]
    near = np.array([w + d for w in whole for d in (-1, -0.5, -0.25, 0, 0.25, 0.5, 1)] + [0.5, 1.5, 2.5, -0.5, -1.5])
    near = np.concatenate([near, np.nextafter(near, -np.inf), np.nextafter(near, np.inf)])
    with np.errstate(over="ignore"):
        # the largest float32, and where numbers begin to round to infinity instead
        near = np.append(near, [np.finfo(np.float32).max, 3.4028235677973366e38, 3.4028235677973362e38])
        return near.astype(NUMPY[dtype])


def expected(source: np.ndarray, start: str, to: str, overflow: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes (of a complex target: of its components) and which elements do not fit."""
    if start in COMPLEX:
        part = source.view(NUMPY[COMPLEX[start]]).reshape(-1, 2)
        real, imaginary = values(part[:, 0], COMPLEX[start]), values(part[:, 1], COMPLEX[start])
    else:
        real = values(source, start)
        imaginary = np.zeros_like(real)
    if to == "bool":
        return ((real != 0) | (imaginary != 0)).astype("u1"), np.zeros(real.shape, bool)
    if to in COMPLEX:
        first, unfit = to_real(real, COMPLEX[to], overflow)
        second, unfit_too = to_real(imaginary, COMPLEX[to], overflow)
        return np.stack([first, second], -1).reshape(-1), unfit | unfit_too
    codes, unfit = to_real(real, to, overflow)
    return codes, unfit | (imaginary != 0)


def assert_cast(got: bytes, source: np.ndarray, start: str, to: str, overflow: str):
    part = COMPLEX.get(to, to)
    want, unfit = expected(source, start, to, overflow)
    codes = np.frombuffer(got, f"<u{NUMPY[part].itemsize}")
    nan = is_nan(want, part)
    assert np.array_equal(is_nan(codes, part), nan), f"{start} to {to}: NaNs"
    wrong = np.flatnonzero((codes != want) & ~nan)
    if wrong.size:
        at = wrong[0]
        value = source.reshape(-1)[at // (2 if to in COMPLEX else 1)]
        told = f"{wrong.size} wrong, first {value!r}: {codes[at]:#x}, not {want[at]:#x}"
        pytest.fail(f"{start} to {to}, {overflow}: {told}")
    return unfit


def convert_all(tf_cli, folder, sources: dict[str, np.ndarray], targets, *more) -> tuple[dict[str, bytes], list[dict]]:
    """Casts each source to each target in one conversion."""
    tensors = {f"{s}/to/{t}": (s, array) for s, array in sources.items() for t in targets}
    write_raw(folder / "in", tensors)
    rules = [word for s in sources for t in targets for word in ("--cast", f"{s}/to/{t}={t}")]
    done = tf_cli.convert(folder / "in", folder / "out", "--to", "raw", "--progress", "json", *rules, *more)
    return written(folder / "out"), cast_events(done)


def cast_events(done) -> list[dict]:
    events = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    return [e for e in events if e["event"] == "cast"]


@pytest.mark.parametrize("overflow", ["saturate", "infinity"])
@pytest.mark.parametrize("start", NUMERIC)
def test_every_code_to_every_dtype(start, overflow, tf_cli, tmp_path):
    source = every_code(start, 3000)
    targets = [t for t in NUMERIC if t != start]
    got, reports = convert_all(tf_cli, tmp_path, {start: source}, targets, "--cast-overflow", overflow)
    told = {r["name"]: r for r in reports}
    for to in targets:
        name = f"{start}/to/{to}"
        unfit = assert_cast(got[name], source, start, to, overflow)
        assert told[name]["overflowed"] == np.count_nonzero(unfit), name
        if unfit.any():
            assert told[name]["first_overflowed"] == np.flatnonzero(unfit)[0], name
        if start not in COMPLEX and to not in COMPLEX and to != "bool":
            number, cast = values(source, start), values(np.frombuffer(got[name], NUMPY[to]), to)
            vanished = np.isfinite(number) & (number != 0) & (cast == 0) & ~unfit
            assert told[name]["underflowed"] == np.count_nonzero(vanished), name
            if vanished.any():
                assert told[name]["first_underflowed"] == np.flatnonzero(vanished)[0], name


@pytest.mark.parametrize("start", ["float32", "float64"])
def test_a_million_random_numbers(start, tf_cli, tmp_path):
    source = every_code(start, MILLION)
    targets = {"float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int32", "int8"} - {start}
    got, _ = convert_all(tf_cli, tmp_path, {start: source}, targets, "--cast-overflow", "infinity")
    for to in targets:
        assert_cast(got[f"{start}/to/{to}"], source, start, to, "infinity")


@pytest.mark.parametrize("to", [f for f in FLOATS if width(f) <= 16])
def test_the_same_as_ml_dtypes(to, tf_cli, tmp_path):
    source = every_code("float32", 200_000)
    if to == "float8_e8m0fnu":
        # ml_dtypes 0.5 rounds subnormal numbers up to the next power of two whatever their fraction
        source = source[~((np.abs(source) < np.finfo(np.float32).tiny) & (source != 0))]
    if to in casting.WITHOUT_NAN:
        source = source[~np.isnan(source)]  # -0 there, 0 here
    got, _ = convert_all(tf_cli, tmp_path, {"float32": source}, [to], "--cast-overflow", "infinity")
    codes = np.frombuffer(got[f"float32/to/{to}"], f"<u{NUMPY[to].itemsize}")
    with np.errstate(over="ignore", invalid="ignore"):
        want = codes_of(source.astype(NUMPY[to]))
    nan = np.isnan(source)
    assert np.array_equal(codes[~nan], want[~nan])
    assert is_nan(codes[nan], to).all() or to in casting.WITHOUT_NAN


def test_longdouble(tf_cli, tmp_path):
    rng = np.random.default_rng(3)
    start = rng.standard_normal(5000).astype(np.longdouble) * np.longdouble(2) ** rng.integers(-1100, 1100, 5000)
    two = np.longdouble(2)
    start = np.append(start, np.array([np.inf, -np.inf, np.nan, 0, -0.0, two**-1074, two**-16440]))
    targets = ["float64", "float32", "bfloat16", "int64", "uint64"]
    got, _ = convert_all(tf_cli, tmp_path, {"longdouble": start}, targets, "--cast-overflow", "infinity")
    for to in targets:
        assert_cast(got[f"longdouble/to/{to}"], start, "longdouble", to, "infinity")
    for wide in ("float64", "int64", "uint64", "float16"):
        source = every_code(wide, 5000)
        got, reports = convert_all(tf_cli, tmp_path / wide, {wide: source}, ["longdouble"])
        back = np.frombuffer(got[f"{wide}/to/longdouble"], np.longdouble)
        assert np.array_equal(back, values(source, wide), equal_nan=True), wide
        assert reports[0]["changed"] == 0


def test_nans_keep_their_sign_and_upper_payload(tf_cli, tmp_path):
    patterns = np.array([0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFA00000, 0x7FFFFFFF, 0x7FD2A000], "<u4")
    got, _ = convert_all(tf_cli, tmp_path, {"float32": patterns.view("<f4")}, ["float16", "bfloat16", "float64"])
    sign, payload = patterns >> 31, patterns & 0x3FFFFF
    half = np.frombuffer(got["float32/to/float16"], "<u2")
    assert np.array_equal(half, sign << 15 | 0x7E00 | payload >> 13)
    brain = np.frombuffer(got["float32/to/bfloat16"], "<u2")
    assert np.array_equal(brain, sign << 15 | 0x7FC0 | payload >> 16)
    double = np.frombuffer(got["float32/to/float64"], "<u8")
    wide = patterns.astype(np.uint64)
    assert np.array_equal(double, wide >> 31 << 63 | 0x7FF8000000000000 | (wide & 0x3FFFFF) << 29)


def test_reports_say_what_changed_as_numpy_computes_it(tf_cli, tmp_path):
    source = np.random.default_rng(5).standard_normal(40_000).astype(np.float32)
    source[:7] = [1, 2, 0.5, -4, np.inf, np.nan, 0]
    _, (brain,) = convert_all(tf_cli, tmp_path, {"float32": source}, ["bfloat16"])
    cast = source.astype(ml_dtypes.bfloat16).astype(np.float32)
    finite = np.isfinite(source)
    error = np.abs(cast[finite].astype(np.longdouble) - source[finite])
    changed = np.flatnonzero((cast != source) & finite)
    assert brain["elements"] == source.size
    assert brain["changed"] == changed.size
    assert brain["first"] == changed[0]
    assert brain["absolute"] == float(error.max())
    with np.errstate(invalid="ignore", divide="ignore"):
        assert brain["relative"] == float(np.nanmax(error / np.abs(source[finite].astype(np.longdouble))))


@pytest.mark.parametrize("start, to", [("float32", "float16"), ("float32", "bfloat16"), ("float64", "float32"),
                                       ("float32", "float8_e4m3fn")])  # fmt: skip
def test_what_becomes_zero_is_counted_as_numpy_computes_it(start, to, tf_cli, tmp_path):
    """Moments of an optimizer: half of them below the least number, in every window and by every thread."""
    least = float(ml_dtypes.finfo(NUMPY[to]).smallest_subnormal)
    rng = np.random.default_rng(13)
    source = (rng.standard_normal(700_000) * least).astype(start)
    source[::11] = 0
    _, (told,) = convert_all(tf_cli, tmp_path, {start: source}, [to], "-j", "2")
    zero = (source != 0) & (source.astype(NUMPY[to]).astype(np.float64) == 0)
    assert told["underflowed"] == np.count_nonzero(zero) > 100_000
    assert told["first_underflowed"] == np.flatnonzero(zero)[0] and told["overflowed"] == 0
    text = tf_cli("convert", tmp_path / "in", tmp_path / "out.npz", "--cast", f"*={start}>{to}", "--no-sync").succeeds().err
    assert f"; {np.count_nonzero(zero)} became zero, the first at index {np.flatnonzero(zero)[0]}" in text


def test_what_does_not_fit_stops_the_conversion_and_lists_all(tf_cli, tmp_path):
    tensors = {"fits": ("float32", np.array([1, -3], "f4")), "large": ("float32", np.array([0, 300, 400], "f4")),
               "nan": ("float32", np.array([np.nan], "f4"))}  # fmt: skip
    write_raw(tmp_path / "in", tensors)
    done = tf_cli("convert", tmp_path / "in", tmp_path / "out.npz", "--cast", "*=float32>int8")
    done.fails_with(9, "lossy.overflow", '"large"', "2 of 3", "index 1", '"nan"', "--cast-overflow")
    assert '"fits": int8 cannot' not in done.err
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("to", ["npy", "npz", "safetensors", "hdf5", "onnx", "tensorflow", "raw"])
def test_every_writer_gets_what_was_cast_and_verifies_it(to, tf_cli, tmp_path):
    source = np.random.default_rng(9).standard_normal((70, 50)).astype(">f4")
    write_raw(tmp_path / "in", {"w": ("float32", source.astype("<f4"))}, big=True)
    more = ["--out-opt", "compression=gzip"] if to == "hdf5" else []
    edits = ["--cast", "w=float16", "--transpose", "w=1,0"]
    tf_cli.convert(tmp_path / "in", tmp_path / "out", "--to", to, *edits, "--verify", *more)
    tf_cli.convert(tmp_path / "out", tmp_path / "back", "--to", "raw")
    (got,) = written(tmp_path / "back").values()
    assert got == source.astype("<f2").T.tobytes()


def test_a_cast_gives_the_same_at_any_number_of_threads(tf_cli, tmp_path):
    source = np.random.default_rng(11).standard_normal(3_000_000).astype("<f4")
    write_raw(tmp_path / "in", {"w": ("float32", source)})
    outputs = []
    for threads in (1, 2, 4):
        target = tmp_path / f"{threads}.npy"
        done = tf_cli.convert(tmp_path / "in", target, "--cast", "w=bfloat16", "-j", threads, "--progress", "json")
        outputs.append((target.read_bytes(), cast_events(done)))
    assert outputs[0] == outputs[1] == outputs[2]
    assert outputs[0][0].endswith(source.astype(ml_dtypes.bfloat16).tobytes())
