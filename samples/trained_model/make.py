"""A small network that has learnt whether two bits differ, with its Adam state: model.ckpt-300 and `checkpoint`.

    python samples/trained_model/make.py        (needs tensorflow and tf_keras; writes beside this file)
"""

import os
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tf.compat.v1.layers lives there
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

HERE = Path(__file__).resolve().parent
STEPS = 300
v1 = tf.compat.v1

rng = np.random.default_rng(3)
inputs = rng.integers(0, 2, (256, 2)).astype(np.float32)
labels = (inputs[:, :1] != inputs[:, 1:]).astype(np.float32)

with v1.Graph().as_default():
    v1.set_random_seed(3)
    x, y = v1.placeholder(tf.float32, [None, 2]), v1.placeholder(tf.float32, [None, 1])
    hidden = v1.layers.dense(x, 16, tf.nn.tanh, name="hidden", kernel_initializer=v1.glorot_uniform_initializer(seed=3))
    logits = v1.layers.dense(hidden, 1, name="my_dense_layer", kernel_initializer=v1.glorot_uniform_initializer(seed=4))
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))
    step = v1.train.get_or_create_global_step()
    train = v1.train.AdamOptimizer(0.05).minimize(loss, global_step=step)
    # one thread: the same sums in the same order give the same bits on every run
    config = v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    with v1.Session(config=config) as sess:
        sess.run(v1.global_variables_initializer())
        for _ in range(STEPS):
            sess.run(train, {x: inputs, y: labels})
        right = np.mean((sess.run(logits, {x: inputs}) > 0) == labels)
        assert right == 1.0, f"only {right:.0%} learnt"
        saver = v1.train.Saver(save_relative_paths=True)
        saver.save(sess, str(HERE / "model.ckpt"), global_step=step, write_meta_graph=False)
