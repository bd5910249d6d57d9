#include "link_heap.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "header_writer.h"
#include "lookup3.h"
#include "tensorferry/error.h"
#include "tree_writer.h"
#include "util/fields.h"
#include "util/text.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::size_t kWidth = 4, kIdBytes = 7;
constexpr std::uint64_t kFirstBlock = 512, kLargestBlock = 64 * 1024, kLargestObject = 4096;
constexpr unsigned kOffsetBits = 32, kDirectRows = 9, kMostRows = 22;  // by these sizes
constexpr std::size_t kHeaderBytes = 146, kDirectFront = 21, kChecksumAt = 17;

std::uint64_t block_bytes(unsigned row) { return kFirstBlock << (row == 0 ? 0 : row - 1); }

/// Of an indirect block that spans so many bytes.
unsigned rows_in(std::uint64_t bytes) {
  return static_cast<unsigned>(std::bit_width(bytes) - std::bit_width(kFirstBlock * kWidth)) + 1;
}

std::uint64_t span_of(unsigned rows) {
  return rows == 0 ? kFirstBlock : kWidth * block_bytes(rows);
}

/// What objects can take in so many rows.
std::uint64_t room_in(unsigned rows) {
  std::uint64_t bytes = 0;
  for (unsigned row = 0; row < rows; ++row) {
    const std::uint64_t block = block_bytes(row);
    bytes += kWidth * (row < kDirectRows ? block - kDirectFront : room_in(rows_in(block)));
  }
  return rows == 0 ? kFirstBlock - kDirectFront : bytes;
}

class LinkHeap {
 public:
  LinkHeap(std::string& out, std::string_view group, std::span<const Link> links)
      : out_(out), group_(group), links_(links), ids_(links.size()) {}

  std::uint64_t write() {
    pad(out_);
    header_ = out_.size();
    out_.resize(header_ + kHeaderBytes);
    put_huge();
    std::uint64_t small = 0;
    for (const Link& link : links_) small += is_huge(link) ? 0 : link_size(link.name);
    used_ = small;
    skip_huge();
    if (small != 0) {
      root_ =
          small <= room_in(0) ? direct_block(0, kFirstBlock) : indirect_block(0, kMostRows, true);
      if (next_ < links_.size())
        throw Error(ErrorCode::unsupported, "hdf5",
                    "a group of HDF5 cannot hold " + std::to_string(small) +
                        " bytes of links: " + printable(group_));
    }
    write_header();
    return header_;
  }

  /// Of each link.
  const std::vector<std::uint64_t>& ids() const { return ids_; }

 private:
  static bool is_huge(const Link& link) { return link_size(link.name) > kLargestObject; }

  void skip_huge() {
    while (next_ < links_.size() && is_huge(links_[next_])) ++next_;
  }

