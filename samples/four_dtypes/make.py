"""Variables of four dtypes, dumped in one loop: NAME.bin each, and one manifest for all.

    python samples/four_dtypes/make.py        (needs tensorflow; writes beside this file)
"""

import hashlib
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

HERE = Path(__file__).resolve().parent
v1 = tf.compat.v1

with v1.Graph().as_default(), v1.Session() as sess:
    start = {
        "weights": tf.random.stateless_normal([6, 4], seed=[1, 2], dtype=tf.float32),
        "statistics": tf.random.stateless_normal([4], seed=[3, 4], dtype=tf.float64),
        "counts": tf.random.stateless_uniform([2, 3], seed=[5, 6], minval=-1000, maxval=1000, dtype=tf.int32),
        "mask": tf.random.stateless_uniform([7], seed=[7, 8]) > 0.5,
    }
    variables = [v1.get_variable(name, initializer=value, use_resource=True) for name, value in start.items()]
    sess.run(v1.global_variables_initializer())

    entries = []
    for variable in variables:
        value = sess.run(variable)
        raw = value.tobytes()
        file = variable.op.name + ".bin"
        (HERE / file).write_bytes(raw)
        entries.append({"name": variable.name, "dtype": value.dtype.name, "shape": list(value.shape), "file": file,
                        "length": len(raw), "sha256": hashlib.sha256(raw).hexdigest()})

manifest = {"tensorferry": 1, "attributes": {}, "tensors": entries}
(HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
