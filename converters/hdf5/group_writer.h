// Groups, written: few links lie in the header of their group, many in a table (link_heap.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "header_writer.h"
#include "link_heap.h"

namespace tensorferry::hdf5 {

/// The groups that paths of objects need, appended to a string whose first byte is the file's.
class GroupWriter {
 public:
  explicit GroupWriter(std::string& out) : out_(out) {}

  /// The object whose header lies at `address`. Paths come one group after the other, as
  /// StoredPaths::order has them, and must stay valid.
  void add(std::string_view path, std::uint64_t address);
  /// Completes all of them. `add_more` adds to the header of the root group, whose address is
  /// returned.
  std::uint64_t finish(const std::function<void(HeaderWriter&)>& add_more);

 private:
  struct Open {
    std::string_view path, name;
    std::size_t first_link;
  };

  void close();
  std::uint64_t append_group(std::string_view path, std::size_t first_link,
                             const std::function<void(HeaderWriter&)>& add_more);

  std::string& out_;
  std::string_view last_path_;
  std::vector<Open> open_;   // the groups in which the last object lies, but for the root
  std::vector<Link> links_;  // of the root and of each of those
};

}  // namespace tensorferry::hdf5
