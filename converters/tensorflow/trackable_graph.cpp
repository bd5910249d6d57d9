#include "trackable_graph.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "tensorferry/error.h"
#include "util/text.h"
#include "util/wire.h"

namespace tensorferry::tensorflow {
namespace {

using Text = TrackableGraph::Text;

// What no node has: the place of an id that is negative or too large.
constexpr std::uint32_t kNoNode = std::numeric_limits<std::uint32_t>::max();

[[noreturn]] void malformed() {
  throw Error(ErrorCode::corrupt, "object_graph", "the object graph is malformed");
}

/// Walks the fields of the message in [begin, end): field(number, value) for an integer, field
/// (number, text) for what has a length.
template <typename Number, typename Bytes>
void walk(std::string_view message, std::size_t begin, std::size_t end, Number number,
          Bytes bytes) {
  const std::string_view part = message.substr(0, end);
  while (begin < end) {
    const auto field = wire::next_field(part, begin);
    if (!field) malformed();
    if (field->type == wire::Type::varint) {
      number(field->number, field->value);
      continue;
    }
    if (field->value > end - begin) malformed();
    if (field->type == wire::Type::bytes) {
      bytes(field->number,
            Text{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(field->value)});
    }
    begin += static_cast<std::size_t>(field->value);
  }
}

/// Strings of proto3: a parser refuses others.
Text utf8(std::string_view message, Text text) {
  if (!is_utf8(message.substr(text.offset, text.length))) malformed();
  return text;
}

std::uint32_t node_id(std::uint64_t value) {
  return value < kNoNode ? static_cast<std::uint32_t>(value) : kNoNode;
}

void ignore(std::uint32_t, std::uint64_t) {}

TrackableGraph::Child read_child(std::string_view message, Text at) {
  TrackableGraph::Child child;
  walk(
      message, at.offset, at.offset + std::size_t{at.length},
      [&](std::uint32_t number, std::uint64_t value) {
        if (number == 1) child.node = node_id(value);
      },
      [&](std::uint32_t number, Text text) {
        if (number == 2) child.name = utf8(message, text);
      });
  return child;
}

TrackableGraph::Attribute read_attribute(std::string_view message, Text at) {
  TrackableGraph::Attribute attribute;
  walk(message, at.offset, at.offset + std::size_t{at.length}, ignore,
       [&](std::uint32_t number, Text text) {
         if (number == 1) attribute.name = utf8(message, text);
         if (number == 2) attribute.full_name = utf8(message, text);
         if (number == 3) attribute.key = utf8(message, text);
       });
  return attribute;
}

TrackableGraph::Slot read_slot(std::string_view message, Text at) {
  TrackableGraph::Slot slot;
  walk(
      message, at.offset, at.offset + std::size_t{at.length},
      [&](std::uint32_t number, std::uint64_t value) {
        if (number == 1) slot.original = node_id(value);
        if (number == 3) slot.node = node_id(value);
      },
      [&](std::uint32_t number, Text text) {
        if (number == 2) slot.name = utf8(message, text);
      });
  return slot;
}

/// What saves a node by itself: not needed, but it must be well-formed.
void read_saver(std::string_view message, Text at) {
  walk(message, at.offset, at.offset + std::size_t{at.length}, ignore,
       [&](std::uint32_t number, Text text) {
         if (number <= 2) utf8(message, text);
       });
}

template <typename Item>
std::span<const Item> part(const std::vector<Item>& items, std::uint32_t begin, std::uint32_t end) {
  return std::span(items).subspan(begin, end - begin);
}

}  // namespace

TrackableGraph::TrackableGraph(std::string message, std::uint64_t most)
    : message_(std::move(message)) {
  if (message_.size() >= kNoNode) {
    throw Error(ErrorCode::unsafe, "limit", "the object graph has 4 GiB or more");
  }
  walk(message_, 0, message_.size(), ignore, [&](std::uint32_t number, Text text) {
    if (number == 1) add_node(text.offset, text.offset + std::size_t{text.length}, most);
  });
  starts_.push_back(here());
  check_ids();
}

TrackableGraph::Start TrackableGraph::here() const {
  return {static_cast<std::uint32_t>(children_.size()),
          static_cast<std::uint32_t>(attributes_.size()),
          static_cast<std::uint32_t>(slots_.size())};
}

void TrackableGraph::add_node(std::size_t begin, std::size_t end, std::uint64_t most) {
  starts_.push_back(here());
  walk(message_, begin, end, ignore, [&](std::uint32_t number, Text text) {
    if (number == 1) children_.push_back(read_child(message_, text));
    if (number == 2) attributes_.push_back(read_attribute(message_, text));
    if (number == 3) slots_.push_back(read_slot(message_, text));
    if (number == 4) read_saver(message_, text);
    if (std::max({children_.size(), attributes_.size(), slots_.size()}) > most) {
      throw Error(ErrorCode::unsafe, "limit",
                  "the object graph has more than " + std::to_string(most) + " references");
    }
  });
  if (starts_.size() > most) {
    throw Error(ErrorCode::unsafe, "limit",
                "the object graph has more than " + std::to_string(most) + " nodes");
  }
}

void TrackableGraph::check_ids() const {
  const std::size_t count = nodes();
  const bool good = std::all_of(children_.begin(), children_.end(),
                                [&](const Child& child) { return child.node < count; }) &&
                    std::all_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
                      return slot.original < count && slot.node < count;
                    });
  if (!good) {
    throw Error(ErrorCode::corrupt, "object_graph",
                "the object graph refers to a node that it does not have");
  }
}

std::span<const TrackableGraph::Child> TrackableGraph::children(std::size_t node) const {
  return part(children_, starts_[node].child, starts_[node + 1].child);
}

std::span<const TrackableGraph::Attribute> TrackableGraph::attributes(std::size_t node) const {
  return part(attributes_, starts_[node].attribute, starts_[node + 1].attribute);
}

std::span<const TrackableGraph::Slot> TrackableGraph::slots(std::size_t node) const {
  return part(slots_, starts_[node].slot, starts_[node + 1].slot);
}

}  // namespace tensorferry::tensorflow
