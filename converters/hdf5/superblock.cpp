#include "superblock.h"

#include "header_writer.h"
#include "util/fields.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::size_t kBytes = 96, kHalfNodeBytes = 4;

}  // namespace

std::size_t Superblock::bytes() const {
  return half_node == kUsualHalfNode ? kBytes : kBytes + kHalfNodeBytes;
}

void Superblock::put(std::string& file, std::uint64_t end) const {
  constexpr unsigned kLeaf = 4, kInner = 16;  // the library's own choice
  const bool usual = half_node == kUsualHalfNode;
  Fields<kBytes + kHalfNodeBytes> rest;
  rest.put(usual ? 0 : 1, 1).put(0, 4).put(8, 1).put(8, 1).put(0, 1);
  rest.put(kLeaf, 2).put(kInner, 2).put(0, 4);
  if (!usual) rest.put(half_node, 2).put(0, 2);
  rest.put(0, 8).put(kNowhere, 8).put(end, 8).put(kNowhere, 8);
  rest.put(0, 8).put(root, 8).put(0, 8).put(0, 8).put(0, 8);
  kFileSignature.copy(file.data(), kFileSignature.size());
  const std::string_view fields = rest;
  fields.copy(&file[kFileSignature.size()], fields.size());
}

}  // namespace tensorferry::hdf5
