// The folder that an Input's siblings live in: on disk, or in memory.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/input.h"

namespace tensorferry {

class InputSource {
 public:
  virtual ~InputSource() = default;

  /// The file, opened once however often it is asked for. Thread-safe.
  std::shared_ptr<const File> sibling(const std::string& relative) const;
  std::vector<std::shared_ptr<const File>> opened() const;
  /// Counts a file that was opened in another way.
  void add_opened(std::shared_ptr<const File> file) const;

  virtual bool exists(const std::string& relative) const = 0;
  virtual std::vector<std::string> list(const std::string& subdirectory) const = 0;

 protected:
  virtual std::shared_ptr<const File> open(const std::string& relative) const = 0;

 private:
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const File>> siblings_;
  mutable std::vector<std::shared_ptr<const File>> opened_;
};

/// A directory on disk. `shown` stands before the names in messages. `anchor` is the real directory
/// of the model file itself when that is a symbolic link (empty otherwise): links may lead there,
/// too.
std::shared_ptr<const InputSource> disk_source(const std::string& directory, std::string shown,
                                               std::string anchor);
std::shared_ptr<const InputSource> memory_source(std::map<std::string, std::string> files);

}  // namespace tensorferry
