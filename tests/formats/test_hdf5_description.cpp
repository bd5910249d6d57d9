#include <doctest/doctest.h>

#include <random>

#include "error_id.h"
#include "hdf5/description.h"

using namespace tensorferry;
using namespace tensorferry::hdf5;

namespace {

DescribedDataset sample() {
  DescribedDataset dataset;
  dataset.name = "a/b";
  dataset.dtype = DType::float32;
  dataset.shape = {6, 10};
  dataset.big_endian = true;
  dataset.attributes = {
      {"f", 1.5}, {"i", std::int64_t{-3}}, {"t", std::string("text")}, {"y", true}};
  dataset.dtype_tag = "bfloat16";
  dataset.elements.place = Elements::Place::chunked;
  dataset.elements.shape = {6, 10};
  dataset.elements.element_bytes = 4;
  dataset.elements.fill = std::string("\1\2\3\4", 4);
  dataset.elements.chunk = {2, 3};
  dataset.elements.filters = {{Filter::Kind::shuffle, 4}, {Filter::Kind::deflate}};
  dataset.elements.plain_edges = true;
  dataset.elements.chunks = {{0, 4096, 20, 0}, {5, 8192, 24, 2}, {11, 1, 1, 0}};
  return dataset;
}

std::string parcel_of(const DescribedDataset& dataset) {
  ParcelWriter parcel;
  put(parcel, dataset);
  return parcel.bytes();
}

std::string outcome(std::string_view bytes) {
  return error_id([&] {
    ParcelReader parcel(bytes);
    take_dataset(parcel);
  });
}

}  // namespace

TEST_CASE("hdf5 description: what is put into a parcel comes out again") {
  const std::string bytes = parcel_of(sample());
  ParcelReader parcel(bytes);
  const DescribedDataset found = take_dataset(parcel);
  CHECK(parcel.empty());
  CHECK(parcel_of(found) == bytes);
  CHECK(found.attributes == sample().attributes);
  CHECK(found.elements.chunks[1].skipped == 2);

  DescribedDataset bad = sample();
  bad.problem = Error(ErrorCode::unsafe, "link", "it leads out").in_file("x");
  const std::string told = parcel_of(bad);
  ParcelReader other(told);
  CHECK(take_dataset(other).problem->what() == std::string(bad.problem->what()));
}

TEST_CASE("hdf5 description: what makes no sense is refused") {
  const auto with = [](const std::function<void(DescribedDataset&)>& change) {
    DescribedDataset dataset = sample();
    change(dataset);
    return outcome(parcel_of(dataset));
  };
  CHECK(with([](auto&) {}) == "no error");
  CHECK(with([](auto& d) { d.elements.chunks[1].index = 0; }) == "corrupt.hdf5");
  CHECK(with([](auto& d) { d.elements.chunks[2].index = 12; }) == "corrupt.hdf5");
  CHECK(with([](auto& d) { d.elements.chunk = {2}; }) == "corrupt.hdf5");
  CHECK(with([](auto& d) { d.elements.chunk = {2, 0}; }) == "corrupt.hdf5");
  CHECK(with([](auto& d) { d.elements.shape = {6, 0}; }) == "corrupt.hdf5");
  CHECK(with([](auto& d) { d.elements.fill.clear(); }) == "corrupt.hdf5");
  CHECK(with([](auto& d) { d.elements.shape = {~0ull, 10}; }).starts_with("corrupt."));
  CHECK(with([](auto& d) { d.elements.place = Elements::Place::compact; }) == "corrupt.hdf5");
  CHECK(with([](auto& d) { d.elements.filters.assign(33, {Filter::Kind::fletcher32}); }) ==
        "unsupported.filter");
  // A build without szip refuses it whatever its values are.
  CHECK(with([](auto& d) {
          d.elements.filters = {{.kind = Filter::Kind::szip, .szip = {0, 3, 8, 0}}};
        }).ends_with(".filter"));
  CHECK(with([](auto& d) { d.dtype = static_cast<DType>(200); }) == "corrupt.parcel");
}

TEST_CASE("hdf5 description: damaged parcels are refused, or describe something else") {
  const std::string whole = parcel_of(sample());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(outcome(std::string_view(whole).substr(0, size)) != "no error");
  }
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = whole;
    for (auto left = 1 + random() % 3; left > 0; --left)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    const std::string id = outcome(damaged);
    CAPTURE(id);
    CHECK((id == "no error" || id.starts_with("corrupt.") || id == "unsupported.filter"));
  }
}
