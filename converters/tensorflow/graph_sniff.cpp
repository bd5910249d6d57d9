#include "graph_sniff.h"

#include <algorithm>
#include <string_view>

#include "tensorferry/error.h"
#include "util/file_cursor.h"

namespace tensorferry::tensorflow {
namespace {

constexpr int kLookedAt = 16;             // fields of the graph
constexpr std::size_t kWindow = 1024;     // a node begins with its names
constexpr std::uint64_t kMostName = 512;  // of a first node: longer ones are not worth a guess

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// What TensorFlow allows for nodes and ops.
bool is_identifier(std::string_view text) {
  constexpr std::string_view kInner = ".-/>";
  return !text.empty() && (is_letter(text[0]) || text[0] == '.') &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_letter(c) || kInner.find(c) != std::string_view::npos;
         });
}

/// Name, op, then inputs, device, attributes: all of them length-delimited.
bool looks_like_node(FileCursor& cursor, std::uint64_t end) {
  bool name = false, op = false;
  while (cursor.position() < end) {
    const auto field = wire::next_field(cursor, end);
    if (!field || field->type != wire::Type::bytes || field->number > 7) return false;
    const std::uint64_t contents_end = cursor.position() + field->value;
    if (field->number <= 2) {
      if (field->value > kMostName || !is_identifier(cursor.take(field->value))) return false;
      (field->number == 1 ? name : op) = true;
    }
    if (name && op) return true;
    cursor.skip(contents_end - cursor.position());
  }
  return false;
}

bool looks_like_graph(FileCursor& cursor, std::uint64_t end) {
  for (int seen = 0; seen < kLookedAt && cursor.position() < end; ++seen) {
    const auto field = wire::next_field(cursor, end);
    // A graph that is cut after its first node still is one, so that its reader can say so.
    if (!field) return seen > 0 && wire::broken_field(cursor, end).detail() == "truncated";
    if (field->type == wire::Type::varint && field->number == 3) continue;
    const bool node = field->number == 1;
    if (field->type != wire::Type::bytes || field->number > 4 || field->number == 3 ||
        (seen == 0 && !node)) {
      return false;
    }
    const std::uint64_t contents_end = cursor.position() + field->value;
    if (node && !looks_like_node(cursor, contents_end)) return false;
    cursor.skip(contents_end - cursor.position());
  }
  return end > 0;
}

}  // namespace

bool looks_like_graph(const File& file) {
  FileCursor cursor(file, 0, file.size(), kWindow);
  return looks_like_graph(cursor, file.size());
}

bool looks_like_meta_graph(const File& file) {
  FileCursor cursor(file, 0, file.size(), kWindow);
  bool graph = false;
  for (int seen = 0; seen < kLookedAt && cursor.left() > 0; ++seen) {
    const auto field = wire::next_field(cursor, file.size());
    if (!field || field->type != wire::Type::bytes || field->number > 7) return false;
    const std::uint64_t contents_end = cursor.position() + field->value;
    if (field->number == 2) {
      if (!looks_like_graph(cursor, contents_end)) return false;
      graph = true;
    }
    cursor.skip(contents_end - cursor.position());
  }
  return graph;
}

}  // namespace tensorferry::tensorflow
