#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "commands.h"
#include "json_text.h"
#include "model.h"
#include "output.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kOutput[] = {
    {"json", nullptr, "Print JSON"},
    {"q,quiet", nullptr, "Only the digest of the whole set, and no notes"},
    {"j,threads", "N", "Tensors hashed at the same time; default: the processors, at most 4"},
};

struct Hash {
  std::string sha256;  ///< empty = could not be read
  std::optional<Error> problem;
};

/// Hashes every tensor; which thread takes which does not show in the result.
class Hashing {
 public:
  Hashing(const std::vector<Tensor>& tensors, const Limits& limits)
      : tensors_(tensors), limits_(limits), hashes_(tensors.size()) {}

  std::vector<Hash> run(std::size_t threads) {
    std::vector<std::jthread> helpers;
    try {
      while (helpers.size() + 1 < std::min(threads, tensors_.size()))
        helpers.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // the system grants no more threads: those that run do the work
    }
    work();
    helpers.clear();
    if (fault_) std::rethrow_exception(fault_);
    return std::move(hashes_);
  }

 private:
  void work() {
    for (;;) {
      const std::size_t index = next_.fetch_add(1);
      if (index >= tensors_.size()) return;
      try {
        hash(index);
      } catch (const Error& e) {
        hashes_[index].problem = e.in_tensor(tensors_[index].name);
      } catch (...) {
        const std::scoped_lock lock(fault_lock_);
        fault_ = std::current_exception();
        next_.store(tensors_.size());
        return;
      }
    }
  }

  void hash(std::size_t index) {
    const Tensor& tensor = tensors_[index];
    if (tensor.dtype != DType::string) {
      hashes_[index].sha256 = sha256(tensor, limits_);
      return;
    }
    const std::scoped_lock lock(
        strings_lock_);  // strings are held in memory: one tensor of them at a time
    hashes_[index].sha256 = sha256(tensor, limits_);
  }

  const std::vector<Tensor>& tensors_;
  const Limits limits_;
  std::vector<Hash> hashes_;
  std::atomic<std::size_t> next_{0};
  std::mutex strings_lock_, fault_lock_;
  std::exception_ptr fault_;
};

/// Of the weights; nothing when one of them could not be read.
std::optional<std::string> digest(const Manifest& manifest, const std::vector<Hash>& hashes) {
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

void print_json(const Manifest& manifest, const std::vector<Hash>& hashes) {
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

void print_text(const Manifest& manifest, const std::vector<Hash>& hashes, bool quiet) {
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
  constexpr unsigned most = 4;
  const std::uint64_t processors = std::clamp(std::thread::hardware_concurrency(), 1U, most);
  std::uint64_t threads = arguments.number("threads").value_or(0);
  if (threads == 0) threads = processors;

  const Model model = open_model(arguments.operands()[0], arguments);
  const auto hashes = Hashing(model.manifest.tensors, read_options(arguments).limits)
                          .run(std::min<std::uint64_t>(threads, 256));
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
           .groups = {{"Output", kOutput}, selection_options(), input_options()},
           .examples = "  tensorferry hash model.ckpt-1000\n"
                       "  test \"$(tensorferry hash -q model.ckpt-1000)\" = \"$(tensorferry hash "
                       "-q model.h5)\"\n"},
          run};
}

}  // namespace tensorferry::cli
