// Which format an input is of, by content; and what to say when it is of none.
#include <algorithm>
#include <optional>
#include <utility>

#include "core/sniff.h"
#include "tensorferry/error.h"
#include "tensorferry/format.h"
#include "util/text.h"

namespace tensorferry {
namespace {

std::string readable_names(std::span<const Format> formats) {
  std::string names;
  for (const Format& format : formats)
    if (format.reader) names += (names.empty() ? "" : ", ") + std::string(format.name);
  return names;
}

// A probe only looks: what it cannot read is not its format. What nobody can list has none that can
// be found.
Match probe_quietly(const Format& format, const Probe& probe) {
  if (format.probe == nullptr) return Match::no;
  try {
    return format.probe(probe);
  } catch (const Error& error) {
    if (error.id() == "input.listing" || error.code() == ErrorCode::resources) throw;
    return Match::no;
  }
}

// What a Probe refers to.
struct Evidence {
  explicit Evidence(const Input& given) : input(given) {
    constexpr std::uint64_t kBytes = 4096;
    extension = lower(input.leaf());
    const std::size_t dot = extension.rfind('.');
    extension.erase(0, dot == std::string::npos ? extension.size() : dot);
    if (input.kind() != Input::Kind::file) return;
    const auto file = input.file();
    size = file->size();
    prefix = file->read_string(0, std::min(size, kBytes));
    suffix = size <= kBytes ? prefix : file->read_string(size - kBytes, kBytes);
  }
  Probe probe() const { return {input, prefix, suffix, size, extension}; }

  const Input& input;
  std::string prefix, suffix, extension;
  std::uint64_t size = 0;
};

struct Matches {
  std::vector<const Format*> sure, broken;
  bool by_container = false;  // sure of a general format only
};

Matches match(std::span<const Format> formats, const Evidence& evidence) {
  std::vector<const Format*> containers;
  Matches matches;
  for (const Format& format : formats) {
    switch (probe_quietly(format, evidence.probe())) {
      case Match::exact:
        matches.sure.push_back(&format);
        break;
      case Match::container:
        containers.push_back(&format);
        break;
      case Match::broken:
        matches.broken.push_back(&format);
        break;
      case Match::no:
        break;
    }
  }
  matches.by_container = matches.sure.empty();
  if (matches.by_container) matches.sure = std::move(containers);
  return matches;
}

const Format& only_one(const std::vector<const Format*>& matches, const Input& input) {
  if (matches.size() > 1) {
    std::string names;
    for (const Format* format : matches)
      names += (names.empty() ? "" : " and ") + std::string(format->name);
    throw Error(ErrorCode::corrupt, "ambiguous",
                "it is " + names + " at once; --from says which is meant")
        .in_file(input.name());
  }
  const Format& format = *matches.front();
  if (format.unavailable.empty()) return format;
  throw Error(ErrorCode::unsupported, "format_unavailable",
              std::string(format.name) + ": " + std::string(format.unavailable))
      .in_file(input.name());
}

[[noreturn]] void unknown(const Input& input, std::span<const Format> formats,
                          const std::string& why) {
  throw Error(
      ErrorCode::unsupported, "unknown_format",
      why + "; formats that can be read: " + readable_names(formats) + " (--from names one)")
      .in_file(input.name());
}

std::string why_unknown(const Evidence& evidence) {
  const Input& input = evidence.input;
  if (input.kind() == Input::Kind::prefix) return "the files of that prefix are of no known format";
  const std::string_view what = describe_content(evidence.probe()).description;
  std::string why = what.empty() ? "the content is of no known format"
                                 : "of no known format; it looks like " + std::string(what);
  if (input.is_stream()) why += "; a pipe carries only one file of a model in several files";
  return why;
}

bool has_extension(const std::string& file, const Format& format) {
  const std::string name = lower(file);
  return std::any_of(format.extensions.begin(), format.extensions.end(),
                     [&](std::string_view extension) { return name.ends_with(extension); });
}

// The files of a folder that is of no format itself: which are models, and what the others are.
class FolderContents {
 public:
  /// Files that `claimed`, which takes a folder of them for one model, has the extension of are
  /// not looked at.
  FolderContents(const Input& folder, std::span<const Format> formats,
                 const Format* claimed = nullptr)
      : folder_(folder), formats_(formats), names_(folder.list()) {
    const auto hidden = [](const std::string& name) { return name.starts_with('.'); };
    only_hidden_ = std::all_of(names_.begin(), names_.end(), hidden) && !names_.empty();
    std::erase_if(names_, hidden);
    if (claimed != nullptr) {
      const auto others = std::stable_partition(
          names_.begin(), names_.end(),
          [&](const std::string& name) { return has_extension(name, *claimed); });
      claimed_.assign(names_.begin(), others);
      names_.erase(names_.begin(), others);
    }
    if (names_.size() > kMostLookedAt)
      std::stable_partition(names_.begin(), names_.end(),
                            [&](const std::string& name) { return is_named_as_model(name); });
    for (std::size_t i = 0; i < std::min(names_.size(), kMostLookedAt); ++i) look_at(names_[i]);
  }

