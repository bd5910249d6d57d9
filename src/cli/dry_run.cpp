#include "dry_run.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "json_text.h"
#include "output.h"
#include "tensorferry/error.h"

namespace tensorferry::cli {
namespace {

Json json_fate(const Tensor& tensor, const Destination& destination) {
  Json object = json_tensor(tensor);
  object["bytes"] = tensor.bytes();
  object["file"] = json_bytes(destination.file.string());
  Json fate = Json::array();
  if (!tensor.renamed_from.empty()) {
    fate.push_back("renamed");
    object["renamed_from"] = json_bytes(tensor.renamed_from);
  }
  if (stored_dtype(tensor) != tensor.dtype) {
    fate.push_back("cast");
    object["cast_from"] = to_string(stored_dtype(tensor));
  }
  const Encoding& encoding = destination.encoding;
  if (encoding.carrier != Carrier::native) {
    fate.push_back("carried");
    object["carried_as"] = {{"dtype", to_string(encoding.dtype)},
                            {"carrier", to_string(encoding.carrier)}};
  }
  if (fate.empty()) fate.push_back("kept");
  object["fate"] = std::move(fate);
  return object;
}

}  // namespace

std::vector<LeftOut> left_out_of(const PreparedConversion& prepared, const Input& source,
                                 const ConvertOptions& options) {
  std::unordered_set<std::string_view> kept, damaged;
  for (const Tensor& tensor : prepared.plan.manifest().tensors) kept.insert(source_name(tensor));
  for (const std::string& name : prepared.damaged) damaged.insert(name);
  // What became the pair of a tensor of strings.
  const auto is_split = [&](const std::string& name) { return kept.contains(name + "#bytes"); };
  std::vector<LeftOut> all;
  for (const Tensor& tensor : read(source, options.read).tensors) {
    if (kept.contains(tensor.name) || is_split(tensor.name)) continue;
    const char* reason = tensor.bookkeeping && !options.bookkeeping ? "bookkeeping"
                         : damaged.contains(tensor.name)            ? "damaged"
                                                                    : "not selected";
    all.push_back({tensor.name, reason});
  }
  return all;
}

std::string plan_text(const ConversionPlan& plan, const std::vector<LeftOut>& left_out,
                      const RunOptions& options) {
  std::string text = plan.describe();
  const std::size_t summary = text.rfind('\n', text.size() - 2) + 1;
  std::string lines;
  for (const LeftOut& one : left_out)
    lines += printable(one.name) + "  left out: " + one.reason + "\n";
  text.insert(summary == std::string::npos ? 0 : summary, lines);
  return text + "memory for buffers: at most " + exact_bytes(plan.peak_memory(options)) +
         "; nothing was written\n";
}

std::string plan_json(const ConversionPlan& plan, const std::vector<LeftOut>& left_out,
                      const RunOptions& options) {
  Json tensors = Json::array(), files = Json::array(), missing = Json::array();
  for (const Destination& destination : plan.destinations())
    tensors.push_back(json_fate(plan.manifest().tensors[destination.tensor], destination));
  std::uint64_t bytes = 0;
  for (const auto& [path, size] : plan.output_files()) {
    files.push_back({{"path", json_bytes(path.string())}, {"bytes", size}});
    bytes += size;
  }
  for (const LeftOut& one : left_out)
    missing.push_back({{"name", json_bytes(one.name)}, {"reason", one.reason}});
  Json notes = json_notes(plan.manifest().notes);
  for (Json& note : json_notes(plan.layout().notes)) notes.push_back(std::move(note));
  const Json document = {
      {"tensors", std::move(tensors)}, {"left_out", std::move(missing)},
      {"files", std::move(files)},     {"bytes", bytes},
      {"free", plan.free_space()},     {"peak_memory", plan.peak_memory(options)},
      {"notes", std::move(notes)}};
  return to_text(document) + "\n";
}

}  // namespace tensorferry::cli
