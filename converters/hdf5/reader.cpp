#include <unordered_map>
#include <unordered_set>

#include "dataset_reader.h"
#include "hdf5_reader.h"
#include "keras.h"
#include "keras_archive.h"
#include "keras_shards.h"
#include "links.h"
#include "names.h"

namespace tensorferry {
namespace {

using hdf5::AttributeBudget;
using hdf5::Contents;
using hdf5::DatasetOptions;
using hdf5::OpenFile;
using hdf5::ReadScope;
using hdf5::SharedFile;

constexpr std::size_t kMostNotes = 100;

/// Makes a tensor of everything that the walk meets.
class Collector final : public hdf5::Visitor {
 public:
  Collector(SharedFile shared, const DatasetOptions& options, AttributeBudget& budget)
      : shared_(std::move(shared)), options_(options), budget_(budget) {}

  void dataset(const std::string& path, hid_t id, haddr_t address) override {
    const auto [known, is_new] = first_.try_emplace(address, manifest.tensors.size());
    std::vector<Note> notes;
    if (is_new) {
      add(path, hdf5::read_dataset(shared_, id, address, path, options_, budget_, notes));
    } else {
      Tensor alias = manifest.tensors[known->second];
      alias.name = path;
      add(path, std::move(alias));
    }
    for (Note& one : notes) note(std::move(one));
  }

  void problem(const std::string& path, const Error& why) override {
    Tensor tensor;
    tensor.name = path;
    tensor.problem = why;
    add(path, std::move(tensor));
  }

  void note(Note note) override {
    if (++notes_ <= kMostNotes) manifest.notes.push_back(std::move(note));
  }

  /// What the walk found. Names of tags that are taken give way to the paths.
  void finish() {
    std::unordered_set<std::string_view> names(paths.begin(), paths.end());
    std::unordered_set<std::string> tagged;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      std::string& name = manifest.tensors[i].name;
      if (name == paths[i]) continue;
      if (names.contains(name) || !tagged.insert(name).second) name = paths[i];
    }
    if (notes_ > kMostNotes) {
      manifest.notes.push_back(
          {"hdf5.more_notes", "and " + std::to_string(notes_ - kMostNotes) + " more such notes"});
    }
  }

  Manifest manifest;
  std::vector<std::string> paths;

 private:
  void add(const std::string& path, Tensor tensor) {
    paths.push_back(path);
    manifest.tensors.push_back(std::move(tensor));
  }

  SharedFile shared_;
  const DatasetOptions& options_;
  AttributeBudget& budget_;
  std::unordered_map<haddr_t, std::size_t> first_;
  std::size_t notes_ = 0;
};

void read_root_attributes(OpenFile& file, AttributeBudget& budget, Manifest& manifest) {
  const hdf5::Handle root = hdf5::open_root(file.id());
  hdf5::StoredAttributes stored = hdf5::read_attributes(root.id(), budget);
  for (auto& [name, value] : stored.scalars)
    manifest.attributes.emplace(hdf5::attribute_name(name), std::move(value));
  for (Note& note : stored.notes) manifest.notes.push_back(std::move(note));
}

DatasetOptions dataset_options(const Options& options, const Limits& limits) {
  DatasetOptions result;
  if (options.given("dtype")) result.opaque = parse_dtype(options.text("dtype")).dtype;
  result.limits = limits;
  return result;
}

/// The names of `other_groups` are looked up in a file of Keras, too.
Contents read_contents(const hdf5::KerasArchive& source, const Options& options,
                       const Limits& limits, const std::shared_ptr<hdf5::ChunkCache>& cache,
                       const std::vector<std::string>& other_groups) {
  // Outlives the scope: closing the file takes the lock, too.
  SharedFile shared;
  const ReadScope scope;
  shared = {std::make_shared<OpenFile>(source.file), cache, source.payload};
  AttributeBudget budget(limits.header_bytes);
  const DatasetOptions settings = dataset_options(options, limits);
  Collector found(shared, settings, budget);
  hdf5::walk(*shared.file, limits, found);
  found.finish();
  found.manifest.attributes = source.attributes;
  read_root_attributes(*shared.file, budget, found.manifest);
  Contents contents{std::move(found.manifest), std::move(found.paths), {}};
  if (options.text("layout") != "plain")
    contents.keras = hdf5::keras_layout(*shared.file, contents.paths, other_groups, budget);
  return contents;
}

Manifest name_tensors(Contents contents, const Options& options, const Limits& limits) {
  if (!contents.keras) {
    if (options.text("layout") != "keras") return std::move(contents.manifest);
    throw Error(ErrorCode::unsupported, "keras", "it has none of the layouts of Keras");
  }
  const bool raw = options.given("names") && options.text("names") == "raw";
  return hdf5::apply_keras(std::move(contents), !raw, limits);
}

/// The name of the index of sharded weights that the user pointed at, or at its folder; empty when
/// it is another file.
std::string shard_index(const Input& input) {
  if (input.kind() != Input::Kind::directory)
    return input.leaf().ends_with(hdf5::keras_index_suffix) ? input.leaf() : std::string();
  std::string index = hdf5::keras_index_in(input);
  if (!index.empty()) return index;
  throw Error(ErrorCode::input, "missing",
              "the folder does not hold one file *" + std::string(hdf5::keras_index_suffix) +
                  ": name a file");
}

class Hdf5Reader final : public Reader {
 public:
  Manifest read(const Input& input, const Options& options, const Limits& limits) const override {
    const auto cache = std::make_shared<hdf5::ChunkCache>(limits.decoded_bytes);
    const auto read_shard = [&](const auto& file, const std::vector<std::string>& groups) {
      return read_contents({file, file, {}}, options, limits, cache, groups);
    };
    if (const std::string index = shard_index(input); !index.empty()) {
      const bool is_folder = input.kind() == Input::Kind::directory;
      const auto file = is_folder ? input.sibling(index) : input.file();
      return name_tensors(hdf5::read_keras_shards(input, *file, index, limits, read_shard), options,
                          limits);
    }
    const std::shared_ptr<const File> file = input.file();
    const hdf5::KerasArchive source = hdf5::is_zip(*file) ? hdf5::open_keras_archive(file, limits)
                                                          : hdf5::KerasArchive{file, file, {}};
    return name_tensors(read_contents(source, options, limits, cache, {}), options, limits);
  }
};

}  // namespace

std::shared_ptr<const Reader> make_hdf5_reader() { return std::make_shared<Hdf5Reader>(); }

}  // namespace tensorferry
