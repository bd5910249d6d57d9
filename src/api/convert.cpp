#include "tensorferry/convert.h"

#include "tensorferry/compare.h"
#include "tensorferry/plausibility.h"

namespace tensorferry {
namespace {

/// Leaves out what cannot be read whole, and gives its names.
std::vector<std::string> leave_out_damaged(Manifest& manifest, const ConvertOptions& options) {
  ScanOptions scan;
  scan.threads = options.run.threads;
  scan.limits = options.read.limits;
  scan.cancel = options.run.cancel;
  const std::vector<TensorCheck> checks = check_tensors(manifest, scan);
  std::vector<std::string> damaged;
  std::vector<Tensor> kept;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (!checks[i].problem) {
      kept.push_back(std::move(manifest.tensors[i]));
      continue;
    }
    const Error& error = *checks[i].problem;
    if (error.code() == ErrorCode::resources || error.code() == ErrorCode::internal)
      throw Error(error);
    manifest.notes.push_back({"salvage.left_out", error.what()});
    damaged.push_back(manifest.tensors[i].name);
  }
  manifest.tensors = std::move(kept);
  return damaged;
}

/// Why nothing is left of a source, of which `selected` tensors were bookkeeping. `unmet` says
/// which patterns meet nothing.
Error nothing_selected(bool holds_none, std::size_t selected, const std::string& unmet) {
  const std::string allow = "(--allow-empty writes an output without tensors)";
  std::string why = "no tensor is selected " + allow + unmet;
  if (holds_none) why = "the file holds no tensors " + allow;
  if (selected > 0) {
    why = "all that is selected is bookkeeping, " + std::to_string(selected) +
          (selected == 1 ? " tensor" : " tensors") +
          ", which is left out (--bookkeeping converts it; --allow-empty writes an output without "
          "tensors)";
  }
  return Error(ErrorCode::usage, "nothing_selected", why);
}

}  // namespace

void limit_memory(ReadOptions& read, RunOptions& run, std::uint64_t bytes) {
  read.limits.decoded_bytes = bytes / 2;
  run.memory_limit = bytes - bytes / 2;
}

PreparedConversion prepare(const std::filesystem::path& source, const std::filesystem::path& target,
                           const ConvertOptions& options) {
  // The target's format first: a misspelt one should not cost reading the source.
  static_cast<void>(Registry::global().for_output(target.filename().string(), options.to));
  return prepare(Input::open(source, open_options(options.read)), target, options);
}

PreparedConversion prepare(const Input& source, const std::filesystem::path& target,
                           const ConvertOptions& options) {
  const Registry& registry = Registry::global();
  const Format& format = registry.for_output(target.filename().string(), options.to);
  Input input = source;
  ReadOptions how = options.read;
  const Format& origin = registry.of(input, how.from);
  how.from = origin.name;
  Manifest manifest = read(input, how);
  const bool holds_none = manifest.tensors.empty();
  if (!options.bookkeeping) manifest = carry_bookkeeping(options.read.limits)(std::move(manifest));
  manifest = select(options.selection)(std::move(manifest));
  const std::size_t selected = manifest.tensors.size();
  const std::string unmet = selected == 0 ? unmet_selections(manifest) : std::string();
  if (!options.bookkeeping) manifest = drop_bookkeeping()(std::move(manifest));
  if (manifest.tensors.empty() && !options.allow_empty)
    throw nothing_selected(holds_none, selected, unmet).in_file(source.name());
  if (origin.untyped) {
    for (Note& note : doubts(manifest)) manifest.notes.push_back(std::move(note));
  }
  std::vector<std::string> damaged;
  if (options.salvage) damaged = leave_out_damaged(manifest, options);
  manifest = edit(options.edits)(std::move(manifest));
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