  /// Throws what to do when there are models beside the files of the claimed format.
  void refuse_others(const Format& claimed) {
    if (others_matter()) throw_unreadable();
    if (models_.empty()) return;
    const std::string name(claimed.name);
    for (const std::string& file : claimed_)
      models_.push_back(std::string(file).append(" (").append(name).append(")"));
    refuse_several("; --from " + name + " reads what is " + name + " as one");
  }

  /// The only model, with its format; throws what to do when it is not one.
  std::pair<Input, const Format*> only_model() {
    if (models_.size() == 1 && !others_matter() && names_.size() <= kMostLookedAt) {
      return {std::move(*only_), format_};
    }
    if (others_matter() || (models_.empty() && !unreadable_.empty())) throw_unreadable();
    if (!models_.empty()) refuse_several();
    std::string why = "the folder holds no known format";
    if (names_.empty()) why += "; there are no regular files in it";
    if (only_hidden_) why += " but hidden ones";
    if (!others_.empty()) why += ", but " + join_names(others_, kMostTold);
    unknown(folder_, formats_, why);
  }

 private:
  static constexpr std::size_t kMostLookedAt = 200, kMostTold = 5;

  void look_at(const std::string& name) {
    try {
      Input file = folder_.only_file(name);
      const Evidence evidence(file);
      const Matches matches = match(formats_, evidence);
      if (matches.sure.empty()) {
        const std::string_view what = describe_content(evidence.probe()).description;
        others_.push_back(name + " (" + (what.empty() ? "not known" : std::string(what)) + ")");
        return;
      }
      format_ = &only_one(matches.sure, file);
      models_.push_back(name + " (" + std::string(format_->name) + ")");
      only_.emplace(std::move(file));
    } catch (const Error& error) {
      unreadable_.emplace_back(error);
    }
  }

  bool is_named_as_model(const std::string& file) const {
    return std::any_of(formats_.begin(), formats_.end(),
                       [&](const Format& format) { return has_extension(file, format); });
  }

  bool others_matter() const {
    return std::any_of(unreadable_.begin(), unreadable_.end(),
                       [&](const Error& error) { return is_named_as_model(error.file()); });
  }

  [[noreturn]] void refuse_several(const std::string& advice = {}) const {
    throw Error(ErrorCode::usage, "several_files",
                "the folder holds several models; name one of them: " +
                    join_names(models_, kMostTold) + advice)
        .in_file(folder_.name());
  }

  /// One error for all, with the identifier of the first.
  [[noreturn]] void throw_unreadable() {
    const Error& first = unreadable_.front();
    if (unreadable_.size() == 1 && models_.empty()) throw Error(first);
    std::string message = "the folder holds " + std::to_string(unreadable_.size()) +
                          (unreadable_.size() == 1 ? " file" : " files") + " that cannot be read";
    for (std::size_t i = 0; i < std::min(unreadable_.size(), kMostTold); ++i)
      message += "\n  " + printable(unreadable_[i].file()) + ": " + unreadable_[i].message();
    if (unreadable_.size() > kMostTold)
      message += "\n  and " + std::to_string(unreadable_.size() - kMostTold) + " more";
    if (!models_.empty()) message += "\n  models beside: " + join_names(models_, kMostTold);
    throw Error(first.code(), first.detail(), message).in_file(folder_.name());
  }

  const Input& folder_;
  std::span<const Format> formats_;
  std::vector<std::string> names_, models_, others_, claimed_;
  bool only_hidden_ = false;
  std::vector<Error> unreadable_;
  std::optional<Input> only_;
  const Format* format_ = nullptr;
};

}  // namespace

const Format& Registry::detect(Input& input) const {
  const Evidence evidence(input);
  const Matches matches = match(formats_, evidence);
  if (!matches.sure.empty()) {
    const Format& format = only_one(matches.sure, input);
    if (!matches.by_container || input.kind() != Input::Kind::directory) return format;
    FolderContents(input, formats_, &format).refuse_others(format);
    return matches.broken.empty() ? format : only_one(matches.broken, input);
  }
  if (!matches.broken.empty()) return only_one(matches.broken, input);
  if (input.kind() != Input::Kind::directory) unknown(input, formats_, why_unknown(evidence));
  auto [file, format] = FolderContents(input, formats_).only_model();
  input = std::move(file);
  return *format;
}

const Format& Registry::detect(const Input& input) const {
  Input copy = input;
  return detect(copy);
}

}  // namespace tensorferry
