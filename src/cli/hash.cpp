#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"
#include "json_text.h"
#include "model.h"
#include "output.h"
#include "scanning.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kOutput[] = {
    {"json", nullptr, "Print JSON"},
    {"q,quiet", nullptr, "Only the digest of the whole set, and no notes"},
};

/// Of the weights; nothing when one of them could not be read.
std::optional<std::string> digest(const Manifest& manifest, const std::vector<TensorHash>& hashes) {
  Manifest weights;
  std::vector<std::string> sums;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (manifest.tensors[i].bookkeeping) continue;
    if (hashes[i].problem) return std::nullopt;
    weights.tensors.push_back(manifest.tensors[i]);
    sums.push_back(hashes[i].sha256);
  }
  return set_digest(weights, sums);
}

void print_json(const Manifest& manifest, const std::vector<TensorHash>& hashes) {
  print("{\"tensors\":[");
  const char* separator = "\n";
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    Json object = json_tensor(manifest.tensors[i]);
    if (hashes[i].problem)
      object["problem"] = json_bytes(short_problem(*hashes[i].problem));
    else
      object["sha256"] = hashes[i].sha256;
    if (manifest.tensors[i].bookkeeping) object["bookkeeping"] = true;
    print(separator + to_text(object));
    separator = ",\n";
  }
  const auto whole = digest(manifest, hashes);
  print("\n],\"digest\":" + to_text(whole ? Json(*whole) : Json(nullptr)) + "}\n");
}

void print_text(const Manifest& manifest, const std::vector<TensorHash>& hashes, bool quiet) {
  for (std::size_t i = 0; i < hashes.size() && !quiet; ++i) {
    if (hashes[i].problem) continue;
    const Tensor& tensor = manifest.tensors[i];
    print(hashes[i].sha256 + "  " + printable(tensor.name, 0) +
          (tensor.bookkeeping ? "  (bookkeeping)\n" : "\n"));
  }
  if (const auto whole = digest(manifest, hashes))
    print(quiet ? *whole + "\n" : "digest " + *whole + "\n");
}

int run(const Arguments& arguments) {
  const bool quiet = arguments.flag("quiet");
  const Model model = open_model(arguments.operands()[0], arguments);
  std::vector<TensorHash> hashes;
  scan(arguments,
       [&](const ScanOptions& options) { hashes = hash_tensors(model.manifest, options); });
  if (arguments.flag("json"))
    print_json(model.manifest, hashes);
  else
    print_text(model.manifest, hashes, quiet);
  if (!quiet) print_notes(model.manifest.notes);

  int code = 0;
  flush_output();
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (!hashes[i].problem || !counts_as_failure(model.manifest.tensors[i], *hashes[i].problem))
      continue;
    complain(hashes[i].problem->what());
    if (code == 0) code = static_cast<int>(hashes[i].problem->code());
  }
  return code;
}

}  // namespace

Command hash_command() {
  return {"hash",
          "SHA-256 of each tensor, and one digest for the whole set",
          {.command = "hash",
           .operands = "FILE [options]",
           .about = "SHA-256 of each tensor's little-endian, row-major elements, and one digest "
                    "over names, dtypes, shapes "
                    "and these\nsums: equal for the same weights in any format. Bookkeeping is "
                    "hashed, but is no part of "
                    "the digest.",
           .least = 1,
           .most = 1,
           .groups = {{"Output", kOutput}, selection_options(), input_options(), scan_options()},
           .examples = "  tensorferry hash model.ckpt-1000\n"
                       "  test \"$(tensorferry hash -q model.ckpt-1000)\" = \"$(tensorferry hash "
                       "-q model.h5)\"\n"},
          run};
}

}  // namespace tensorferry::cli
