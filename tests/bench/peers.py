"""What users write today: a plain script over the official libraries.

    python peers.py FROM TO INPUT OUTPUT [bfloat16 | float16 | transpose]
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["CUDA_VISIBLE_DEVICES"] = ""


def read_tf(path):
    import tensorflow as tf

    reader = tf.train.load_checkpoint(path)
    for name in reader.get_variable_to_shape_map():
        value = reader.get_tensor(name)
        if not isinstance(value, bytes):  # the object graph
            yield name, value


def read_raw(path):
    import numpy as np

    path = pathlib.Path(path)
    with open(path / "weights.bin", "rb") as file:
        for entry in json.loads((path / "manifest.json").read_text())["tensors"]:
            yield entry["name"], np.fromfile(file, "<f4", entry["length"] // 4).reshape(entry["shape"])


def read_npy(path):
    import numpy as np

    for file in sorted(pathlib.Path(path).glob("*.npy")):
        yield file.stem.replace("%2F", "/"), np.load(file)


def read_safetensors(path):
    from safetensors.numpy import load_file

    yield from load_file(path).items()


def read_onnx(path):
    import onnx
    from onnx import numpy_helper

    for initializer in onnx.load(path).graph.initializer:
        yield initializer.name, numpy_helper.to_array(initializer)


def read_h5(path):
    import h5py

    found = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in found:
            yield name, file[name][()]


def write_npy(tensors, path):
    import numpy as np

    path = pathlib.Path(path)
    path.mkdir()
    for name, array in tensors:
        np.save(path / (name.replace("/", "%2F") + ".npy"), array)


def write_npz(tensors, path):
    import numpy as np

    np.savez(path, **dict(tensors))


def write_raw(tensors, path):
    path = pathlib.Path(path)
    path.mkdir()
    entries, offset = [], 0
    with open(path / "weights.bin", "wb") as file:
        for name, array in tensors:
            entries.append({"name": name, "dtype": str(array.dtype), "shape": array.shape, "offset": offset})
            file.write(array.tobytes())
            offset += array.nbytes
    (path / "manifest.json").write_text(json.dumps(entries))


def write_safetensors(tensors, path):
    from safetensors.numpy import save_file

    save_file(dict(tensors), path)


def onnx_model(tensors):
    from onnx import helper, numpy_helper

    initializers = [numpy_helper.from_array(array, name) for name, array in tensors]
    return helper.make_model(helper.make_graph([], "weights", [], [], initializers))


def write_onnx(tensors, path):
    import onnx

    onnx.save(onnx_model(tensors), path)


def write_onnx_external(tensors, path):
    import onnx

    onnx.save(onnx_model(tensors), path, save_as_external_data=True, location="weights.data")


def write_h5(tensors, path):
    import h5py

    with h5py.File(path, "w") as file:
        for name, array in tensors:
            file[name] = array


def write_h5_gzip(tensors, path):
    import h5py

    with h5py.File(path, "w") as file:
        for name, array in tensors:
            file.create_dataset(name, data=array, compression="gzip", compression_opts=4)


def edited(tensors, edit):
    import numpy as np

    if edit == "bfloat16":
        import ml_dtypes

        target = ml_dtypes.bfloat16
    for name, array in tensors:
        if edit == "transpose":
            yield name, np.ascontiguousarray(array.T)
        else:
            yield name, array.astype(np.float16 if edit == "float16" else target)


def main():
    source, target, given, out, *edit = sys.argv[1:]
    if target == "zt":
        import ztensor  # from file to file

        ztensor.convert(given, out)
        return
    tensors = globals()[f"read_{source}"](given)
    if edit:
        tensors = edited(tensors, edit[0])
    globals()[f"write_{target}"](tensors, out)


if __name__ == "__main__":
    main()
