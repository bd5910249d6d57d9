// The JSON of safetensors, event by event: a header of a million tensors never becomes a tree.
#include <unordered_set>

#include "safetensors_wire.h"
#include "tensorferry/error.h"
#include "util/json_events.h"

namespace tensorferry::safetensors {
namespace {

// Where in the document the parser is; `depth` counts the objects and arrays that are open.
class Events : public JsonEvents {
 public:
  void null() override { scalar("null"); }
  void boolean(bool) override { scalar("a boolean"); }
  void negative(std::int64_t) override { scalar("a negative number"); }
  void real(double) override { scalar("a number that is not a 64-bit integer"); }

 protected:
  virtual void scalar(std::string_view what) = 0;

  [[noreturn]] static void refuse(std::string_view detail, const std::string& why) {
    throw Error(ErrorCode::corrupt, detail, why);
  }
};

class HeaderEvents final : public Events {
 public:
  explicit HeaderEvents(const std::function<void(HeaderEntry&&)>& on_tensor)
      : on_tensor_(on_tensor) {}

  void key(std::string& name) override {
    if (ignoring_ > 0) return;
    switch (place_) {
      case Place::top:
        entry_.name = std::move(name);
        if (entry_.name != kMetadataKey) break;
        if (seen_metadata_) refuse("header", "__metadata__ stands twice");
        seen_metadata_ = true;
        break;
      case Place::metadata:
        if (!metadata_keys_.insert(name).second)
          refuse("header", "__metadata__ has the key \"" + printable(name) + "\" twice");
        metadata_.emplace_back(std::move(name), std::string());
        break;
      default:
        field_ = field_of(name);
    }
  }

  void begin_object() override {
    if (ignoring_ > 0 || is_ignored()) {
      ++ignoring_;
    } else if (place_ == Place::start) {
      place_ = Place::top;
    } else if (place_ == Place::top) {
      if (entry_.name == kMetadataKey) {
        place_ = Place::metadata;
      } else {
        place_ = Place::tensor;
        seen_ = 0;
      }
    } else {
      scalar("an object");
    }
  }

  void end_object() override {
    if (ignoring_ > 0) {
      --ignoring_;
    } else if (place_ == Place::metadata) {
      place_ = Place::top;
    } else if (place_ == Place::tensor) {
      finish_tensor();
      place_ = Place::top;
    }
  }

  void begin_array() override {
    if (ignoring_ > 0 || is_ignored()) {
      ++ignoring_;
    } else if (place_ == Place::tensor && field_ != Field::dtype) {
      place_ = Place::numbers;
    } else {
      scalar("an array");
    }
  }

  void end_array() override {
    if (ignoring_ > 0) {
      --ignoring_;
    } else {
      place_ = Place::tensor;
    }
  }

  void number(std::uint64_t value) override {
    if (ignoring_ > 0 || is_ignored()) return;
    if (place_ != Place::numbers) return scalar("a number");
    if (field_ == Field::shape) {
      entry_.shape.push_back(value);
    } else {
      if (offsets_ == 2) refuse_here("data_offsets has more than two numbers");
      (offsets_ == 0 ? entry_.begin : entry_.end) = value;
      ++offsets_;
    }
  }

  void string(std::string& value) override {
    if (ignoring_ > 0 || is_ignored()) return;
    if (place_ == Place::metadata) {
      metadata_.back().second = std::move(value);
    } else if (place_ == Place::tensor && field_ == Field::dtype) {
      entry_.dtype = std::move(value);
    } else {
      scalar("a text");
    }
  }

  TextEntries take_metadata() { return std::move(metadata_); }

 private:
  enum class Place : std::uint8_t { start, top, metadata, tensor, numbers };
  enum class Field : std::uint8_t { other, dtype, shape, offsets };

  Field field_of(std::string_view name) {
    const Field field = name == "dtype"          ? Field::dtype
                        : name == "shape"        ? Field::shape
                        : name == "data_offsets" ? Field::offsets
                                                 : Field::other;
    if (field == Field::other) return field;
    const unsigned bit = 1u << static_cast<unsigned>(field);
    if ((seen_ & bit) != 0) refuse_here("\"" + std::string(name) + "\" stands twice");
    seen_ |= bit;
    return field;
  }

