#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "core/expression.h"
#include "core/glob.h"
#include "tensorferry/manifest.h"
#include "tensorferry/stream.h"
#include "util/text.h"

namespace tensorferry {
namespace {

bool in_scope(std::string_view name, std::string_view scope) {
  return name.substr(0, scope.size()) == scope &&
         (name.size() == scope.size() || name[scope.size()] == '/');
}

using Names = std::function<bool(const std::string&)>;  // whether a name is meant

// One flag a tensor, of those of which `test` holds.
using Marks = std::vector<bool>;

void merge(Marks& marks, const Marks& more) {
  for (std::size_t i = 0; i < marks.size(); ++i) marks[i] = marks[i] || more[i];
}

bool any(const Marks& marks) { return std::find(marks.begin(), marks.end(), true) != marks.end(); }

// By name; when no name is meant, by the other names.
Marks mark(const Manifest& manifest, const Names& meant) {
  Marks marks(manifest.tensors.size());
  const auto fill = [&](const auto& test) {
    for (std::size_t i = 0; i < marks.size(); ++i) marks[i] = test(manifest.tensors[i]);
    return any(marks);
  };
  if (fill([&](const Tensor& tensor) { return meant(tensor.name); })) return marks;
  if (manifest.name_attributes.empty()) return marks;
  fill([&](const Tensor& tensor) {
    return std::any_of(manifest.name_attributes.begin(), manifest.name_attributes.end(),
                       [&](const std::string& attribute) {
                         const auto found = tensor.attributes.find(attribute);
                         if (found == tensor.attributes.end()) return false;
                         const auto* name = std::get_if<std::string>(&found->second);
                         return name != nullptr && meant(*name);
                       });
  });
  return marks;
}

// What stands before the scope in names that have it further inside.
std::set<std::string> places_of(const Manifest& manifest, std::string_view scope) {
  std::set<std::string> places;
  for (const Tensor& tensor : manifest.tensors) {
    if (tensor.bookkeeping || !is_model_state(tensor.role)) continue;
    const std::string_view name = tensor.name;
    for (std::size_t at = name.find('/'); at != std::string_view::npos; at = name.find('/', at + 1))
      if (in_scope(name.substr(at + 1), scope)) places.insert(tensor.name.substr(0, at + 1));
  }
  return places;
}

// Readable names that a reader made may begin with a model's name that the user does not think of.
Marks mark_inside(Manifest& manifest, const std::string& scope) {
  const std::set<std::string> places = places_of(manifest, scope);
  if (places.size() > 1) {
    std::vector<std::string> whole;
    whole.reserve(places.size());
    for (const std::string& place : places) whole.push_back(place + scope);
    throw Error(ErrorCode::usage, "ambiguous_scope",
                "no name begins with the scope \"" + printable(scope) + "\", and it may be " +
                    join_names(whole));
  }
  if (places.empty()) return Marks(manifest.tensors.size());
  const std::string whole = *places.begin() + scope;
  manifest.notes.push_back({"selection.scope_inside", "the scope \"" + printable(scope) +
                                                          "\" is taken as \"" + printable(whole) +
                                                          "\": no name begins with it"});
  return mark(manifest, [&](const std::string& name) { return in_scope(name, whole); });
}

Marks mark_scope(Manifest& manifest, std::string scope) {
  while (!scope.empty() && scope.back() == '/') scope.pop_back();
  Marks marks = mark(manifest, [&](const std::string& name) { return in_scope(name, scope); });
  if (any(marks) || scope.empty() || manifest.name_attributes.empty()) return marks;
  return mark_inside(manifest, scope);
}

struct Pattern {
  std::string text;
  bool literal = false;  // it is one name
  Names meant;
};

std::vector<Pattern> patterns(const std::vector<std::string>& texts, bool regex) {
  std::vector<Pattern> all;
  for (const std::string& text : texts) {
    if (regex) {
      all.push_back({text, false,
                     [e = Expression(text)](const std::string& name) { return e.matches(name); }});
    } else {
      const Glob glob(text);
      all.push_back({text, glob.is_literal(),
                     [glob](const std::string& name) { return glob.matches(name); }});
    }
  }
  return all;
}

constexpr std::string_view kUnmet = "selection.unmet";

std::string did_you_mean(const std::vector<std::string>& near) {
  return near.empty() ? "" : "; did you mean " + printable(near.front()) + "?";
}

Marks mark_pattern(Manifest& manifest, const char* option, const Pattern& pattern) {
  Marks marks = mark(manifest, pattern.meant);
  if (any(marks) || manifest.tensors.empty()) return marks;
  std::vector<std::string> names;
  if (pattern.literal) {
    names.reserve(manifest.tensors.size());
    for (const Tensor& tensor : manifest.tensors) names.push_back(tensor.name);
  }
  manifest.notes.push_back({std::string(kUnmet), std::string(option) + " \"" +
                                                     printable(pattern.text) +
                                                     "\" matches no tensor" +
                                                     did_you_mean(nearest(pattern.text, names))});
  return marks;
}

// The scopes that there are: everything that stands before a slash, and each name itself.
std::vector<std::string> scopes_of(const Manifest& manifest) {
  std::set<std::string> scopes;
  for (const Tensor& tensor : manifest.tensors) {
    const std::string& name = tensor.name;
    for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1))
      scopes.insert(name.substr(0, at));
    scopes.insert(name);
  }
  return {scopes.begin(), scopes.end()};
}

