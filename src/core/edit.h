// The steps of edit(), each a function on descriptions.
#pragma once

#include "tensorferry/edits.h"

namespace tensorferry {

Edit rename(const std::vector<Renaming>& renamings);
Edit map_names(NameMap map);
Edit cast(const std::vector<Casting>& castings, Overflow overflow);
Edit transpose(std::vector<Transposition> transpositions);
Edit set_metadata(Attributes attributes);

/// The tensor will be called `name`; what it was called in the source stays known.
void set_name(Tensor& tensor, std::string name);

/// Which of some patterns have met a tensor.
class PatternUse {
 public:
  PatternUse(const char* option, std::vector<std::string> patterns)
      : option_(option), patterns_(std::move(patterns)), used_(patterns_.size(), false) {}
  void mark(std::size_t pattern) { used_[pattern] = true; }
  /// Throws Error(usage.no_match) listing those that have met none.
  void refuse_idle() const;

 private:
  const char* option_;
  std::vector<std::string> patterns_;
  std::vector<bool> used_;
};

}  // namespace tensorferry
