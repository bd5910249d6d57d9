"""Saves the models of models.py with one release of Keras, in every way that it has, beside what the live models say.

    PYTHONPATH=... python make.py FOLDER|FILE.tar.xz        with keras, or the package that KERAS_PACKAGE names (tf_keras)

A release needs an environment of its own: `keras==2.12.*` and `tensorflow-cpu==2.12.*` for 2.12 to 2.15, tf_keras with
the TensorFlow of its number, and for Keras 3 any backend (KERAS_BACKEND=jax). The samples here were made so:

    pip install tensorflow-cpu==2.13.* && python make.py keras-2.13.tar.xz
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import io
import json
import os
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import models  # noqa: E402

SHARD = 1e-7  # in GiB, about 107 bytes


def sha256(value) -> str:
    return hashlib.sha256(np.ascontiguousarray(value, np.float32).tobytes()).hexdigest()


def truth(model) -> list[dict]:
    """Layer by layer: its names from the outermost model on, and the digests of its weights."""
    told, seen = [], set()
    for names, layer in models.leaves(model):
        weights = [w for w in layer.weights if id(w) not in seen]
        seen.update(id(w) for w in weights)
        if weights:
            told.append({"layer": names, "sha256": [sha256(np.asarray(w)) for w in weights]})
    return told


def save(folder: Path, package: str = "keras", only=None) -> dict:
    """Writes the files; returns what the live models say, by the stem of the files."""
    keras = importlib.import_module(package)
    told = {"package": package, "version": keras.__version__, "models": {}, "refused": {}}
    random = np.random.default_rng(1)
    for name, model in models.build(keras).items():
        if only and name not in only:
            continue
        models.fill(model, random)
        told["models"][name] = truth(model)
        for form in (".keras", ".weights.h5", ".h5"):
            write = model.save_weights if form == ".weights.h5" else model.save
            # 2.12 writes HDF5 under that name unless it is told.
            told_format = {"save_format": "keras_v3"} if form == ".keras" and keras.__version__.startswith("2.12.") else {}
            try:
                write(str(folder / (name + form)), **told_format)
            except Exception as why:  # what this release does not save in this form
                told["refused"][name + form] = f"{type(why).__name__}: {str(why)[:100]}"
                (folder / (name + form)).unlink(missing_ok=True)
        if "max_shard_size" in inspect.signature(model.save_weights).parameters:
            model.save_weights(str(folder / f"{name}.weights.json"), max_shard_size=SHARD)
    (folder / "truth.json").write_text(json.dumps(told))
    return told


def pack(folder: Path, target: Path):
    with tarfile.open(target, "w:xz", preset=9) as archive:
        for file in sorted(folder.iterdir()):
            entry = tarfile.TarInfo(file.name)
            content = file.read_bytes()
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def main(target: Path):
    warnings.simplefilter("ignore")
    package = os.environ.get("KERAS_PACKAGE", "keras")
    if target.suffix != ".xz":
        target.mkdir(parents=True, exist_ok=True)
        told = save(target, package)
    else:
        with tempfile.TemporaryDirectory() as folder:
            told = save(Path(folder), package)
            pack(Path(folder), target)
    print(told["package"], told["version"], sorted(told["models"]), told["refused"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
