#include <algorithm>
#include <map>
#include <utility>

#include "core/edit.h"
#include "core/glob.h"

namespace tensorferry {
namespace {

/// What a pattern with wildcards takes for a cast to that dtype.
std::string_view kind_word(DType dtype) {
  switch (info(dtype).kind) {
    case DTypeKind::real:
      return "floating-point";
    case DTypeKind::complex:
      return "complex";
    case DTypeKind::signed_integer:
    case DTypeKind::unsigned_integer:
      return "integer";
    case DTypeKind::boolean:
      return "bool";
    default:
      return "other";
  }
}

struct Rule {
  Glob glob;
  std::string pattern;
  std::optional<DType> from;
  DType to;

  bool takes(DType dtype) const {
    if (from) return *from == dtype;
    return glob.is_literal() || kind_word(dtype) == kind_word(to);
  }
  std::string text() const { return printable(pattern) + "=" + std::string(to_string(to)); }
};

/// What the wildcards of one rule met and did not take, by dtype.
using Left = std::map<DType, std::size_t>;

/// "int64 (2), bool (1); name the dtype to cast it, as in '*=int64>float16'"
std::string left_text(const Rule& rule, const Left& left) {
  std::string text;
  const DType* example = nullptr;
  for (const auto& [dtype, count] : left) {
    text += (text.empty() ? "" : ", ") + std::string(to_string(dtype)) + " (" +
            std::to_string(count) + ")";
    if (example == nullptr && is_number(dtype)) example = &dtype;
  }
  if (example == nullptr) return text;
  return text + "; name the dtype to cast it, as in '" + printable(rule.pattern) + "=" +
         std::string(to_string(*example)) + ">" + std::string(to_string(rule.to)) + "'";
}

void cast_tensor(Tensor& tensor, DType to, Overflow overflow) {
  if (tensor.problem || tensor.dtype == to) return;
  if (!is_number(tensor.dtype)) {
    tensor.problem = Error(ErrorCode::unsupported, "cast",
                           "a cast to " + std::string(to_string(to)) + " of " +
                               std::string(to_string(tensor.dtype)) + ", which is not a number");
    return;
  }
  tensor.stored.dtype = stored_dtype(tensor);
  tensor.stored.overflow = overflow;
  tensor.dtype = to;
}

class Casts {
 public:
  Casts(const std::vector<Rule>& rules, Overflow overflow)
      : rules_(rules), overflow_(overflow), used_(rules.size(), false), left_(rules.size()) {}

  /// The first rule that takes a tensor counts.
  void apply(Tensor& tensor) {
    std::size_t met = rules_.size();
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      const Rule& rule = rules_[i];
      if (!rule.glob.matches(tensor.name)) continue;
      if (rule.takes(tensor.dtype)) {
        used_[i] = true;
        return cast_tensor(tensor, rule.to, overflow_);
      }
      if (!rule.from) met = std::min(met, i);
    }
    if (met < rules_.size()) ++left_[met][tensor.dtype];
  }

  void refuse_idle() const {
    std::string message;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (used_[i]) continue;
      message += message.empty() ? "" : "\n";
      message += "--cast " + rules_[i].text() + " matches no ";
      if (left_[i].empty())
        message += rules_[i].from ? std::string(to_string(*rules_[i].from)) + " tensor" : "tensor";
      else
        message += std::string(kind_word(rules_[i].to)) + " tensor, only " +
                   left_text(rules_[i], left_[i]);
    }
    if (!message.empty()) throw Error(ErrorCode::usage, "no_match", message);
  }

  void note_left(std::vector<Note>& notes) const {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      std::size_t count = 0;
      for (const auto& [dtype, tensors] : left_[i]) count += tensors;
      if (count == 0) continue;
      notes.push_back({"cast.left_as_it_was",
                       "--cast " + rules_[i].text() + " takes " +
                           std::string(kind_word(rules_[i].to)) + " tensors only; " +
                           std::to_string(count) + (count == 1 ? " other is" : " others are") +
                           " left as before: " + left_text(rules_[i], left_[i])});
    }
  }

 private:
  const std::vector<Rule>& rules_;
  Overflow overflow_;
  std::vector<bool> used_;
  std::vector<Left> left_;
};

}  // namespace

Edit cast(const std::vector<Casting>& castings, Overflow overflow) {
  std::vector<Rule> rules;
  for (const Casting& one : castings) {
    if (!is_number(one.to)) {
      throw Error(ErrorCode::usage, "bad_edit",
                  "--cast " + printable(one.pattern) + ": " + std::string(to_string(one.to)) +
                      " is not a number");
    }
    rules.push_back({Glob(one.pattern), one.pattern, one.from, one.to});
  }
  return [rules = std::move(rules), overflow](Manifest manifest) {
    Casts casts(rules, overflow);
    for (Tensor& tensor : manifest.tensors) casts.apply(tensor);
    casts.refuse_idle();
    casts.note_left(manifest.notes);
    return manifest;
  };
}

}  // namespace tensorferry
