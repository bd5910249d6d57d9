"""The names that the program gives to tensors of the checkpoints of named.py; needs no TensorFlow to be imported."""

from __future__ import annotations

import json

import numpy as np

import judge

LABELS = ["saver", "checkpoint_of_module", "save_weights_keras2", "checkpoint_keras2", "checkpoint_keras3",
          "saved_model_of_module", "saved_model_keras2", "export_keras3"]  # fmt: skip
SCOPE = "my_dense_layer"
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


def listed(tf_cli, source, *args) -> tuple[dict[str, str], dict[str, str]]:
    """Name -> key, and the notes by identifier."""
    document = json.loads(tf_cli("ls", source, "--json", *args).succeeds().out)
    names = {t["name"]: t.get("attributes", {}).get("tensorflow.key", t["name"]) for t in document["tensors"]}
    assert len(names) == len(document["tensors"]), "names are unique"
    return names, {n["id"]: n["text"] for n in document["notes"]}


def hashes(tf_cli, source, *args) -> dict[str, str]:
    return {t.name: t.sha256 for t in judge.from_hash_json(tf_cli("hash", source, "--json", *args).succeeds().out)[0]}


def digest(array: np.ndarray) -> str:
    return judge.tensor("", array, "float32").sha256


def keys_of(prefix) -> set[str]:
    import tensorflow as tf

    return set(tf.train.load_checkpoint(str(prefix)).get_variable_to_dtype_map())
