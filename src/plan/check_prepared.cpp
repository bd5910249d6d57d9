#include "plan/check_prepared.h"

#include <sys/stat.h>

#include <cerrno>

namespace tensorferry {

void check_prepared(const Descriptor& fd, Layout& layout, const Manifest& manifest) {
  OutputFile& file = layout.files[0];
  struct stat made {};
  if (fstat(fd.get(), &made) != 0) throw system_error(ErrorCode::output, "fstat", errno, file.name);
  file.size = static_cast<std::uint64_t>(made.st_size);
  for (const Slot& slot : layout.slots) {
    const bool moved = slot.file == 0 && slot.fill == Slot::Fill::moved && slot.length > 0;
    if (moved &&
        (slot.offset == 0 || slot.length > file.size || slot.offset > file.size - slot.length)) {
      throw Error(ErrorCode::internal, "prepared_file",
                  "the prepared file of " + std::to_string(file.size) + " bytes has no place at " +
                      std::to_string(slot.offset) + " for " + std::to_string(slot.length))
          .in_tensor(manifest.tensors[slot.tensor].name);
    }
  }
  check(layout, manifest);
}

}  // namespace tensorferry