// What may have been meant by a scope that no name begins with.
std::string scope_advice(const Manifest& manifest, const std::string& scope) {
  const std::vector<std::string> scopes = scopes_of(manifest);
  std::vector<std::string> near = nearest(scope, scopes);
  if (near.empty()) {  // the right word, further inside
    std::vector<std::string> leaves;
    leaves.reserve(scopes.size());
    for (const std::string& one : scopes) leaves.push_back(one.substr(one.rfind('/') + 1));
    const std::vector<std::string> leaf = nearest(scope, leaves);
    const auto at = leaf.empty() ? leaves.end() : std::find(leaves.begin(), leaves.end(), leaf[0]);
    if (at != leaves.end()) near.push_back(scopes[static_cast<std::size_t>(at - leaves.begin())]);
  }
  if (!near.empty()) return did_you_mean(near);
  const bool dotted =
      std::any_of(manifest.tensors.begin(), manifest.tensors.end(),
                  [&](const Tensor& tensor) { return tensor.name.starts_with(scope + "."); });
  return dotted ? "; the names are divided by dots here: --include '" + printable(scope) + ".*'"
                : "";
}

Marks mark_noted_scope(Manifest& manifest, const std::string& scope) {
  Marks marks = mark_scope(manifest, scope);
  if (any(marks) || manifest.tensors.empty()) return marks;
  manifest.notes.push_back({std::string(kUnmet), "there is no scope \"" + printable(scope) + "\"" +
                                                     scope_advice(manifest, scope)});
  return marks;
}

// What a selection was compiled to.
struct Chosen {
  std::vector<Pattern> include, exclude;
  std::vector<std::string> scope;

  Marks keep(Manifest& manifest) const {
    const std::size_t count = manifest.tensors.size();
    Marks in_scopes(count, scope.empty()), included(count, include.empty()), excluded(count);
    for (const std::string& one : scope) merge(in_scopes, mark_noted_scope(manifest, one));
    for (const Pattern& one : include) merge(included, mark_pattern(manifest, "--include", one));
    for (const Pattern& one : exclude) merge(excluded, mark_pattern(manifest, "--exclude", one));
    for (std::size_t i = 0; i < count; ++i)
      included[i] = included[i] && in_scopes[i] && !excluded[i];
    return included;
  }
};

// Keeps the tensors of which `keep` holds.
void keep_if(Manifest& manifest, const Marks& keep) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (!keep[i]) continue;
    if (kept != i) manifest.tensors[kept] = std::move(manifest.tensors[i]);
    ++kept;
  }
  manifest.tensors.resize(kept);
}

// The bytes that a tensor hands over to the manifest.
void carry(Manifest& manifest, const Tensor& tensor, const Limits& limits) {
  const auto found = tensor.attributes.find(carry_as_attribute);
  if (found == tensor.attributes.end() || tensor.dtype != DType::string) return;
  const auto* key = std::get_if<std::string>(&found->second);
  if (key == nullptr) return;
  try {
    Limits small = limits;
    small.string_bytes = std::min(limits.string_bytes, limits.header_bytes);
    std::vector<std::string> strings = load_strings(tensor, small);
    if (strings.size() == 1) manifest.attributes[*key] = std::move(strings.front());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
    manifest.notes.push_back({"bookkeeping.not_carried", printable(*key) + " is not carried: " +
                                                             error.in_tensor(tensor.name).what()});
  }
}

}  // namespace

Edit select(Selection selection) {
  const auto chosen = std::make_shared<const Chosen>(
      Chosen{patterns(selection.include, selection.regex),
             patterns(selection.exclude, selection.regex), std::move(selection.scope)});
  const bool model_only = selection.exclude_optimizer;
  return [chosen, model_only](Manifest manifest) {
    keep_if(manifest, chosen->keep(manifest));
    if (model_only) return exclude_optimizer()(std::move(manifest));
    return manifest;
  };
}

std::string unmet_selections(const Manifest& manifest) {
  std::string text;
  for (const Note& note : manifest.notes) {
    if (note.id == kUnmet) text += "\n" + note.text;
  }
  return text;
}

Edit exclude_optimizer() {
  return [](Manifest manifest) {
    std::map<Role, std::size_t> counts;
    std::vector<std::string> names;
    for (const Tensor& tensor : manifest.tensors) {
      if (is_model_state(tensor.role)) continue;
      ++counts[tensor.role];
      names.push_back(tensor.name);
    }
    if (names.empty()) {
      manifest.notes.push_back(
          {"roles.none_left_out", "no tensor is known to be anything but state of the model"});
      return manifest;
    }
    std::erase_if(manifest.tensors,
                  [](const Tensor& tensor) { return !is_model_state(tensor.role); });
    std::string text;
    for (const auto& [role, count] : counts) {
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " ";
      text += to_string(role);
    }
    manifest.notes.push_back(
        {"roles.left_out", std::to_string(names.size()) +
                               " that are not state of the model are left out (" + text +
                               "): " + join_names(names)});
    return manifest;
  };
}

Edit carry_bookkeeping(const Limits& limits) {
  return [limits](Manifest manifest) {
    for (const Tensor& tensor : manifest.tensors) {
      if (tensor.bookkeeping) carry(manifest, tensor, limits);
    }
    return manifest;
  };
}

Edit drop_bookkeeping() {
  return [](Manifest manifest) {
    std::vector<std::string> names;
    for (const Tensor& tensor : manifest.tensors) {
      if (tensor.bookkeeping) names.push_back(tensor.name);
    }
    if (names.empty()) return manifest;
    std::erase_if(manifest.tensors, [](const Tensor& tensor) { return tensor.bookkeeping; });
    constexpr std::size_t kMostNames = 5;
    manifest.notes.push_back({"bookkeeping.left_out", std::to_string(names.size()) +
                                                          " that are not weights are left out: " +
                                                          join_names(names, kMostNames) +
                                                          " (--bookkeeping keeps them)"});
    return manifest;
  };
}

}  // namespace tensorferry
