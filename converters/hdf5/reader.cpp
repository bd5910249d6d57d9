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

/// What one HDF5 file holds.
struct Contents {
  Manifest manifest;
  /// Of the datasets, in the order of the tensors.
  std::vector<std::string> paths;
  std::optional<hdf5::KerasLayout> keras;
};

/// The names of `other_groups` are looked up in a file of Keras, too.
Contents read_contents(const hdf5::KerasArchive& source, const Options& options,
                       const Limits& limits, const std::shared_ptr<hdf5::ChunkCache>& cache,
                       const std::vector<std::string>& other_groups = {}) {
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
  auto note = hdf5::name_weights(*contents.keras, contents.manifest, contents.paths, limits);
  if (note && !raw) contents.manifest.notes.push_back(*std::move(note));
  hdf5::apply_keras(contents.manifest, std::move(contents.paths), *contents.keras, !raw);
  return std::move(contents.manifest);
}

/// One shard after the other, under one set of names.
class ShardReader {
 public:
  ShardReader(const Options& options, const Limits& limits)
      : options_(options),
        limits_(limits),
        cache_(std::make_shared<hdf5::ChunkCache>(limits.decoded_bytes)) {}

  Manifest read(const Input& input, const File& index) {
    shards_ = hdf5::read_keras_index(index, limits_);
    const std::vector<std::string> groups = shards_.groups();
    for (const auto& file : hdf5::open_keras_shards(input, shards_)) {
      try {
        add(read_contents({file, file, {}}, options_, limits_, cache_, groups));
      } catch (const Error& error) {
        throw error.in_file(file->name());
      }
    }
    auto joined = hdf5::join_keras_shards(shards_, std::move(parts_), all_.manifest.notes);
    all_.manifest.tensors = std::move(joined.tensors);
    all_.paths = std::move(joined.paths);
    return name_tensors(std::move(all_), options_, limits_);
  }

 private:
  void add(Contents contents) {
    count_ += contents.paths.size();
    if (count_ > limits_.tensors) {
      throw Error(ErrorCode::unsafe, "limit",
                  "more than " + std::to_string(limits_.tensors) + " tensors");
    }
    parts_.push_back({std::move(contents.manifest.tensors), std::move(contents.paths)});
    all_.manifest.attributes.merge(contents.manifest.attributes);
    std::move(contents.manifest.notes.begin(), contents.manifest.notes.end(),
              std::back_inserter(all_.manifest.notes));
    if (!contents.keras) return;
    if (all_.keras) {
      all_.keras->add(*std::move(contents.keras));
    } else {
      all_.keras = std::move(contents.keras);
    }
  }

  const Options& options_;
  const Limits& limits_;
  std::shared_ptr<hdf5::ChunkCache> cache_;
  hdf5::KerasShards shards_;
  std::vector<hdf5::ShardTensors> parts_;
  Contents all_;
  std::size_t count_ = 0;
};

class Hdf5Reader final : public Reader {
 public:
  Manifest read(const Input& input, const Options& options, const Limits& limits) const override {
    if (input.kind() == Input::Kind::directory) {
      const std::string index = hdf5::keras_index_in(input);
      if (index.empty()) {
        throw Error(ErrorCode::input, "missing",
                    "the folder holds no " + std::string(hdf5::keras_index_suffix) +
                        ", or several: name a file");
      }
      return ShardReader(options, limits).read(input, *input.sibling(index));
    }
    const std::shared_ptr<const File> file = input.file();
    if (input.leaf().ends_with(hdf5::keras_index_suffix))
      return ShardReader(options, limits).read(input, *file);
    const auto cache = std::make_shared<hdf5::ChunkCache>(limits.decoded_bytes);
    const hdf5::KerasArchive source = hdf5::is_zip(*file) ? hdf5::open_keras_archive(file, limits)
                                                          : hdf5::KerasArchive{file, file, {}};
    return name_tensors(read_contents(source, options, limits, cache), options, limits);
  }
};

}  // namespace

std::shared_ptr<const Reader> make_hdf5_reader() { return std::make_shared<Hdf5Reader>(); }

}  // namespace tensorferry
