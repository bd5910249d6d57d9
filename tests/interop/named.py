"""Checkpoints in which one dense layer is called my_dense_layer, saved in every way that TensorFlow and Keras have."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from naming import LABELS, SCOPE

v1 = tf.compat.v1
KERNEL = np.arange(12, dtype=np.float32).reshape(4, 3) / 7
BIAS = np.array([0.1, -0.0, 1e-30], np.float32)


@dataclass
class Named:
    path: Path  # what a user would point at
    prefix: Path
    weights: list[np.ndarray] = field(default_factory=list)  # all that the model has
    copies: int = 1  # how often each is stored


def saver(root: Path) -> Named:
    """TensorFlow 1: one step of Adam, global_step beside it."""
    prefix = root / "model.ckpt"
    with v1.Graph().as_default(), v1.Session() as session:
        with v1.variable_scope(SCOPE):
            kernel = v1.get_variable("kernel", initializer=KERNEL)
            bias = v1.get_variable("bias", initializer=BIAS)
        step = v1.train.get_or_create_global_step()
        loss = v1.reduce_sum(kernel) + v1.reduce_sum(bias)
        train = v1.train.AdamOptimizer().minimize(loss, global_step=step)
        session.run(v1.global_variables_initializer())
        session.run(train)
        v1.train.Saver().save(session, str(prefix))
        return Named(prefix, prefix, session.run([kernel, bias]))


def module() -> tf.Module:
    root = tf.Module()
    root.my_dense_layer = tf.Module()
    root.my_dense_layer.kernel = tf.Variable(KERNEL, name="kernel")
    root.my_dense_layer.bias = tf.Variable(BIAS, name="bias")
    return root


def checkpoint_of_module(root: Path) -> Named:
    made = module()
    return Named(*[Path(tf.train.Checkpoint(my_dense_layer=made.my_dense_layer).save(str(root / "ckpt")))] * 2, [KERNEL, BIAS])


def model_of(api):
    """A dense layer of that name between others, trained by one step of Adam."""
    api.utils.set_random_seed(3)
    model = api.Sequential([api.layers.Input((4,)), api.layers.Dense(3, name=SCOPE), api.layers.Dense(2, name="head")])
    model.compile(api.optimizers.Adam(), "mse", run_eagerly=True)
    model.train_on_batch(np.ones((2, 4), np.float32), np.zeros((2, 2), np.float32))
    return model


def save_weights_keras2(root: Path) -> Named:
    model = model_of(tf_keras)
    model.save_weights(str(root / "weights"), save_format="tf")
    return Named(root / "weights", root / "weights", model.get_weights())


def checkpoint_of(api, root: Path) -> Named:
    model = model_of(api)
    prefix = Path(tf.train.Checkpoint(model=model, optimizer=model.optimizer).save(str(root / "ckpt")))
    return Named(prefix, prefix, model.get_weights())


def checkpoint_keras2(root: Path) -> Named:
    return checkpoint_of(tf_keras, root)


def checkpoint_keras3(root: Path) -> Named:
    return checkpoint_of(keras, root)


def saved_model_of_module(root: Path) -> Named:
    tf.saved_model.save(module(), str(root))
    return Named(root, root / "variables" / "variables", [KERNEL, BIAS])


def saved_model_keras2(root: Path) -> Named:
    model = model_of(tf_keras)
    tf.saved_model.save(model, str(root))
    return Named(root, root / "variables" / "variables", model.get_weights())


def export_keras3(root: Path) -> Named:
    model = model_of(keras)
    model.export(str(root), verbose=False)
    return Named(root, root / "variables" / "variables", model.get_weights(), copies=2)


def build_all(root: Path) -> dict[str, Named]:
    made = {}
    for label in LABELS:
        (root / label).mkdir()
        made[label] = globals()[label](root / label)
    return made
