#include <algorithm>

#include "api/builtin_formats.h"
#include "api/missing_files.h"
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

}  // namespace

Manifest read(const Input& input, const ReadOptions& options) {
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
    for (Tensor& tensor : manifest.tensors) {
      if (tensor.problem) tensor.problem = tensor.problem->in_file(input.name());
    }
    if (auto note = missing_files(manifest)) manifest.notes.push_back(*std::move(note));
    manifest.sources = input.opened();
    return manifest;
  } catch (const Error& error) {
    throw error.in_file(input.name());
  }
}

Manifest read(const std::filesystem::path& path, const ReadOptions& options) {
  return read(Input::open(path), options);
}

}  // namespace tensorferry
