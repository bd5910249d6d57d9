// Element types: what ONNX calls them, since when it has them, and what onnxruntime does with them.
#pragma once

#include <cstdint>

#include "tensorferry/dtype.h"
#include "tensorferry/format.h"

namespace tensorferry::onnx {

/// How one logical dtype stands in an ONNX file.
struct ElementType {
  DType dtype;
  Encoding encoding;
  std::int32_t code;   ///< TensorProto.data_type; a number, because the schema of an older ONNX
                       ///< lacks the names
  int ir_version;      ///< the least that has the code, at least 8
  int opset;           ///< the opset released with it, at least 17
  bool can_be_output;  ///< false: onnxruntime refuses a whole model that lists such an output
};

/// The row of `dtype`; null: ONNX cannot hold it.
const ElementType* element_type(DType dtype);
/// The row of the type that ONNX itself means by `code`; null: an unknown code.
const ElementType* element_type_of_code(std::int32_t code);

}  // namespace tensorferry::onnx
