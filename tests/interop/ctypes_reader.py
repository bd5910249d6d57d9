"""Reads a model with the shared library's C interface, in a process that uses h5py and onnx itself.

Usage: ctypes_reader.py LIBRARY MODEL; prints name, shape and the bytes in hex of every tensor, as h5py sees them too.
"""

import ctypes
import sys

import h5py
import onnx
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_uint32, c_uint64, c_void_p


class Tensor(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("name", c_void_p), ("name_length", c_size_t), ("dtype", c_int32),
                ("rank", c_uint32), ("dtype_name", c_char_p), ("shape", POINTER(c_uint64)), ("elements", c_uint64),
                ("bytes", c_uint64), ("element_bytes", c_uint32), ("bookkeeping", c_int32), ("role", c_char_p),
                ("problem_code", c_int32), ("problem_id", c_char_p), ("problem_message", c_char_p)]


def main(library, path):
    lib = ctypes.CDLL(library)
    lib.tensorferry_error_message.restype = c_char_p
    lib.tensorferry_tensor_count.restype = c_size_t

    def must(code):
        assert code == 0, lib.tensorferry_error_message().decode()

    model = c_void_p()
    must(lib.tensorferry_open(path.encode(), None, byref(model)))
    with h5py.File(path) as file:
        for index in range(lib.tensorferry_tensor_count(model)):
            tensor = Tensor(struct_size=ctypes.sizeof(Tensor))
            must(lib.tensorferry_get_tensor(model, c_size_t(index), byref(tensor)))
            buffer = ctypes.create_string_buffer(max(tensor.bytes, 1))
            must(lib.tensorferry_read(model, c_size_t(index), c_uint64(0), c_uint64(tensor.elements), buffer,
                                      c_size_t(tensor.bytes)))
            name = ctypes.string_at(tensor.name, tensor.name_length).decode()
            shape = tensor.shape[:tensor.rank] if tensor.rank else []
            there = file[name][()].tobytes() == buffer.raw[:tensor.bytes]
            print(name, tensor.dtype_name.decode(), shape, buffer.raw[:tensor.bytes].hex(), there)
    lib.tensorferry_close(model)
    onnx.checker.check_model(onnx.helper.make_model(onnx.helper.make_graph([], "own", [], [])))


main(*sys.argv[1:])
