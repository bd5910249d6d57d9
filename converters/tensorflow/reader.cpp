#include "describe.h"
#include "manifest_builder.h"
#include "metadata.h"
#include "resolve.h"
#include "table.h"
#include "tensorflow.h"

namespace tensorferry {
namespace {

using namespace tensorflow;

class TensorflowReader final : public Reader {
 public:
  Manifest read(const Input& input, const Options& options, const Limits& limits) const override {
    const Resolved resolved = resolve(input);
    const Table table(resolved.index, limits);
    try {
      std::uint64_t entries = 0;
      table.for_each([&](std::string_view, std::string_view) { ++entries; });
      ManifestBuilder builder(input, resolved, limits, entries);
      table.for_each(
          [&](std::string_view key, std::string_view value) { builder.add(key, value); });
      Manifest manifest = apply_own_metadata(std::move(builder).finish(), limits);
      describe(manifest, name_style(options), limits);
      return manifest;
    } catch (const Error& error) {
      throw error.in_file(resolved.index->name());
    }
  }
};

}  // namespace

std::shared_ptr<const Reader> make_tensorflow_reader() {
  return std::make_shared<TensorflowReader>();
}

}  // namespace tensorferry
