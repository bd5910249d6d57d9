#include <algorithm>
#include <functional>

#include "core/boxes.h"
#include "tensorferry/manifest.h"
#include "util/name_index.h"

namespace tensorferry {
namespace {

constexpr std::size_t kMostNameBytes = 64 * 1024;

[[noreturn]] void corrupt(std::string_view detail, std::string message) {
  throw Error(ErrorCode::corrupt, detail, std::move(message));
}

[[noreturn]] void internal(std::string message) {
  throw Error(ErrorCode::internal, "manifest", std::move(message));
}

std::string piece_name(const Tensor& tensor, std::size_t index) {
  return tensor.stored.pieces.size() == 1 ? std::string() : "slice " + std::to_string(index) + ": ";
}

bool is_whole(const Piece& piece) { return piece.start.empty() && piece.extent.empty(); }

const Shape& extent_of(const Tensor& tensor, const Piece& piece) {
  return is_whole(piece) ? tensor.shape : piece.extent;
}

// Bytes from the first stored element to the end of the furthest one.
std::uint64_t strided_span(const Piece& piece, const Shape& extent, std::uint64_t element_bytes) {
  std::uint64_t span = element_bytes;
  for (std::size_t dim = 0; dim < extent.size(); ++dim) {
    span = checked_add(span, checked_multiply(extent[dim] - 1, piece.byte_strides[dim]));
  }
  return span;
}

void check_box(const Tensor& tensor, const Piece& piece) {
  if (is_whole(piece)) return;
  const std::size_t rank = tensor.shape.size();
  if (piece.start.size() != rank || piece.extent.size() != rank) {
    corrupt("slice", "the rank of " + to_string(piece.start) + " + " + to_string(piece.extent) +
                         " is not that of the shape " + to_string(tensor.shape));
  }
  for (std::size_t dim = 0; dim < rank; ++dim) {
    const std::uint64_t size = tensor.shape[dim];
    if (piece.start[dim] > size || piece.extent[dim] > size - piece.start[dim]) {
      corrupt("slice", to_string(piece.start) + " + " + to_string(piece.extent) +
                           " reaches out of the shape " + to_string(tensor.shape));
    }
  }
}

void check_range(const FileRange& range) {
  if (range.file == nullptr) internal("a range without a file");
  const std::uint64_t size = range.file->size();
  if (range.offset <= size && range.length <= size - range.offset) return;
  const std::string message = range.length > ~std::uint64_t{0} - range.offset
                                  ? std::to_string(range.length) + " bytes at offset " +
                                        std::to_string(range.offset) + " overflow"
                                  : "needs bytes " + std::to_string(range.offset) + ".." +
                                        std::to_string(range.offset + range.length) +
                                        ", file has " + std::to_string(size);
  throw Error(ErrorCode::corrupt, "truncated", message).in_file(range.file->name());
}

void check_length(const Tensor& tensor, std::uint64_t all, const Piece& piece,
                  const FileRange& range) {
  const Shape& extent = extent_of(tensor, piece);
  const DType dtype = stored_dtype(tensor);
  const std::uint64_t elements = is_whole(piece) ? all : element_count(extent);
  const auto what = [&] { return to_string(extent) + " of " + std::string(to_string(dtype)); };
  if (piece.byte_strides.empty()) {
    const std::uint64_t expected = encoded_bytes(dtype, tensor.stored.codec, elements);
    if (range.length != expected) {
      corrupt("size", what() + " takes " + std::to_string(expected) + " bytes, stored are " +
                          std::to_string(range.length));
    }
    return;
  }
  if (piece.byte_strides.size() != extent.size())
    internal("strides of another rank than the piece");
  if (tensor.stored.codec == Codec::packed) internal("strides of packed elements");
  if (elements == 0) return;
  const std::uint64_t span =
      strided_span(piece, extent, encoded_bytes(dtype, tensor.stored.codec, 1));
  if (span > range.length) {
    corrupt("size", what() + " with its strides spans " + std::to_string(span) +
                        " bytes, stored are " + std::to_string(range.length));
  }
}

void check_checksum(const Piece& piece) {
  if (!piece.checksum) return;
  const std::size_t size = piece.checksum->kind == Checksum::Kind::sha256 ? 32 : 4;
  if (piece.checksum->value.size() != size) internal("a checksum of the wrong size");
}

/// `elements`: of the whole tensor.
void check_piece(const Tensor& tensor, std::uint64_t elements, const Piece& piece) {
  check_box(tensor, piece);
  check_checksum(piece);
  const auto* range = std::get_if<FileRange>(&piece.origin);
  if ((tensor.dtype == DType::string) != (range == nullptr)) {
    internal("the origin does not suit dtype " + std::string(to_string(tensor.dtype)));
  }
  if (range == nullptr) {
    if (!std::get<Strings>(piece.origin)->load) internal("strings that cannot be loaded");
    return;
  }
  check_range(*range);
  if (is_fixed_size(tensor.dtype)) check_length(tensor, elements, piece, *range);
}

// Disjoint boxes whose volumes add up to the whole cover it.
void check_cover(const Tensor& tensor, std::uint64_t total) {
  const std::vector<Piece>& pieces = tensor.stored.pieces;
  if (pieces.size() == 1 && is_whole(pieces[0])) return;
  std::uint64_t covered = 0;
  std::vector<Box> boxes;
  const Shape origin(tensor.shape.size(), 0);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Shape& extent = extent_of(tensor, pieces[i]);
    covered = checked_add(covered, element_count(extent));
    boxes.push_back({is_whole(pieces[i]) ? &origin : &pieces[i].start, &extent, i});
  }
  if (const auto overlap = find_overlap(std::move(boxes))) {
    corrupt("overlap", "slices " + std::to_string(overlap->first) + " and " +
                           std::to_string(overlap->second) + " overlap");
  }
  if (covered != total) {
    corrupt("hole", "its slices hold " + std::to_string(covered) + " of " + std::to_string(total) +
                        " elements");
  }
}

void check_tensor(const Tensor& tensor) {
  if (tensor.name.size() > kMostNameBytes) {
    corrupt("name", "the name has " + std::to_string(tensor.name.size()) + " bytes, at most " +
                        std::to_string(kMostNameBytes) + " are allowed");
  }
  const std::uint64_t elements = tensor.elements();
  if (tensor.dtype == DType::unknown) {
    throw Error(ErrorCode::unsupported, "dtype", "its element type is not known");
  }
  // A codec needs at most info().bytes for an element, so this bounds every form.
  if (is_fixed_size(tensor.dtype)) encoded_bytes(tensor.dtype, Codec::plain, elements);
  for (std::size_t i = 0; i < tensor.stored.pieces.size(); ++i) {
    try {
      check_piece(tensor, elements, tensor.stored.pieces[i]);
    } catch (const Error& problem) {
      const std::string where = piece_name(tensor, i);
      if (where.empty()) throw;
      throw Error(problem.code(), problem.detail(), where + problem.message())
          .in_file(problem.file());
    }
  }
  if (info(tensor.dtype).kind != DTypeKind::opaque) check_cover(tensor, elements);
}

void check_names(const std::vector<Tensor>& tensors) {
  const auto ascends = [](const Tensor& a, const Tensor& b) { return a.name < b.name; };
  // Most formats keep tensors in this order, and then no two names are the same.
  if (std::adjacent_find(tensors.begin(), tensors.end(), std::not_fn(ascends)) == tensors.end())
    return;
  const auto twice = NameIndex(tensors).repeated();
  if (!twice) return;
  throw Error(ErrorCode::corrupt, "duplicate_name",
              "the name stands twice, as tensors " + std::to_string(twice->first) + " and " +
                  std::to_string(twice->second) + " of the file")
      .in_tensor(tensors[twice->second].name);
}

}  // namespace

void check(Manifest& manifest, const Limits& limits) {
  if (manifest.tensors.size() > limits.tensors) {
    throw Error(ErrorCode::unsafe, "limit",
                std::to_string(manifest.tensors.size()) + " tensors, the limit is " +
                    std::to_string(limits.tensors));
  }
  check_names(manifest.tensors);
  for (Tensor& tensor : manifest.tensors) {
    if (tensor.shape.size() > limits.rank) {
      throw Error(ErrorCode::unsafe, "limit",
                  std::to_string(tensor.shape.size()) + " dimensions, the limit is " +
                      std::to_string(limits.rank))
          .in_tensor(tensor.name);
    }
    if (tensor.problem) continue;
    try {
      check_tensor(tensor);
    } catch (const Error& problem) {
      tensor.problem = problem.in_tensor(tensor.name);
    }
  }
}

}  // namespace tensorferry
