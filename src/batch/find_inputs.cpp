// Which files below a folder are models, and which only belong to one. No format is named here:
// what a model consists of is what its reader opens.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "batch/jobs.h"
#include "tensorferry/batch.h"
#include "util/sha256.h"

namespace tensorferry {

namespace fs = std::filesystem;

namespace {

using FileSet = std::set<std::string>;  // paths relative to the folder

/// Names, types and shapes: whether two ways to open the same files give the same tensors.
std::string listing_digest(const Manifest& manifest) {
  Sha256 hash;
  for (const Tensor& tensor : manifest.tensors) {
    hash.update(std::to_string(tensor.name.size()) + ":" + tensor.name);
    hash.update(to_string(tensor.dtype));
    hash.update(to_string(tensor.shape));
  }
  return hash.finish();
}

/// What opening a path gives.
struct Opened {
  FileSet files;
  std::string listing;  // empty: it could not be read
  const Format* format = nullptr;
};

bool same(const Opened& a, const Opened& b) { return a.files == b.files && a.listing == b.listing; }

bool contains(const FileSet& whole, const FileSet& part) {
  return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
}

std::string without_extension(const std::string& path, const Format* format) {
  const std::string lower = lower_case(path);
  std::size_t longest = 0;
  if (format != nullptr)
    for (const std::string_view extension : format->extensions)
      if (lower.ends_with(extension)) longest = std::max(longest, extension.size());
  const bool only = path.size() == longest || path[path.size() - longest - 1] == '/';
  return only ? path : path.substr(0, path.size() - longest);
}

bool ends_with_any(std::string_view lower, std::span<const std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return lower.ends_with(ending); });
}

/// The format that the name says it is of, if any.
const Format* format_by_name(const std::string& name) {
  const std::string leaf = lower_case(fs::path(name).filename().string());
  for (const Format& format : Registry::global().formats()) {
    if (format.reader == nullptr) continue;
    if (ends_with_any(leaf, format.extensions) ||
        (format.claims_name != nullptr && format.claims_name(leaf)))
      return &format;
  }
  return nullptr;
}

/// "a/m--of-2.bin" of "a/m-1-of-2.bin", a part of a set; empty for another name.
std::string set_of(const std::string& name) {
  const auto is_digit = [&](std::size_t at) {
    return at < name.size() && name[at] >= '0' && name[at] <= '9';
  };
  constexpr std::string_view kOf = "-of-";
  const std::size_t of = name.rfind(kOf);
  if (of == std::string::npos || !is_digit(of + kOf.size())) return {};
  std::size_t digits = of;
  while (digits > 0 && is_digit(digits - 1)) --digits;
  return digits == of ? std::string() : name.substr(0, digits) + name.substr(of);
}

class Finder {
 public:
  Finder(const fs::path& folder, const FindOptions& options)
      : folder_(full_path(folder)), options_(options) {
    if (!options.leave_out.empty()) leave_out_ = full_path(options.leave_out);
  }

  FoundInputs run() {
    walk();
    std::size_t done = 0;
    for (const std::string& file : files_) {
      if (options_.cancel != nullptr && options_.cancel->load())
        throw Error(ErrorCode::input, "cancelled", "interrupted");
      if (!owners_.contains(file)) look_at(file);
      if (options_.progress) options_.progress(++done, files_.size());
    }
    for (const Model& model : models_) {
      if (model.dropped) continue;
      const std::string path = name_of(model);
      found_.inputs.push_back({path, without_extension(path, model.opened.format)});
    }
    std::erase_if(found_.others,
                  [&](const fs::path& file) { return owners_.contains(file.string()); });
    std::sort(found_.inputs.begin(), found_.inputs.end(),
              [](const FoundInput& a, const FoundInput& b) { return a.path < b.path; });
    return std::move(found_);
  }

 private:
  struct Model {
    std::string name;  // of the file by which it was found
    Opened opened;
    bool dropped = false;
  };

  /// A folder below that cannot be listed is an input that fails; the others are still looked at.
  void walk() {
    std::vector<fs::path> folders = {folder_};
    while (!folders.empty()) {
      const fs::path folder = std::move(folders.back());
      folders.pop_back();
      try {
        list(folder, folders);
      } catch (const Error& error) {
        if (folder == folder_) throw;
        const std::string path = relative(folder);
        found_.inputs.push_back({path, path, error});
      }
    }
  }

