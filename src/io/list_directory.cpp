#include "io/list_directory.h"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "io/system.h"

namespace tensorferry {

Error listing_error(ErrorCode code, const char* operation, int error, const std::string& shown) {
  Error of_system = system_error(code, operation, error, shown);
  if (of_system.detail() != "io") return of_system;
  return Error(code, "listing", "the folder cannot be listed: " + of_system.message())
      .in_file(shown);
}

std::vector<ListedEntry> list_directory(int directory, ErrorCode code, const std::string& shown) {
  // Opened again: a duplicate would share the position of the one given.
  Descriptor fd(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw listing_error(code, "open", errno, shown);
  struct Closer {
    void operator()(DIR* stream) const { closedir(stream); }
  };
  const std::unique_ptr<DIR, Closer> stream(fdopendir(fd.get()));
  if (!stream) throw listing_error(code, "fdopendir", errno, shown);
  fd.release();  // the stream owns and closes it
  std::vector<ListedEntry> entries;
  for (;;) {
    errno = 0;  // readdir says "end" and "error" alike, but for this
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") entries.push_back({std::string(name), entry->d_type});
  }
  if (errno != 0) throw listing_error(code, "readdir", errno, shown);
  return entries;
}

}  // namespace tensorferry
