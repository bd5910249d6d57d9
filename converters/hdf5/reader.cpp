#include <unordered_set>

#include "described_tensor.h"
#include "hdf5_reader.h"
#include "keras.h"
#include "keras_archive.h"
#include "keras_shards.h"
#include "names.h"
#include "survey.h"

namespace tensorferry {
namespace {

using hdf5::Contents;
using hdf5::Finding;
using hdf5::SharedFile;
using hdf5::SurveyOptions;

constexpr std::size_t kMostNotes = 100;

/// Makes the contents of what a survey has told, which is not trusted.
class Assembly {
 public:
  /// `attributes` are what stands beside the file.
  Assembly(SharedFile shared, Attributes attributes, const Limits& limits)
      : shared_(std::move(shared)), limits_(limits) {
    found_.manifest.attributes = std::move(attributes);
  }

  Contents contents(std::string_view told) {
    for (ParcelReader parcel(told); !parcel.empty();) take(parcel);
    finish();
    return std::move(found_);
  }

 private:
  void take(ParcelReader& parcel) {
    switch (static_cast<Finding>(parcel.number(static_cast<std::uint64_t>(Finding::keras)))) {
      case Finding::dataset:
        return take_dataset(parcel);
      case Finding::alias:
        return take_alias(parcel);
      case Finding::problem:
        return take_problem(parcel);
      case Finding::note:
        return note(hdf5::take_note(parcel));
      case Finding::attributes:
        for (auto& [name, value] : hdf5::take_attributes(parcel))
          found_.manifest.attributes.emplace(hdf5::attribute_name(name), std::move(value));
        return;
      case Finding::keras:
        found_.keras = hdf5::take_keras(parcel);
    }
  }

  void take_dataset(ParcelReader& parcel) {
    datasets_.push_back(found_.manifest.tensors.size());
    std::string path(parcel.text());
    std::vector<Note> notes;
    add(std::move(path), hdf5::tensor_of(shared_, hdf5::take_dataset(parcel), limits_, notes));
    for (Note& one : notes) note(std::move(one));
  }

  void take_alias(ParcelReader& parcel) {
    std::string path(parcel.text());
    const std::uint64_t known = parcel.number();
    if (known >= datasets_.size())
      throw Error(ErrorCode::corrupt, "hdf5", "refers to a dataset it does not contain");
    Tensor alias = found_.manifest.tensors[datasets_[known]];
    alias.name = path;
    add(std::move(path), std::move(alias));
  }

  void take_problem(ParcelReader& parcel) {
    std::string path(parcel.text());
    Tensor tensor;
    tensor.name = path;
    tensor.problem = parcel.error();
    add(std::move(path), std::move(tensor));
  }

  void add(std::string path, Tensor tensor) {
    found_.paths.push_back(std::move(path));
    found_.manifest.tensors.push_back(std::move(tensor));
  }

  void note(Note note) {
    if (++notes_ <= kMostNotes) found_.manifest.notes.push_back(std::move(note));
  }

  // Names of tags that are taken give way to the found_.paths.
  void finish() {
    std::unordered_set<std::string_view> names(found_.paths.begin(), found_.paths.end());
    std::unordered_set<std::string> tagged;
    for (std::size_t i = 0; i < found_.paths.size(); ++i) {
      std::string& name = found_.manifest.tensors[i].name;
      if (name == found_.paths[i]) continue;
      if (names.contains(name) || !tagged.insert(name).second) name = found_.paths[i];
    }
    if (notes_ > kMostNotes) {
      found_.manifest.notes.push_back(
          {"hdf5.more_notes", "and " + std::to_string(notes_ - kMostNotes) + " more such notes"});
    }
  }

  SharedFile shared_;
  const Limits& limits_;
  Contents found_;
  std::vector<std::size_t> datasets_;  // which tensor each of them became first
  std::size_t notes_ = 0;
};

Error failure_of_library(const ApartResult& result) {
  std::string where = "with its root group";
  if (result.at == "/")
    where = "with the attributes of its groups";
  else if (!result.at.empty())
    where = "at " + printable(result.at);
  return Error(ErrorCode::corrupt, "hdf5_library",
               "HDF5's library failed on it (" + *result.death + ") " + where +
                   ": the file is damaged there");
}

/// What a survey tells. Where the library dies of a dataset, that one is left out of another try:
/// the others can be read.
std::string surveyed(const File& file, SurveyOptions options) {
  constexpr std::size_t kMostDeaths = 16;
  constexpr double kMostSeconds = 0.5;
  double seconds = 0;
  hdf5::start_library();
  for (;;) {
    ApartResult result = run_apart(file, [&](const auto& same_file, ApartReport& report) {
      hdf5::survey(same_file, options, report);
    });
    if (!result.death) return std::move(result.sent);
    const Error why = failure_of_library(result);
    seconds += result.seconds;
    const bool is_group = result.at.empty() || result.at == "/";
    if (is_group || options.deadly.size() == kMostDeaths || seconds > kMostSeconds ||
        !options.deadly.emplace(result.at, why).second)
      throw Error(why);
  }
}

SurveyOptions survey_options(const Options& options, const Limits& limits,
                             const std::vector<std::string>& keras_groups) {
  SurveyOptions result;
  result.keras_groups = keras_groups;
  if (options.given("dtype")) result.datasets.opaque = parse_dtype(options.text("dtype")).dtype;
  result.datasets.limits = limits;
  result.keras = options.text("layout") != "plain";
  return result;
}

/// The names of `other_groups` are looked up in a file of Keras, too.
Contents read_contents(const hdf5::KerasArchive& source, const Options& options,
                       const Limits& limits, const std::shared_ptr<hdf5::ChunkCache>& cache,
                       const std::vector<std::string>& other_groups) {
  const std::string told = surveyed(*source.file, survey_options(options, limits, other_groups));
  return Assembly({cache, source.payload}, source.attributes, limits).contents(told);
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
