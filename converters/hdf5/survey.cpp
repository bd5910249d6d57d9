#include "survey.h"

#include <unordered_map>
#include <vector>

#include "description.h"
#include "keras.h"
#include "links.h"
#include "tensorferry/notes.h"

namespace tensorferry::hdf5 {
namespace {

class Surveyor final : public Visitor {
 public:
  Surveyor(const std::shared_ptr<const File>& file, const SurveyOptions& options,
           ApartReport& report)
      : file_(file),
        options_(options),
        budget_(options.datasets.limits.header_bytes),
        report_(report) {}

  void run() {
    if (open_for_writing()) {
      note({"hdf5" + std::string(unfinished_suffix),
            "the file is marked as open for writing: what wrote it has not closed it, and may not "
            "have written all of it (h5clear --status FILE takes the mark away)"});
    }
    walk(file_, options_.datasets.limits, *this);
    report_.at("/");
    const Handle root = open_root(file_.id());
    StoredAttributes stored = read_attributes(root.id(), budget_);
    for (Note& one : stored.notes) note(std::move(one));
    ParcelWriter parcel = beginning(Finding::attributes);
    put(parcel, stored.scalars);
    report_.send(parcel.bytes());
    if (!options_.keras) return;
    const auto keras = keras_layout(file_, paths_, options_.keras_groups, budget_);
    if (!keras) return;
    ParcelWriter found = beginning(Finding::keras);
    put(found, *keras);
    report_.send(found.bytes());
  }

  void coming_to(const std::string& path) override {
    if (const auto deadly = options_.deadly.find(path); deadly != options_.deadly.end())
      throw Error(deadly->second);
    report_.at(path);
  }

  void dataset(const std::string& path, hid_t id, haddr_t address) override {
    paths_.push_back(path);
    const auto [known, is_new] = first_.try_emplace(address, first_.size());
    ParcelWriter parcel = beginning(is_new ? Finding::dataset : Finding::alias);
    parcel.text(path);
    std::vector<Note> notes;
    if (is_new)
      put(parcel, describe_dataset(id, address, path, options_.datasets, budget_, notes));
    else
      parcel.number(known->second);
    report_.send(parcel.bytes());
    for (Note& one : notes) note(std::move(one));
  }

  void problem(const std::string& path, const Error& why) override {
    paths_.push_back(path);
    report_.send(beginning(Finding::problem).text(path).error(why).bytes());
  }

  void note(Note note) override {
    ParcelWriter parcel = beginning(Finding::note);
    put(parcel, note);
    report_.send(parcel.bytes());
  }

 private:
  // Superblock, since version 2: | signature: 8 | version: u8 | 2 sizes: u8 | flags: u8 |; of the
  // flags 1 is open for writing, 4 for writing while others read.
  bool open_for_writing() const {
    constexpr std::size_t kVersion = 8, kFlags = 11;
    const Source source = source_of(file_.id());
    const std::string front = source.file->read_string(source.base, kFlags + 1);
    return front[kVersion] >= 2 && (front[kFlags] & 5) != 0;
  }

  static ParcelWriter beginning(Finding finding) {
    return ParcelWriter().number(static_cast<std::uint64_t>(finding));
  }

  OpenFile file_;
  const SurveyOptions& options_;
  AttributeBudget budget_;
  ApartReport& report_;
  std::vector<std::string> paths_;
  std::unordered_map<haddr_t, std::uint64_t> first_;
};

}  // namespace

void survey(const std::shared_ptr<const File>& file, const SurveyOptions& options,
            ApartReport& report) {
  report.at("");
  prepare_library();
  Surveyor(file, options, report).run();
}

}  // namespace tensorferry::hdf5
