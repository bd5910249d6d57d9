"""One dense kernel as a TensorFlow 1 session returns it: raw bytes, and a manifest that says what they are.

    python samples/dense_kernel/make.py        (needs tensorflow and tf_keras; writes beside this file)
"""

import hashlib
import json
import os
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tf.compat.v1.layers lives there
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402

HERE = Path(__file__).resolve().parent
v1 = tf.compat.v1

with v1.Graph().as_default(), v1.Session() as sess:
    v1.set_random_seed(7)
    x = v1.placeholder(tf.float32, [None, 10])
    v1.layers.dense(x, 5, name="my_dense_layer", kernel_initializer=v1.glorot_uniform_initializer(seed=7))
    sess.run(v1.global_variables_initializer())
    (kernel,) = [v for v in v1.global_variables() if v.name == "my_dense_layer/kernel:0"]
    value = sess.run(kernel)

raw = value.astype("<f4").tobytes()
(HERE / "kernel.bin").write_bytes(raw)
manifest = {
    "tensorferry": 1,
    "attributes": {},
    "tensors": [{
        "name": kernel.name, "dtype": value.dtype.name, "shape": list(value.shape), "file": "kernel.bin", "offset": 0,
        "length": len(raw), "byte_order": "little", "order": "row-major", "sha256": hashlib.sha256(raw).hexdigest(),
        "attributes": {},
    }],
}  # fmt: skip
(HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
