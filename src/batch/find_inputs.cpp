// Which files below a folder are models, and which only belong to one. No format is named here:
// what a model consists of is what its reader opens.
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

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

std::string without_extension(const std::string& path, const Format* format) {
  std::string lower = path;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  std::size_t longest = 0;
  if (format != nullptr)
    for (const std::string_view extension : format->extensions)
      if (lower.ends_with(extension)) longest = std::max(longest, extension.size());
  const bool only = path.size() == longest || path[path.size() - longest - 1] == '/';
  return only ? path : path.substr(0, path.size() - longest);
}

class Finder {
 public:
  Finder(const fs::path& folder, const ReadOptions& options, const fs::path& leave_out)
      : folder_(full_path(folder)), options_(options) {
    if (!leave_out.empty()) leave_out_ = full_path(leave_out);
  }

  FoundInputs run() {
    walk();
    for (const std::string& file : files_)
      if (!owners_.contains(file)) look_at(file);
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

  void walk() {
    std::error_code error;
    for (fs::recursive_directory_iterator at(folder_, error), end; !error && at != end;
         at.increment(error)) {
      const bool hidden = at->path().filename().string().starts_with('.');
      std::error_code ignored;
      const bool is_folder = fs::is_directory(at->symlink_status(ignored));
      if (is_folder && (hidden || full_path(at->path()) == leave_out_))
        at.disable_recursion_pending();
      struct stat s {};
      if (hidden || stat(at->path().c_str(), &s) != 0 || !S_ISREG(s.st_mode)) continue;
      files_.insert(relative(at->path()));
    }
    if (error)
      throw Error(ErrorCode::input, "folder", "cannot be listed: " + error.message())
          .in_file(folder_.string());
  }

  std::string relative(const fs::path& path) const {
    return full_path(path).lexically_relative(folder_).string();
  }

  /// Nothing when the format is not known.
  std::optional<Opened> open(const std::string& name) const {
    Opened opened;
    try {
      ReadOptions options = options_;
      if (options.from.empty()) {
        // an input of its own: what the probes open belongs to nothing
        opened.format = &Registry::global().detect(Input::open(folder_ / name));
        options.from = std::string(opened.format->name);
      } else {
        opened.format = &Registry::global().at(options.from);
      }
      const Manifest manifest = read(folder_ / name, options);
      for (const auto& file : manifest.sources) opened.files.insert(relative(file->name()));
      opened.listing = listing_digest(manifest);
    } catch (const Error& error) {
      if (error.id() == "unsupported.unknown_format") return std::nullopt;
    }
    return opened;
  }

  void look_at(const std::string& name) {
    auto opened = open(name);
    if (!opened) {
      found_.others.emplace_back(name);
      return;
    }
    opened->files.insert(name);
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
  const ReadOptions& options_;
  fs::path leave_out_;
  FileSet files_;
  std::map<std::string, std::size_t> owners_;  // the model that a file belongs to
  std::vector<Model> models_;
  FoundInputs found_;
};

}  // namespace

FoundInputs find_inputs(const fs::path& folder, const ReadOptions& options,
                        const fs::path& leave_out) {
  return Finder(folder, options, leave_out).run();
}

}  // namespace tensorferry
