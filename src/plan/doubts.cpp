#include <algorithm>
#include <bit>
#include <map>
#include <tuple>
#include <vector>

#include "plan/kernels.h"
#include "plan/plausibility.h"
#include "tensorferry/stream.h"
#include "util/text.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kLeastElements = 64, kPlaceBytes = 16 * 1024, kPlaces = 4;
constexpr std::uint64_t kEnough = 1024;  // numbers that tell something
constexpr std::uint64_t kAligned = 8;    // elements: no number of another width is cut

/// Appends the elements from `first` on, as they lie in the file.
void append(const Tensor& tensor, std::uint64_t first, std::uint64_t count,
            std::vector<std::byte>& bytes) {
  const DTypeInfo& row = info(tensor.dtype);
  const std::size_t before = bytes.size();
  bytes.resize(before + static_cast<std::size_t>(count * row.bytes));
  auto wanted = std::span(bytes).subspan(before);
  const auto stream = open_stream(tensor, first, count);
  for (std::size_t n = 0; !wanted.empty() && (n = stream->read(wanted)) > 0;)
    wanted = wanted.subspan(n);
  bytes.resize(bytes.size() - wanted.size());
  if (tensor.stored.order == std::endian::big)
    swap_bytes(std::span(bytes).subspan(before), row.component_bytes);
}

std::optional<Doubt> doubt_of(const Tensor& tensor) {
  const DTypeInfo& row = info(tensor.dtype);
  if (tensor.problem || !can_be_doubted(tensor.dtype) || tensor.stored.codec != Codec::plain ||
      stored_dtype(tensor) != tensor.dtype || tensor.elements() < kLeastElements)
    return std::nullopt;
  const bool big = tensor.stored.order == std::endian::big;
  const std::uint64_t elements = tensor.elements();
  const std::uint64_t count = std::min(elements, kPlaceBytes / row.bytes);
  std::vector<std::byte> bytes;
  ByteSample sample{{}, tensor.bytes()};
  // One place is mostly enough; decoders need not go further then.
  for (std::uint64_t place = 0; place < kPlaces; ++place) {
    const std::uint64_t first = (elements - count) / (kPlaces - 1) * place / kAligned * kAligned;
    if (place > 0 && first * row.bytes < place * kPlaceBytes) break;
    append(tensor, first, count, bytes);
    sample.bytes = bytes;
    if (telling(sample, tensor.dtype, big) >= std::min(kEnough, count)) break;
  }
  return doubt(sample, tensor.dtype, big);
}

}  // namespace

std::optional<Doubt> doubt(const Tensor& tensor) {
  try {
    return doubt_of(tensor);
  } catch (const Error&) {
    return std::nullopt;  // whoever reads it is told
  }
}

std::vector<Note> doubts(const Manifest& manifest) {
  constexpr std::size_t kMostTensors = 1000, kMostNames = 3;
  const std::size_t all = manifest.tensors.size(), looked_at = std::min(all, kMostTensors);
  std::map<std::tuple<DType, std::string, std::string>, std::vector<std::string>> groups;
  for (std::size_t i = 0; i < looked_at; ++i) {
    const Tensor& tensor = manifest.tensors[i * all / looked_at];
    if (const auto found = doubt(tensor))
      groups[{tensor.dtype, found->found, found->better}].push_back(tensor.name);
  }
  std::vector<Note> notes;
  for (const auto& [group, names] : groups) {
    const auto& [dtype, found, better] = group;
    notes.push_back(
        {"plausibility.dtype",
         join_names(names, kMostNames) + (names.size() == 1 ? " does" : " do") + " not look like " +
             std::string(to_string(dtype)) + " (" + found + "); " +
             (better.empty() ? "nothing else that was tried fits" : better + " would fit")});
  }
  return notes;
}

}  // namespace tensorferry
