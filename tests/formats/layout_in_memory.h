// Carries a layout out in memory, element by element, without the mover: for tests of writers.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "plan/checksums.h"
#include "plan/kernels.h"
#include "tensorferry/layout.h"
#include "tensorferry/stream.h"
#include "util/crc32.h"

namespace tensorferry {

inline std::string slot_bytes(const Slot& slot, const Tensor& tensor) {
  std::vector<std::byte> bytes = load_bytes(tensor);
  REQUIRE(slot.codec != Codec::packed);
  REQUIRE(slot.order == std::endian::little);
  if (slot.codec == Codec::sign_extended) sign_extend(tensor.dtype, bytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The files that the layout describes, by name. Runs the gate and Layout::finish as the plan does.
inline std::map<std::string, std::string> carry_out(const Layout& layout,
                                                    const Manifest& manifest) {
  check(layout, manifest);
  std::vector<std::string> files;
  for (const OutputFile& file : layout.files) files.emplace_back(file.size, '\0');
  const auto write = [&](const Segment& segment) {
    REQUIRE(segment.offset + segment.bytes.size() <= files.at(segment.file).size());
    std::copy(segment.bytes.begin(), segment.bytes.end(),
              files[segment.file].begin() + static_cast<std::ptrdiff_t>(segment.offset));
  };
  std::vector<std::uint32_t> crcs;
  for (const Slot& slot : layout.slots) {
    crcs.push_back(0);
    if (slot.fill != Slot::Fill::moved) continue;
    const std::string bytes = slot_bytes(slot, manifest.tensors[slot.tensor]);
    write({slot.file, slot.offset, bytes});
    crcs.back() = crc_of(layout.finish_crc, slot.crc_of_front, std::as_bytes(std::span(bytes)));
  }
  std::vector<Segment> segments = layout.segments;
  if (layout.finish) layout.finish(crcs, segments);
  for (const Segment& segment : segments) write(segment);
  for (std::size_t i = 0; i < layout.slots.size(); ++i) {
    const Slot& slot = layout.slots[i];
    if (slot.crc_offset == 0) continue;
    std::string crc = crc_bytes(crcs[i]);
    std::reverse(crc.begin(), crc.end());
    write({slot.file, slot.crc_offset, crc});
  }
  std::map<std::string, std::string> result;
  for (std::size_t i = 0; i < files.size(); ++i) result[layout.files[i].name] = files[i];
  return result;
}

inline Tensor tensor_of(std::string name, DType dtype, Shape shape, std::string_view bytes) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  Piece piece;
  piece.origin = FileRange{memory_file("memory", bytes), 0, bytes.size()};
  tensor.stored.pieces.push_back(std::move(piece));
  return tensor;
}

inline Tensor strings_of(std::string name, Shape shape, std::vector<std::string> values) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = DType::string;
  tensor.shape = std::move(shape);
  std::uint64_t bytes = 0;
  for (const std::string& value : values) bytes += value.size();
  Piece piece;
  piece.origin = StringSource{bytes, [values = std::move(values)] { return values; }};
  tensor.stored.pieces.push_back(std::move(piece));
  return tensor;
}

inline std::string text_of(const Tensor& tensor) {
  const std::vector<std::byte> bytes = load_bytes(tensor);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The identifier of what `run` throws; empty when it throws nothing.
template <typename Run>
std::string thrown_by(Run run) {
  try {
    run();
    return {};
  } catch (const Error& error) {
    return error.id();
  }
}

}  // namespace tensorferry
