// Laying out and taking apart models, for the tests of the ONNX writer.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "layout_in_memory.h"
#include "tensorferry/format.h"
#include "test_onnx_model.h"

namespace tensorferry {
Format make_onnx_format();
}

namespace onnx_test {

using namespace tensorferry;

using Given = std::map<std::string, std::string>;

inline Manifest manifest_of(std::vector<Tensor> tensors) {
  Manifest manifest;
  manifest.tensors = std::move(tensors);
  return manifest;
}

// Zeros that are nowhere: for layouts that are not carried out.
inline Tensor shaped(std::string name, DType dtype, Shape shape) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  return tensor;
}

inline Layout lay_out(const Manifest& manifest, const Given& given = {},
                      const std::string& leaf = "m.onnx") {
  const Format format = make_onnx_format();
  REQUIRE(format.writer);
  Layout layout =
      format.writer->lay_out(manifest, {leaf, false}, Options(format.write_options, given));
  check(layout, manifest);
  return layout;
}

inline std::map<std::string, std::string> write(const Manifest& manifest, const Given& given = {}) {
  return carry_out(lay_out(manifest, given), manifest);
}

inline Model model_of(const Manifest& manifest, const Given& given = {}) {
  return onnx_test::parse_model(write(manifest, given).at(""));
}

// The literal bytes with zeros for elements: for what carry_out() does not pack, or is too large
// for.
inline Model skeleton(const Layout& layout) {
  std::string bytes(layout.files.at(0).size, '\0');
  for (const Segment& segment : layout.segments) {
    bytes.replace(segment.offset, segment.bytes.size(), segment.bytes);
  }
  return onnx_test::parse_model(bytes);
}

inline Model skeleton(const Manifest& manifest) { return skeleton(lay_out(manifest)); }

inline const Slot& slot_of(const Layout& layout, std::size_t tensor) {
  for (const Slot& slot : layout.slots) {
    if (slot.tensor == tensor) return slot;
  }
  FAIL("no slot");
  return layout.slots.front();
}

}  // namespace onnx_test
