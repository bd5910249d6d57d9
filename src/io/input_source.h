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
  /// The same, from now on as if the user had named that file.
  std::shared_ptr<const File> main_file(const std::string& relative) const;
  std::vector<std::shared_ptr<const File>> opened() const;
  /// Counts a file that was opened in another way.
  void add_opened(std::shared_ptr<const File> file) const;

  virtual bool exists(const std::string& relative) const = 0;
  virtual std::vector<std::string> list(const std::string& subdirectory) const = 0;

 protected:
  virtual std::shared_ptr<const File> open(const std::string& relative) const = 0;
  /// Links may lead where that file leads from now on.
  virtual void trust(const std::string&) const {}

 private:
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const File>> siblings_;
  mutable std::vector<std::shared_ptr<const File>> opened_;
};

/// A directory on disk. `shown` stands before the names in messages. `named` is the file in it that
/// the user named, or empty. Where that is a link, others may lead into the directory of its
/// target, too. With `follow_links` links may lead anywhere.
std::shared_ptr<const InputSource> disk_source(const std::string& directory, std::string shown,
                                               const std::string& named, bool follow_links);
std::shared_ptr<const InputSource> memory_source(std::map<std::string, std::string> files);

}  // namespace tensorferry
