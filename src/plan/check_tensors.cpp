#include <algorithm>

#include "plan/checksums.h"
#include "plan/scan.h"
#include "tensorferry/compare.h"

namespace tensorferry {
namespace {

std::vector<std::string> checksums_of(const Tensor& tensor) {
  std::vector<std::string> kinds;
  const auto add = [&](std::string_view kind) {
    if (kind.empty() || std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return;
    kinds.emplace_back(kind);
  };
  for (const Piece& piece : tensor.stored.pieces) {
    if (piece.checksum) add(to_string(piece.checksum->kind));
    if (const auto* range = std::get_if<FileRange>(&piece.origin)) {
      if (range->file) add(range->file->checked_by());
    } else {
      add(std::get<Strings>(piece.origin)->checked_by);
    }
  }
  return kinds;
}

void read_through(const Tensor& tensor, const ScanOptions& options, Scan& scan) {
  if (tensor.problem) throw tensor.problem->in_tensor(tensor.name);
  if (info(tensor.dtype).kind == DTypeKind::string) {
    const auto turn = scan.strings_turn();
    load_strings(tensor, options.limits);
    scan.advance(tensor.bytes());
    return;
  }
  const auto stream = open_stream(tensor);
  Buffer buffer = step_buffer(tensor);
  while (const std::size_t n = stream->read(buffer)) scan.advance(n);
}

}  // namespace

std::vector<TensorCheck> check_tensors(const Manifest& manifest, const ScanOptions& options) {
  std::vector<TensorCheck> checks(manifest.tensors.size());
  Scan scan(options, bytes_to_read(manifest));
  scan.run(checks.size(), [&](std::size_t i) {
    const Tensor& tensor = manifest.tensors[i];
    try {
      read_through(tensor, options, scan);
      checks[i].bytes = tensor.bytes();
      checks[i].checksums = checksums_of(tensor);
    } catch (const Error& error) {
      if (error.id() == "input.cancelled") throw;
      checks[i].problem = error.in_tensor(tensor.name);
    }
  });
  return checks;
}

}  // namespace tensorferry
