#include <algorithm>
#include <unordered_map>

#include "api/builtin_formats.h"
#include "api/missing_files.h"
#include "core/sniff.h"
#include "tensorferry/convert.h"

namespace tensorferry {

Registry& Registry::global() {
  static Registry registry = [] {
    Registry all;
    for (Format& format : builtin_formats()) all.add(std::move(format));
    return all;
  }();
  return registry;
}

namespace {

/// The reader's options, with ReadOptions::names as the one of that name.
std::map<std::string, std::string> options_of(const Format& format, const ReadOptions& options) {
  std::map<std::string, std::string> given = options.options;
  if (options.names.empty()) return given;
  const bool has_names = std::any_of(format.read_options.begin(), format.read_options.end(),
                                     [](const OptionSpec& spec) { return spec.name == "names"; });
  if (!has_names) {
    if (options.names == "raw" || options.names == "auto") return given;
    throw Error(ErrorCode::usage, "bad_value",
                "names=" + printable(options.names) + ": " + std::string(format.name) +
                    " has only one kind of names, raw");
  }
  const auto [place, is_new] = given.emplace("names", options.names);
  if (!is_new && place->second != options.names) {
    throw Error(ErrorCode::usage, "bad_value",
                "the option names is given as " + printable(place->second) + " and as " +
                    printable(options.names));
  }
  return given;
}

/// A file that is damaged may just be something else that came in its place: says what.
class Explainer {
 public:
  explicit Explainer(const Input& input) : input_(input) {}

  Error operator()(const Error& error) {
    Error placed = error.in_file(input_.name());
    if (placed.code() != ErrorCode::corrupt) return placed;
    const std::string_view what = foreign_content(placed.file());
    if (what.empty()) return placed;
    const Error clear(placed.code(), placed.detail(),
                      placed.message() + "; the file looks like " + std::string(what));
    const Error named = clear.in_file(placed.file());
    return placed.tensor().empty() ? named : named.in_tensor(placed.tensor());
  }

 private:
  std::string_view foreign_content(const std::string& name) {
    if (files_.empty())
      for (auto& file : input_.opened()) files_.emplace(file->name(), std::move(file));
    const auto found = files_.find(name);
    if (found == files_.end()) return {};
    const auto [known, is_new] = contents_.try_emplace(name);
    if (is_new) known->second = look_at(*found->second);
    return known->second;
  }

  std::string_view look_at(const File& file) const {
    constexpr std::uint64_t kBytes = 4096;
    try {
      const std::string start = file.read_string(0, std::min(file.size(), kBytes));
      const Content content = describe_content({input_, start, start, file.size(), {}});
      return content.foreign ? content.description : std::string_view();
    } catch (const Error&) {
      return {};  // the first error stands
    }
  }

  const Input& input_;
  std::unordered_map<std::string, std::shared_ptr<const File>> files_;
  std::unordered_map<std::string, std::string_view> contents_;
};

}  // namespace

OpenOptions open_options(const ReadOptions& options) {
  constexpr std::uint64_t kMostInMemory = 8u << 20;
  return {options.follow_links, std::min(kMostInMemory, options.limits.decoded_bytes / 2)};
}

Manifest read(const Input& given, const ReadOptions& options) {
  Input input = given;
  const Format& format = Registry::global().of(input, options.from);
  if (!format.reader) {
    throw Error(
        ErrorCode::unsupported, format.unavailable.empty() ? "no_reader" : "format_unavailable",
        format.unavailable.empty()
            ? "is " + std::string(format.title) + ", which this version writes but does not read"
            : std::string(format.name) + ": " + std::string(format.unavailable))
        .in_file(input.name());
  }
  const Options parsed(format.read_options, options_of(format, options));
  try {
    Manifest manifest = format.reader->read(input, parsed, options.limits);
    check(manifest, options.limits);
    if (options.check_skipped)
      format.reader->check_skipped(input, parsed, options.limits, manifest);
    Explainer explained(input);
    for (Tensor& tensor : manifest.tensors) {
      if (tensor.problem) tensor.problem = explained(*tensor.problem);
    }
    if (!input.found_in().empty()) {
      manifest.notes.push_back({"input.only_file", "the only model in the folder " +
                                                       printable(input.found_in()) +
                                                       " is read: " + printable(input.leaf())});
    }
    if (auto note = missing_files(manifest)) manifest.notes.push_back(*std::move(note));
    manifest.sources = input.opened();
    return manifest;
  } catch (const Error& error) {
    throw Explainer(input)(error);
  }
}

Manifest read(const std::filesystem::path& path, const ReadOptions& options) {
  return read(Input::open(path, open_options(options)), options);
}

}  // namespace tensorferry
