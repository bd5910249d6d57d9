// The values of a TensorProto, in a V1 checkpoint and in a graph: numbers in the repeated field of
// their type.
//
//    5 float_val    6 double_val    9 scomplex_val   12 dcomplex_val   fixed size; real, imaginary
//    7 int_val     10 int64_val    11 bool_val       13 half_val       varints, cut to the type;
//   16 uint32_val  17 uint64_val                                       13: the bits, of bfloat16
//   too
//    8 string_val                                                      bytes, one field an element
//   18 float8_val                                                      bytes, one an element
//
// Field numbers: tensorflow/core/framework/tensor.proto. Which types share one: tensor.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tensorferry/dtype.h"
#include "tensorferry/input.h"
#include "tensorferry/manifest.h"
#include "util/wire.h"

namespace tensorferry::tensorflow {

/// How many values there must be.
enum class ValueCount : std::uint8_t {
  exact,     ///< one for each element: V1 checkpoints
  repeated,  ///< the last one stands for all that are missing, none for zeros; more are ignored:
             ///< graphs
};

inline constexpr std::uint32_t kTensorContent = 4, kStringVal = 8;

struct ValueField {
  std::uint32_t number = 0;
  wire::Type type = wire::Type::bytes;  ///< of a number; bytes = one field, one byte an element
  std::uint32_t per_element = 1;        ///< 2 for complex numbers
};
/// Throws Error(unsupported.dtype) for types that have no values in a TensorProto.
ValueField value_field(DType dtype);

/// The elements as a file: little-endian, row-major. The message is found and scanned when they are
/// first read, and never held; errors of that name `base`. `locate` is thread-safe and gives the
/// range of the message, in `base` or in a file that is let go again after each read.
std::shared_ptr<const File> values_file(std::shared_ptr<const File> base, DType dtype,
                                        const ValueField& field, std::uint64_t elements,
                                        ValueCount count, std::function<FileRange()> locate);

/// The strings of the message `message`. Throws Error(corrupt.values), Error(corrupt.message).
std::vector<std::string> load_string_values(const FileRange& message, std::uint64_t elements,
                                            ValueCount count);

/// The contents of the last field `number` of the message, which is bytes; empty when there is
/// none. Throws Error(corrupt.message), Error(corrupt.truncated).
FileRange last_bytes(const FileRange& message, std::uint32_t number);

}  // namespace tensorferry::tensorflow
