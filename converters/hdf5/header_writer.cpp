#include "header_writer.h"

#include <cstddef>

#include "object_header.h"
#include "tensorferry/error.h"
#include "util/fields.h"
#include "util/text.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::size_t kAlignment = 8, kPrefix = 16;
constexpr unsigned kConstant = 1;  // a flag: nobody changes the message
constexpr std::string_view kZeros("\0\0\0\0\0\0\0\0", kAlignment);

std::size_t padding(std::size_t size) { return (kAlignment - size % kAlignment) % kAlignment; }

void require_fit(std::uint64_t value, std::uint64_t most, std::string_view what) {
  if (value <= most) return;
  throw Error(ErrorCode::internal, "hdf5_header",
              "an object header cannot hold " + std::to_string(value) + " " + std::string(what));
}

// The bytes that the length of a name takes in a link, as a power of two.
unsigned length_code(std::size_t length) { return length < 0x100 ? 0 : length < 0x10000 ? 1 : 2; }

}  // namespace

void pad(std::string& out) { out += kZeros.substr(0, padding(out.size())); }

HeaderWriter::HeaderWriter(std::string& out) : out_(out) {
  pad(out_);
  begin_ = out_.size();
  out_ += Fields<kPrefix>().put(1, 4).put(1, 4).put(0, 8);
}

std::uint64_t HeaderWriter::add(unsigned type, unsigned flags,
                                std::initializer_list<std::string_view> data) {
  std::size_t size = 0;
  for (const std::string_view part : data) size += part.size();
  const std::size_t padded = size + padding(size);
  require_fit(padded, 0xFFFF, "bytes in one message");
  out_ += Fields<8>().put(type, 2).put(padded, 2).put(flags, 4);
  const std::uint64_t at = out_.size();
  append(out_, data);
  out_ += kZeros.substr(0, padded - size);
  ++messages_;
  return at;
}

std::uint64_t HeaderWriter::finish() {
  const std::uint64_t bytes = out_.size() - begin_ - kPrefix;
  require_fit(messages_, 0xFFFF, "messages");
  require_fit(bytes, kMostHeader, "bytes");
  put_number(&out_[begin_ + 2], messages_, 2);
  put_number(&out_[begin_ + 8], bytes, 4);
  return begin_;
}

void HeaderWriter::add_space(const Shape& shape) {
  Fields<8 * (1 + kMaxRank)> space;
  space.put(1, 1).put(shape.size(), 1).put(0, 6);
  for (const std::uint64_t extent : shape) space.put(extent, 8);
  add(HeaderMessage::kSpace, 0, {space});
}

void HeaderWriter::add_type(std::string_view type) { add(HeaderMessage::kType, kConstant, {type}); }

void HeaderWriter::add_fill(Allocation allocation) {
  // Early and never filled; late and filled at once; with each chunk, filled where a value is set.
  constexpr struct { unsigned allocated, written; } kCodes[] = {{1, 1}, {2, 0}, {3, 2}};
  const auto [allocated, written] = kCodes[static_cast<std::size_t>(allocation)];
  add(HeaderMessage::kFill, kConstant,
      {Fields<8>().put(2, 1).put(allocated, 1).put(written, 1).put(1, 1).put(0, 4)});
}

void HeaderWriter::add_filters(std::uint64_t shuffled_bytes, unsigned gzip_level) {
  constexpr unsigned kShuffle = 2, kDeflate = 1;
  const auto filter = [](unsigned number, std::string_view name, std::uint64_t value) {
    constexpr std::size_t kNameBytes = 8;
    std::string text(Fields<8>().put(number, 2).put(kNameBytes, 2).put(1, 2).put(1, 2));
    text.append(name).resize(8 + kNameBytes);
    return text += Fields<8>().put(value, 8);
  };
  const bool shuffled = shuffled_bytes != 0;
  add(HeaderMessage::kFilters, kConstant,
      {Fields<8>().put(1, 1).put(shuffled ? 2 : 1, 7),
       shuffled ? filter(kShuffle, "shuffle", shuffled_bytes) : std::string(),
       filter(kDeflate, "deflate", gzip_level)});
}

void HeaderWriter::add_chunks(const Shape& chunk, std::uint64_t element_bytes, std::uint64_t tree) {
  Fields<11 + 4 * (kMaxRank + 1)> layout;
  layout.put(3, 1).put(2, 1).put(chunk.size() + 1, 1).put(tree, 8);
  for (const std::uint64_t extent : chunk) layout.put(extent, 4);
  layout.put(element_bytes, 4);
  add(HeaderMessage::kLayout, 0, {layout});
}

std::uint64_t HeaderWriter::add_contiguous(std::uint64_t bytes) {
  const Fields<24> layout = Fields<24>().put(3, 1).put(1, 1).put(kNowhere, 8).put(bytes, 8);
  return add(HeaderMessage::kLayout, 0, {layout}) + 2;
}

void HeaderWriter::add_link_info(std::uint64_t heap, std::uint64_t tree) {
  add(HeaderMessage::kLinkInfo, 0, {Fields<24>().put(0, 2).put(heap, 8).put(tree, 8)});
  add(HeaderMessage::kGroupInfo, kConstant, {Fields<8>().put(0, 2)});
}

void HeaderWriter::add_link(std::string_view name, std::uint64_t address) {
  std::string link;
  append_link(link, name, address);
  add(HeaderMessage::kLink, 0, {link});
}

void HeaderWriter::add_attribute(std::string_view name, std::string_view type,
                                 std::string_view element) {
  const Fields<8> scalar = Fields<8>().put(1, 1).put(0, 7);
  const std::string_view space = scalar, end("\0", 1);
  const Fields<16> front = Fields<16>()
                               .put(3, 2)
                               .put(name.size() + end.size(), 2)
                               .put(type.size(), 2)
                               .put(space.size(), 2)
                               .put(is_ascii(name) ? 0 : 1, 1);
  add(HeaderMessage::kAttribute, 0, {front, name, end, type, space, element});
}

void append_link(std::string& out, std::string_view name, std::uint64_t address) {
  constexpr unsigned kHasCharset = 0x10, kUtf8 = 1;
  const unsigned width = length_code(name.size());
  append(out, {Fields<>()
                   .put(1, 1)
                   .put(kHasCharset | width, 1)
                   .put(kUtf8, 1)
                   .put(name.size(), std::size_t{1} << width),
               name, Fields<8>().put(address, 8)});
}

std::uint64_t link_size(std::string_view name) {
  return 3 + (std::uint64_t{1} << length_code(name.size())) + name.size() + 8;
}

}  // namespace tensorferry::hdf5
