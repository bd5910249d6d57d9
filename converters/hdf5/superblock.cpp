#include "superblock.h"

#include "header_writer.h"
#include "util/fields.h"

namespace tensorferry::hdf5 {

void put_superblock(std::string& file, std::uint64_t root, std::uint64_t end) {
  constexpr unsigned kLeaf = 4, kInner = 16;  // the library's own choice
  const Fields<kSuperblockBytes> rest = Fields<kSuperblockBytes>()
                                            .put(0, 5)
                                            .put(8, 1)
                                            .put(8, 1)
                                            .put(0, 1)
                                            .put(kLeaf, 2)
                                            .put(kInner, 2)
                                            .put(0, 4)
                                            .put(0, 8)
                                            .put(kNowhere, 8)
                                            .put(end, 8)
                                            .put(kNowhere, 8)
                                            .put(0, 8)
                                            .put(root, 8)
                                            .put(0, 8)
                                            .put(0, 8)
                                            .put(0, 8);
  kFileSignature.copy(file.data(), kFileSignature.size());
  std::string_view(rest).copy(&file[kFileSignature.size()],
                              kSuperblockBytes - kFileSignature.size());
}

}  // namespace tensorferry::hdf5
