#include <algorithm>
#include <utility>

#include "core/edit.h"
#include "core/glob.h"

namespace tensorferry {
namespace {

struct Rule {
  Glob glob;
  std::optional<DType> from;
  DType to;

  bool meets(const Tensor& tensor) const {
    return (!from || *from == tensor.dtype) && glob.matches(tensor.name);
  }
};

void cast_tensor(Tensor& tensor, DType to, Overflow overflow) {
  if (tensor.problem || tensor.dtype == to) return;
  if (!is_number(tensor.dtype)) {
    tensor.problem = Error(ErrorCode::unsupported, "cast",
                           "a cast to " + std::string(to_string(to)) + " of " +
                               std::string(to_string(tensor.dtype)) + ", which is no number");
    return;
  }
  tensor.stored.dtype = stored_dtype(tensor);
  tensor.stored.overflow = overflow;
  tensor.dtype = to;
}

}  // namespace

Edit cast(const std::vector<Casting>& castings, Overflow overflow) {
  std::vector<Rule> rules;
  std::vector<std::string> patterns;
  for (const Casting& one : castings) {
    if (!is_number(one.to)) {
      throw Error(ErrorCode::usage, "bad_edit",
                  "--cast " + printable(one.pattern) + ": " + std::string(to_string(one.to)) +
                      " is no number");
    }
    rules.push_back({Glob(one.pattern), one.from, one.to});
    patterns.push_back(one.pattern);
  }
  return [rules = std::move(rules), patterns = std::move(patterns), overflow](Manifest manifest) {
    PatternUse use("--cast", patterns);
    for (Tensor& tensor : manifest.tensors) {
      const auto rule = std::find_if(rules.begin(), rules.end(),
                                     [&](const Rule& one) { return one.meets(tensor); });
      if (rule == rules.end()) continue;
      use.mark(static_cast<std::size_t>(rule - rules.begin()));
      cast_tensor(tensor, rule->to, overflow);
    }
    use.refuse_idle();
    return manifest;
  };
}

}  // namespace tensorferry
