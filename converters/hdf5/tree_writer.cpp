#include "tree_writer.h"

#include <bit>
#include <vector>

#include "header_writer.h"
#include "lookup3.h"
#include "util/fields.h"
#include "util/text.h"

namespace tensorferry::hdf5 {
namespace {

// As the library has them.
constexpr std::size_t kNodeBytes = 512;
constexpr unsigned kSplit = 100, kMerge = 40;

constexpr std::size_t kNodeFrame = 10;  // signature, version, type, checksum
constexpr std::size_t kAddress = 8;

/// That a number takes which is at most `most`.
std::size_t bytes_of(std::uint64_t most) {
  return (static_cast<std::size_t>(std::bit_width(most)) + 7) / 8;
}

struct Node {
  std::uint64_t address, records, total;
};

class TreeWriter {
 public:
  TreeWriter(std::string& out, TreeType type, std::string_view records, std::size_t record_bytes)
      : out_(out), type_(type), records_(records), record_bytes_(record_bytes) {}

  std::uint64_t write() {
    const std::uint64_t count = records_.size() / record_bytes_;
    add_level();
    while (levels_.back().most_below < count) add_level();
    const Node root = append_subtree(levels_.size() - 1, 0, count);
    pad(out_);
    const std::size_t begin = out_.size();
    append(out_, {"BTHD", Fields<>()
                              .put(0, 1)
                              .put(static_cast<unsigned>(type_), 1)
                              .put(kNodeBytes, 4)
                              .put(record_bytes_, 2)
                              .put(levels_.size() - 1, 2)
                              .put(kSplit, 1)
                              .put(kMerge, 1)
                              .put(root.address, 8)
                              .put(root.records, 2)
                              .put(root.total, 8)});
    append_checksum(out_, begin);
    return begin;
  }

 private:
  struct Level {
    std::uint64_t most_below;  // records in a node and below it
    std::size_t count_width;   // in a pointer to such a node: of its records
    std::size_t total_width;   // and of all below it, 0 for a leaf
  };

  void add_level() {
    const std::size_t room = kNodeBytes - kNodeFrame;
    if (levels_.empty()) {
      const std::uint64_t most = room / record_bytes_;
      levels_.push_back({most, bytes_of(most), 0});
      return;
    }
    const Level& below = levels_.back();
    const std::size_t pointer = kAddress + below.count_width + below.total_width;
    const std::uint64_t most = (room - pointer) / (record_bytes_ + pointer);
    const std::uint64_t total = (most + 1) * below.most_below + most;
    levels_.push_back({total, levels_[0].count_width, bytes_of(total)});
  }

  // Children as even as can be, as few as can be: all are at least half full.
  Node append_subtree(std::size_t level, std::uint64_t first, std::uint64_t count) {
    if (level == 0) {
      return {append_node("BTLF", record_span(first, count), {}), count, count};
    }
    const std::uint64_t most = levels_[level - 1].most_below;
    const std::uint64_t children = count / (most + 1) + 1;
    const std::uint64_t below = count - (children - 1);
    std::string own, pointers;
    for (std::uint64_t i = 0; i < children; ++i) {
      const std::uint64_t taken = below / children + (i < below % children ? 1 : 0);
      const Node child = append_subtree(level - 1, first, taken);
      first += taken;
      pointers += Fields<>()
                      .put(child.address, kAddress)
                      .put(child.records, levels_[level - 1].count_width)
                      .put(child.total, levels_[level - 1].total_width);
      if (i + 1 < children) own += record_span(first++, 1);
    }
    return {append_node("BTIN", own, pointers), children - 1, count};
  }

  std::uint64_t append_node(std::string_view signature, std::string_view records,
                            std::string_view pointers) {
    pad(out_);
    const std::size_t begin = out_.size();
    append(out_, {signature, Fields<>().put(0, 1).put(static_cast<unsigned>(type_), 1), records,
                  pointers});
    append_checksum(out_, begin);
    out_.resize(begin + kNodeBytes);
    return begin;
  }

  std::string_view record_span(std::uint64_t first, std::uint64_t count) const {
    return records_.substr(first * record_bytes_, count * record_bytes_);
  }

  std::string& out_;
  TreeType type_;
  std::string_view records_;
  std::size_t record_bytes_;
  std::vector<Level> levels_;  // from the leaves up
};

}  // namespace

void append_checksum(std::string& out, std::size_t begin) {
  out += Fields<4>().put(lookup3(std::string_view(out).substr(begin)), 4);
}

std::uint64_t append_tree(std::string& out, TreeType type, std::string_view records,
                          std::size_t record_bytes) {
  return TreeWriter(out, type, records, record_bytes).write();
}

}  // namespace tensorferry::hdf5