  void list(const fs::path& folder, std::vector<fs::path>& folders) {
    std::error_code error;
    fs::directory_iterator at(folder, error);
    for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
      if (options_.most_entries != 0 && entries_++ >= options_.most_entries) {
        folders.clear();
        return;
      }
      if (at->path().filename().string().starts_with('.')) continue;
      error = sort_in(at->path(), folders);
      if (error) break;
    }
    if (error)
      throw Error(ErrorCode::input, "folder", "cannot be listed: " + error.message())
          .in_file(folder.string());
  }

  std::error_code sort_in(const fs::path& path, std::vector<fs::path>& folders) {
    struct stat s {};
    if (lstat(path.c_str(), &s) != 0 && errno != ENOENT) return {errno, std::generic_category()};
    if (S_ISDIR(s.st_mode)) {
      if (full_path(path) != leave_out_) folders.push_back(path);
      return {};
    }
    // A link that leads nowhere stands for a model when it is called like one.
    const bool dangling = S_ISLNK(s.st_mode) && stat(path.c_str(), &s) != 0;
    if (dangling ? format_by_name(path.string()) != nullptr : S_ISREG(s.st_mode))
      files_.insert(relative(path));
    return {};
  }

  std::string relative(const fs::path& path) const {
    return full_path(path).lexically_relative(folder_).string();
  }

  /// Nothing when the format is not known.
  std::optional<Opened> open(const std::string& name) const {
    Opened opened;
    std::optional<Input> input;
    try {
      ReadOptions options = options_.read;
      if (options.from.empty()) {
        // an input of its own: what the probes open belongs to nothing
        opened.format =
            &Registry::global().detect(Input::open(folder_ / name, open_options(options)));
        options.from = std::string(opened.format->name);
      } else {
        opened.format = &Registry::global().at(options.from);
      }
      input = Input::open(folder_ / name, open_options(options));
      opened.listing = listing_digest(read(*input, options));
    } catch (const Error& error) {
      if (error.id() == "unsupported.unknown_format") return std::nullopt;
      if (opened.format == nullptr) opened.format = format_by_name(name);
    }
    if (input)
      for (const auto& file : input->opened()) opened.files.insert(relative(file->name()));
    return opened;
  }

  void look_at(const std::string& name) {
    auto opened = open(name);
    if (!opened) {
      const Format* format = format_by_name(name);
      if (format == nullptr) {
        found_.others.emplace_back(name);
        return;
      }
      // Empty, cut, or another content under the name of a model: its job says which.
      opened = Opened{{}, {}, format};
    }
    opened->files.insert(name);
    if (opened->listing.empty()) add_rest_of_set(name, *opened);
    if (is_pointer(name, *opened)) return;
    const std::size_t index = models_.size();
    for (const std::string& file : opened->files) {
      const auto owner = owners_.find(file);
      if (owner != owners_.end() && contains(opened->files, models_[owner->second].opened.files))
        models_[owner->second].dropped = true;
      owners_[file] = index;
    }
    models_.push_back({name, std::move(*opened)});
  }

  /// A reader that fails may not have come to all parts of a set.
  void add_rest_of_set(const std::string& name, Opened& opened) const {
    if (opened.files.size() < 2 && format_by_name(name) != nullptr) return;  // complete in itself
    std::set<std::string> sets;
    for (const std::string& file : opened.files) sets.insert(set_of(file));
    sets.erase("");
    for (const std::string& file : files_)
      if (sets.contains(set_of(file))) opened.files.insert(file);
  }

  /// Whether the file only names a model that lies beside it, as a list of checkpoints does: that
  /// one is the input, under its own name.
  bool is_pointer(const std::string& name, const Opened& opened) const {
    const fs::path parent = fs::path(name).parent_path();
    for (const std::string& file : opened.files) {
      if (file == name || fs::path(file).parent_path() != parent) continue;
      FileSet rest = opened.files;
      rest.erase(name);
      const auto target = open(file);
      return target && target->files == rest && target->listing == opened.listing;
    }
    return false;
  }

  /// Of a model in several files: their common prefix, or its folder, when that means the same.
  std::string name_of(const Model& model) const {
    const std::string& first = model.name;
    if (model.opened.files.size() < 2 || model.opened.listing.empty()) return first;
    std::string common = first;
    for (const std::string& file : model.opened.files) {
      const auto differ = std::mismatch(common.begin(), common.end(), file.begin(), file.end());
      common.erase(differ.first, common.end());
    }
    if (common.ends_with('.') || common.ends_with('-')) {
      common.pop_back();
      const auto prefix = common.empty() ? std::nullopt : open(common);
      if (prefix && same(*prefix, model.opened)) return common;
    }
    const std::string parent = fs::path(first).parent_path().string();
    if (parent.empty() || without_extension(first, model.opened.format) != first) return first;
    const auto whole = open(parent);
    return whole && same(*whole, model.opened) ? parent : first;
  }

  fs::path folder_;
  const FindOptions& options_;
  fs::path leave_out_;
  FileSet files_;
  std::size_t entries_ = 0;                    // listed so far
  std::map<std::string, std::size_t> owners_;  // the model that a file belongs to
  std::vector<Model> models_;
  FoundInputs found_;
};

}  // namespace

FoundInputs find_inputs(const fs::path& folder, const FindOptions& options) {
  return Finder(folder, options).run();
}

}  // namespace tensorferry
