#include "tensorferry/convert.h"

#include "plan/tensor_source.h"
#include "tensorferry/stream.h"
#include "util/text.h"

namespace tensorferry {
namespace {

constexpr std::size_t kStep = 1u << 20;

void read_through(const Tensor& tensor) {
  if (info(tensor.dtype).kind == DTypeKind::string) {
    load_strings(tensor);
    return;
  }
  auto stream = open_stream(tensor);
  std::vector<std::byte> buffer(kStep);
  while (stream->read(buffer) > 0) {
  }
}

/// Leaves out what cannot be read whole, and gives its names.
std::vector<std::string> leave_out_damaged(Manifest& manifest) {
  std::vector<std::string> damaged;
  std::erase_if(manifest.tensors, [&](const Tensor& tensor) {
    try {
      read_through(tensor);
      return false;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::resources || error.code() == ErrorCode::internal) throw;
      manifest.notes.push_back({"salvage.left_out", error.what()});
      damaged.push_back(tensor.name);
      return true;
    }
  });
  return damaged;
}

}  // namespace

PreparedConversion prepare(const std::filesystem::path& source, const std::filesystem::path& target,
                           const ConvertOptions& options) {
  const Registry& registry = Registry::global();
  // The target's format first: a misspelt one should not cost reading the source.
  const Format& format = options.to.empty() ? registry.for_extension(target.filename().string())
                                            : registry.at(options.to);
  Manifest manifest = select(options.selection)(read(source, options.read));
  if (!options.bookkeeping) manifest = drop_bookkeeping(options.read.limits)(std::move(manifest));
  if (manifest.tensors.empty() && !options.allow_empty) {
    throw Error(ErrorCode::usage, "nothing_selected",
                "no tensor is selected (--allow-empty writes an output without tensors)")
        .in_file(source.string());
  }
  std::vector<std::string> damaged;
  if (options.salvage) damaged = leave_out_damaged(manifest);
  return {ConversionPlan::make(std::move(manifest), format, target, options.write_options,
                               options.read.limits),
          std::move(damaged)};
}

Receipt convert(const std::filesystem::path& source, const std::filesystem::path& target,
                const ConvertOptions& options) {
  PreparedConversion prepared = prepare(source, target, options);
  Receipt receipt = std::move(prepared.plan).run(options.run);
  receipt.damaged = std::move(prepared.damaged);
  return receipt;
}

}  // namespace tensorferry
