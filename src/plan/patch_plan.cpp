#include <utility>

#include "plan/plan_state.h"

namespace tensorferry {

ConversionPlan ConversionPlan::make_patch(const Input& model, Manifest patched,
                                          const Manifest& replacements, const Format& format,
                                          const std::filesystem::path& target,
                                          const std::map<std::string, std::string>& write_options,
                                          const Limits& limits) {
  const Options options(format.write_options, write_options);
  refuse_problems(replacements);
  auto state = std::make_unique<State>(replacements, format, target, limits);
  state->listed = state->tensors;

  Patch patch = format.patcher->patch(model, replacements, output_of(target), options, limits);
  state->manifest = std::move(patch.manifest);
  state->layout = std::move(patch.layout);
  for (const auto& file : model.opened()) state->manifest.sources.push_back(file);
  check(state->manifest, limits);
  refuse_problems(state->manifest);
  check(state->layout, state->manifest);
  state->whole = std::move(patched);
  return ConversionPlan(std::move(state));
}

}  // namespace tensorferry
