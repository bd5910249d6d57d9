"""Saves the models of models.py with one release of Keras, in every way that it has, beside what the live models say.

    python make.py FOLDER               with keras, or the package that KERAS_PACKAGE names (tf_keras)
    python make.py --pack FOLDER        the folders in it become samples.tar.xz, beside this script

A release needs an environment of its own. samples.tar.xz holds a folder for each of these, made by Python 3.11:

    keras-2.12 ... keras-2.15           pip install tensorflow-cpu==2.12.*
    keras-3.0 ... keras-3.15            pip install keras==3.0.* jax==0.4.30 scipy "numpy<2" h5py, KERAS_BACKEND=jax
    tf_keras-2.16 ... tf_keras-2.21     pip install tensorflow-cpu==2.21.* tf_keras==2.16.*, KERAS_PACKAGE=tf_keras
    tf_keras-2.15                       pip install tensorflow-cpu==2.15.* tf_keras==2.15.*, KERAS_PACKAGE=tf_keras
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
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import models  # noqa: E402

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


def save(folder: Path, package: str) -> dict:
    """Writes the files; returns what the live models say, by the stem of the files."""
    keras = importlib.import_module(package)
    told = {"package": package, "version": keras.__version__, "models": {}, "refused": {}}
    random = np.random.default_rng(1)
    for name, model in models.build(keras).items():
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
            largest = max(w.size * w.itemsize for w in map(np.asarray, model.variables))
            model.save_weights(str(folder / f"{name}.weights.json"), max_shard_size=1.01 * largest / 2**30)
    (folder / "truth.json").write_text(json.dumps(told))
    return told


def pack(folder: Path, target: Path):
    """Files of one name stand together: releases differ in little."""
    files = [file for file in folder.glob("*/*") if file.is_file()]
    with tarfile.open(target, "w:xz", preset=9) as archive:
        for file in sorted(files, key=lambda one: (one.name, one.parent.name)):
            content = file.read_bytes()
            entry = tarfile.TarInfo(str(file.relative_to(folder)))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def main(words: list[str]):
    if words[0] == "--pack":
        pack(Path(words[1]), HERE / "samples.tar.xz")
        return
    warnings.simplefilter("ignore")
    folder = Path(words[0])
    folder.mkdir(parents=True, exist_ok=True)
    told = save(folder, os.environ.get("KERAS_PACKAGE", "keras"))
    print(told["package"], told["version"], sorted(told["models"]), told["refused"])


if __name__ == "__main__":
    main(sys.argv[1:])