  void put_huge() {
    std::string records;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      if (!is_huge(links_[i])) continue;
      pad(out_);
      const std::uint64_t begin = out_.size();
      append_link(out_, links_[i].name, links_[i].address);
      huge_bytes_ += out_.size() - begin;
      records += Fields<>().put(begin, 8).put(out_.size() - begin, 8).put(++huge_, 8);
      ids_[i] = 0x10 | huge_ << 8;
    }
    if (huge_ != 0)
      huge_tree_ = append_tree(out_, TreeType::huge_objects, records, records.size() / huge_);
  }

  /// Its address; kNowhere where the next link needs a larger one.
  std::uint64_t direct_block(std::uint64_t offset, std::uint64_t bytes) {
    if (kDirectFront + link_size(links_[next_].name) > bytes) return kNowhere;
    const std::size_t begin = out_.size();
    append(out_, {"FHDB", Fields<>().put(0, 1).put(header_, 8).put(offset, 4).put(0, 4)});
    for (; next_ < links_.size(); skip_huge()) {
      const std::uint64_t at = out_.size() - begin, size = link_size(links_[next_].name);
      if (size > bytes - at) break;
      append_link(out_, links_[next_].name, links_[next_].address);
      ids_[next_++] = (offset + at) << 8 | size << 40;
    }
    out_.resize(begin + bytes);
    put_number(&out_[begin + kChecksumAt], lookup3(std::string_view(out_).substr(begin)), 4);
    blocks_ += bytes;
    end_ = offset + bytes;
    return begin;
  }

  /// The root ends with the row in which the last link is.
  std::uint64_t indirect_block(std::uint64_t offset, unsigned rows, bool root) {
    const std::uint64_t begin = offset;
    std::vector<std::uint64_t> blocks;
    for (unsigned row = 0; row < rows && !(root && next_ == links_.size()); ++row) {
      const std::uint64_t bytes = block_bytes(row);
      for (std::size_t i = 0; i < kWidth; ++i, offset += bytes) {
        if (next_ == links_.size()) {
          blocks.push_back(kNowhere);
        } else if (row < kDirectRows) {
          blocks.push_back(direct_block(offset, bytes));
        } else {
          blocks.push_back(indirect_block(offset, rows_in(bytes), false));
        }
      }
    }
    if (root) root_rows_ = static_cast<unsigned>(blocks.size() / kWidth);
    pad(out_);
    const std::size_t at = out_.size();
    append(out_, {"FHIB", Fields<>().put(0, 1).put(header_, 8).put(begin, 4)});
    for (const std::uint64_t address : blocks) out_ += Fields<8>().put(address, 8);
    append_checksum(out_, at);
    return at;
  }

  void write_header() {
    const Fields<kHeaderBytes> header =
        Fields<kHeaderBytes>()
            .put(0, 1)
            .put(kIdBytes, 2)
            .put(0, 2)
            .put(2, 1)
            .put(kLargestObject, 4)
            .put(huge_, 8)
            .put(huge_tree_, 8)
            .put(root_ == kNowhere ? 0 : room_in(root_rows_) - used_, 8)
            .put(kNowhere, 8)
            .put(root_ == kNowhere ? 0 : span_of(root_rows_), 8)
            .put(blocks_, 8)
            .put(root_rows_ == 0 ? 0 : end_, 8)
            .put(links_.size() - huge_, 8)
            .put(huge_bytes_, 8)
            .put(huge_, 8)
            .put(0, 8)
            .put(0, 8)
            .put(kWidth, 2)
            .put(kFirstBlock, 8)
            .put(kLargestBlock, 8)
            .put(kOffsetBits, 2)
            .put(1, 2)
            .put(root_, 8)
            .put(root_rows_, 2);
    std::string bytes = "FRHP";
    bytes += header;
    append_checksum(bytes, 0);
    bytes.copy(&out_[header_], kHeaderBytes);
  }

  std::string& out_;
  std::string_view group_;
  std::span<const Link> links_;
  std::vector<std::uint64_t> ids_;
  std::uint64_t header_ = 0, root_ = kNowhere;
  unsigned root_rows_ = 0;
  std::size_t next_ = 0;  // the link that is to be put into a block
  std::uint64_t used_ = 0, blocks_ = 0, end_ = 0;
  std::uint64_t huge_ = 0, huge_bytes_ = 0, huge_tree_ = kNowhere;
};

}  // namespace

LinkTable append_link_table(std::string& out, std::string_view group, std::span<Link> links) {
  for (Link& link : links) link.hash = lookup3(link.name);
  std::sort(links.begin(), links.end(), [](const Link& a, const Link& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.name < b.name;
  });
  LinkHeap heap(out, group, links);
  const std::uint64_t address = heap.write();
  constexpr std::size_t kRecord = 4 + kIdBytes;
  std::string records;
  records.reserve(kRecord * links.size());
  for (std::size_t i = 0; i < links.size(); ++i)
    records += Fields<>().put(links[i].hash, 4).put(heap.ids()[i], kIdBytes);
  return {address, append_tree(out, TreeType::link_names, records, kRecord)};
}

}  // namespace tensorferry::hdf5
