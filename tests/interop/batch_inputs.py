"""Many small models in several formats, and what is needed to judge a batch of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

DTYPES = ("float32", "float64", "float16", "int8", "int64", "uint16")


def random_arrays(rng, count: int) -> dict[str, np.ndarray]:
    made = {}
    for i in range(count):
        shape = tuple(int(n) for n in rng.integers(1, 24, size=rng.integers(1, 4)))
        dtype = np.dtype(DTYPES[rng.integers(len(DTYPES))])
        data = np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)
        made[f"layer{i}/w"] = np.asfortranarray(data) if rng.integers(2) else data
    return made


def make_inputs(folder: Path, count: int, seed: int = 5) -> dict[str, dict[str, np.ndarray]]:
    """.npy, .npz and .safetensors files in nested folders: path without extension -> its arrays."""
    rng = np.random.default_rng(seed)
    made = {}
    for i in range(count):
        stem = f"{i % 7}/{i % 3}/m{i:04}"
        path = folder / stem
        path.parent.mkdir(parents=True, exist_ok=True)
        if i % 3 == 0:
            arrays = {path.name: random_arrays(rng, 1)["layer0/w"]}
            np.save(f"{path}.npy", arrays[path.name])
        else:
            arrays = random_arrays(rng, int(rng.integers(1, 5)))
            if i % 3 == 1:
                (np.savez if i % 2 else np.savez_compressed)(f"{path}.npz", **arrays)
            else:
                save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, f"{path}.safetensors")
        made[stem] = arrays
    return made


def assert_holds(out: Path, made: dict[str, dict[str, np.ndarray]]) -> None:
    """The safetensors files below `out` hold those arrays, bit for bit."""
    assert sorted(str(f.relative_to(out)) for f in out.rglob("*.safetensors")) == sorted(f"{s}.safetensors" for s in made)
    for stem, arrays in made.items():
        got = load_file(out / f"{stem}.safetensors")
        assert got.keys() == arrays.keys(), stem
        for name, want in arrays.items():
            assert got[name].dtype == want.dtype and got[name].shape == want.shape
            assert got[name].tobytes() == want.tobytes(), (stem, name)


def outputs(folder: Path) -> dict[str, str]:
    """SHA-256 of every output below it: neither journals nor what a kill may leave under a hidden name."""
    found = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if file.is_file() and "journal" not in file.name and not any(part.startswith(".") for part in path.parts):
            found[str(path)] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def write_jobs(path: Path, jobs: list[dict]) -> Path:
    path.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    return path


def entries(journal: Path) -> list[dict]:
    return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []


def events(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]
