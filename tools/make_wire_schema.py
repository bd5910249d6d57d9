#!/usr/bin/env python3
"""Prints what `verify` knows of the messages of ONNX or TensorFlow, from the official package:

    tools/make_wire_schema.py onnx > converters/onnx/wire_schema.h
    tools/make_wire_schema.py tensorflow > converters/tensorflow/wire_schema.h

A line for each message, the outermost ones first: `Message number=kind ...`. The kind is the name of a message, or how a
field of type bytes must be made: `utf8` (strings of proto3), `varints`, `fixed32s`, `fixed64s` (packed numbers). Fields
that are well-formed whatever they hold are left out.
"""

from __future__ import annotations

import sys

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.descriptor_pb2 import FileDescriptorProto

FIXED = {Field.TYPE_FIXED32: "fixed32s", Field.TYPE_SFIXED32: "fixed32s", Field.TYPE_FLOAT: "fixed32s",
         Field.TYPE_FIXED64: "fixed64s", Field.TYPE_SFIXED64: "fixed64s", Field.TYPE_DOUBLE: "fixed64s"}  # fmt: skip

HEAD = """// What util/wire_check.h asks. Made by tools/make_wire_schema.py, which says what it means.
#pragma once

#include <string_view>

namespace tensorferry::{package} {{

// clang-format off
inline constexpr std::string_view kWireSchema = R"("""
TAIL = """)";
// clang-format on

}}  // namespace tensorferry::{package}"""


def roots(package: str):
    if package == "onnx":
        import onnx

        return [onnx.ModelProto.DESCRIPTOR]
    from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

    return [saved_model_pb2.SavedModel.DESCRIPTOR, trackable_object_graph_pb2.TrackableObjectGraph.DESCRIPTOR]


def is_proto3(descriptor) -> bool:
    file = FileDescriptorProto()
    descriptor.file.CopyToProto(file)
    return file.syntax == "proto3"


def kind(field) -> str | None:
    repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == Field.LABEL_REPEATED
    if field.type == Field.TYPE_MESSAGE:
        return name(field.message_type)
    if field.type == Field.TYPE_STRING:
        return "utf8" if is_proto3(field.containing_type) else None
    if field.type == Field.TYPE_BYTES or not repeated:
        return None
    return FIXED.get(field.type, "varints")


def name(descriptor) -> str:
    """Without the package."""
    return descriptor.full_name.removeprefix(descriptor.file.package + ".")


def main() -> None:
    waiting = roots(sys.argv[1])
    known = {d.full_name for d in waiting}
    print(HEAD.format(package=sys.argv[1]))
    while waiting:
        message = waiting.pop(0)
        rows = []
        for field in sorted(message.fields, key=lambda f: f.number):
            if (what := kind(field)) is None:
                continue
            rows.append(f"{field.number}={what}")
            if field.message_type is not None and field.message_type.full_name not in known:
                known.add(field.message_type.full_name)
                waiting.append(field.message_type)
        print(" ".join([name(message), *rows]))
    print(TAIL.format(package=sys.argv[1]))


if __name__ == "__main__":
    main()
