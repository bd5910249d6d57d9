#include "plan/verify_output.h"

#include <algorithm>
#include <unordered_set>

#include "tensorferry/compare.h"

namespace tensorferry {
namespace {

constexpr std::size_t kMostDifferences = 20;

/// A reader may describe more than was written: what the file itself adds as bookkeeping, and a
/// counter of saves.
void drop_additions(Manifest& found, const Manifest& wanted) {
  std::unordered_set<std::string_view> names;
  for (const Tensor& tensor : wanted.tensors) names.insert(tensor.name);
  std::erase_if(found.tensors, [&](const Tensor& tensor) {
    return (tensor.bookkeeping || tensor.role == Role::counter) && !names.contains(tensor.name);
  });
}

std::size_t count_missing(const Manifest& found, const Manifest& wanted) {
  std::unordered_set<std::string_view> names;
  for (const Tensor& tensor : found.tensors) names.insert(tensor.name);
  return static_cast<std::size_t>(
      std::count_if(wanted.tensors.begin(), wanted.tensors.end(),
                    [&](const Tensor& tensor) { return !names.contains(tensor.name); }));
}

Manifest describe(const Input& output, const Format& format, const Limits& limits,
                  const std::map<std::string, std::string>& options) {
  Manifest found = format.reader->read(output, Options(format.read_options, options), limits);
  check(found, limits);
  return found;
}

/// The reader may call tensors otherwise than they were called here: then as the file does.
Manifest read_back(const Input& output, const Format& format, const Manifest& wanted,
                   const Limits& limits, std::map<std::string, std::string> options) {
  Manifest found = describe(output, format, limits, options);
  const std::size_t missing = count_missing(found, wanted);
  const bool knows_names =
      std::any_of(format.read_options.begin(), format.read_options.end(),
                  [](const OptionSpec& option) { return option.name == "names"; });
  if (missing == 0 || !knows_names) return found;
  options["names"] = "raw";
  Manifest raw = describe(output, format, limits, options);
  return count_missing(raw, wanted) < missing ? std::move(raw) : std::move(found);
}

/// A file that does not hold the name of its one tensor: the reader called it as the file.
void keep_name(const Input& output, Manifest& found, const Manifest& wanted) {
  if (found.tensors.size() != 1 || wanted.tensors.size() != 1) return;
  const std::string_view leaf = output.leaf();
  if (found.tensors[0].name == leaf.substr(0, leaf.rfind('.')))
    found.tensors[0].name = wanted.tensors[0].name;
}

std::string text_of(const Difference& difference) {
  using enum Difference::Kind;
  const std::string name =
      "\"" + printable(difference.name_a.empty() ? difference.name_b : difference.name_a) + "\" ";
  switch (difference.kind) {
    case only_a:
      return name + "is missing";
    case only_b:
      return name + "was not asked for";
    case dtype:
      return name + "is " + std::string(to_string(difference.dtype_b)) + ", not " +
             std::string(to_string(difference.dtype_a));
    case shape:
      return name + "has the shape " + to_string(difference.shape_b) + ", not " +
             to_string(difference.shape_a);
    case unreadable:
      return name + "cannot be read: " + difference.problem->id() + ": " +
             difference.problem->message();
    case values:
      break;
  }
  return name + "has " + std::to_string(difference.elements.bits) + " of " +
         std::to_string(difference.elements.elements) + " elements with other bits, first at " +
         std::to_string(difference.elements.first);
}

}  // namespace

void verify_output(const Input& output, const Format& format,
                   const std::map<std::string, std::string>& read_options, const Manifest& wanted,
                   const Limits& limits, const RunOptions& options) {
  std::string message = "what was written is not what was read; nothing is kept";
  try {
    Manifest found = read_back(output, format, wanted, limits, read_options);
    drop_additions(found, wanted);
    keep_name(output, found, wanted);
    CompareOptions comparing;
    comparing.scan.threads = options.threads;
    comparing.scan.limits = limits;
    comparing.scan.cancel = options.cancel;
    if (options.progress) {
      comparing.scan.progress = [&](const Progress& at) {
        options.progress(Progress{at.bytes_done, at.bytes_total, true});
      };
    }
    const Comparison comparison = compare(wanted, found, comparing);
    if (comparison.equal()) return;
    const std::vector<Difference>& all = comparison.differences;
    for (std::size_t i = 0; i < std::min(all.size(), kMostDifferences); ++i) {
      message += "\n  " + text_of(all[i]);
    }
    if (all.size() > kMostDifferences) {
      message += "\n  and " + std::to_string(all.size() - kMostDifferences) + " more";
    }
  } catch (const Error& error) {
    if (error.id() == "input.cancelled" || error.code() == ErrorCode::resources) throw;
    message += "\n  " + error.id() + ": " + error.message();
  }
  throw Error(ErrorCode::output, "verify", message);
}

}  // namespace tensorferry