  bool is_ignored() const { return place_ == Place::tensor && field_ == Field::other; }

  void scalar(std::string_view what) override {
    if (ignoring_ > 0 || is_ignored()) return;
    // The library takes it for no metadata.
    if (place_ == Place::top && entry_.name == kMetadataKey && what == "null") return;
    if (place_ == Place::start)
      refuse("header", "the header is " + std::string(what) + ", not an object");
    if (place_ == Place::metadata)
      refuse("header", "__metadata__ holds " + std::string(what) + ", not only texts");
    refuse_here(std::string(what) + " where none can be");
  }

  [[noreturn]] void refuse_here(const std::string& why) const {
    throw Error(ErrorCode::corrupt, "header", why).in_tensor(entry_.name);
  }

  void finish_tensor() {
    constexpr unsigned kAll = 0b1110;
    if (seen_ != kAll || offsets_ != 2) refuse_here("needs dtype, shape and two data_offsets");
    if (entry_.begin > entry_.end) {
      refuse_here("its bytes end at " + std::to_string(entry_.end) + ", before they begin at " +
                  std::to_string(entry_.begin));
    }
    offsets_ = 0;
    on_tensor_(std::move(entry_));
    entry_ = {};
  }

  const std::function<void(HeaderEntry&&)>& on_tensor_;
  Place place_ = Place::start;
  Field field_ = Field::other;
  unsigned seen_ = 0;           // a bit for each field of the tensor
  unsigned offsets_ = 0;        // numbers of data_offsets so far
  std::uint64_t ignoring_ = 0;  // objects and arrays of an unknown field that are open
  bool seen_metadata_ = false;
  HeaderEntry entry_;
  TextEntries metadata_;
  std::unordered_set<std::string> metadata_keys_;
};

// {"weight_map": {NAME: FILE, ...}, ...}
class IndexEvents final : public Events {
 public:
  void key(std::string& name) override {
    if (depth_ == 1) {
      is_map_ = name == "weight_map";
      if (is_map_ && found_) refuse("index", "\"weight_map\" stands twice");
      found_ = found_ || is_map_;
    } else if (depth_ == 2 && is_map_) {
      const auto [entry, added] = map_.emplace(std::move(name), std::string());
      if (!added) refuse("index", "\"" + printable(entry->first) + "\" stands twice in weight_map");
      last_ = &entry->second;
    }
  }
  void begin_object() override {
    if (is_map_ && depth_ == 2) scalar("an object");
    ++depth_;
  }
  void end_object() override { --depth_; }
  void begin_array() override {
    scalar("an array");
    ++depth_;
  }
  void end_array() override { --depth_; }
  void number(std::uint64_t) override { scalar("a number"); }
  void string(std::string& value) override {
    if (is_map_ && depth_ == 2) {
      *last_ = std::move(value);
    } else {
      scalar("a text");
    }
  }

  WeightMap take() {
    if (!found_) refuse("index", "there is no \"weight_map\"");
    return std::move(map_);
  }

 private:
  void scalar(std::string_view what) override {
    if (depth_ == 0 || is_map_)
      refuse("index", std::string(what) + " where \"weight_map\" needs an object of texts");
  }

  WeightMap map_;
  std::string* last_ = nullptr;
  std::size_t depth_ = 0;
  bool is_map_ = false, found_ = false;
};

}  // namespace

TextEntries parse_header(std::string_view text, std::size_t depth,
                         const std::function<void(HeaderEntry&&)>& on_tensor) {
  HeaderEvents events(on_tensor);
  parse_json(text, depth, events);
  return events.take_metadata();
}

WeightMap parse_index(std::string_view text, std::size_t depth) {
  IndexEvents events;
  parse_json(text, depth, events);
  return events.take();
}

}  // namespace tensorferry::safetensors
