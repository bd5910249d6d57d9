// The parts of the ONNX format. Facts: onnx.proto and docs/IR.md of the ONNX project.
#pragma once

#include <memory>

#include "tensorferry/format.h"

namespace tensorferry {

/// A weights-only model: every tensor is an initializer, and an output where onnxruntime can host
/// its type.
std::shared_ptr<const Writer> make_onnx_writer();

/// Any model: initializers, constants, subgraphs, external data. Needs no library.
std::shared_ptr<const Reader> make_onnx_reader();

/// Replaces elements of any model and keeps all other bytes. Needs no library.
std::shared_ptr<const Patcher> make_onnx_patcher();

}  // namespace tensorferry
