"""A Keras model with a layer `my_dense_layer`, its variables saved under their own paths by a TensorFlow 1 Saver.

    python samples/keras_model/make.py        (needs tensorflow; writes beside this file)
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

HERE = Path(__file__).resolve().parent
v1 = tf.compat.v1

tf.keras.utils.set_random_seed(11)
model = tf.keras.Sequential([
    tf.keras.Input((8,)),
    tf.keras.layers.Dense(16, activation="relu", name="hidden"),
    tf.keras.layers.Dense(4, name="my_dense_layer", bias_initializer="random_normal"),
    tf.keras.layers.Dense(2, name="my_dense_layer_2"),
])  # fmt: skip
values = {v.path.removeprefix(model.name + "/"): v.numpy() for v in model.variables}

with v1.Graph().as_default(), v1.Session() as sess:
    variables = {path: v1.get_variable(path, initializer=value, use_resource=True) for path, value in values.items()}
    sess.run(v1.global_variables_initializer())
    saver = v1.train.Saver(variables, save_relative_paths=True)
    saver.save(sess, str(HERE / "model.ckpt"), write_meta_graph=False)
