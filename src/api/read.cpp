#include "api/builtin_formats.h"
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

Manifest read(const Input& input, const ReadOptions& options) {
  const Registry& registry = Registry::global();
  const Format& format = options.from.empty() ? registry.detect(input) : registry.at(options.from);
  if (!format.reader) {
    throw Error(
        ErrorCode::unsupported, format.unavailable.empty() ? "no_reader" : "format_unavailable",
        format.unavailable.empty()
            ? "is " + std::string(format.title) + ", which this version writes but does not read"
            : std::string(format.name) + ": " + std::string(format.unavailable))
        .in_file(input.name());
  }
  const Options parsed(format.read_options, options.options);
  try {
    Manifest manifest = format.reader->read(input, parsed, options.limits);
    check(manifest, options.limits);
    for (Tensor& tensor : manifest.tensors) {
      if (tensor.problem) tensor.problem = tensor.problem->in_file(input.name());
    }
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
