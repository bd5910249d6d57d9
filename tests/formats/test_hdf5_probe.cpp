#include <doctest/doctest.h>

#include "tensorferry/format.h"

using namespace tensorferry;

namespace {

const std::string kSignature("\x89HDF\r\n\x1a\n", 8);

Match match(const std::string& bytes) {
  const Input input = Input::memory("x.bin", {{"x.bin", bytes}});
  const std::string_view all = bytes;
  return Registry::global().at("hdf5").probe(
      {input, all.substr(0, 4096), all.substr(all.size() - std::min<std::size_t>(all.size(), 4096)),
       all.size(), ".bin"});
}

}  // namespace

TEST_CASE("hdf5: the signature is found at 0, 512, 1024, 2048, ... also behind the probed prefix") {
  for (std::size_t at : {0u, 512u, 1024u, 2048u, 4096u, 8192u, 65536u}) {
    CHECK(match(std::string(at, 'u') + kSignature + std::string(100, 's')) == Match::container);
    CHECK(match(std::string(at, 'u') + kSignature) == Match::container);
  }
}

TEST_CASE("hdf5: the signature elsewhere, cut or damaged is no match") {
  for (std::size_t at : {1u, 8u, 256u, 1536u, 3072u, 4088u}) {
    CHECK(match(std::string(at, 'u') + kSignature + std::string(9000, 's')) == Match::no);
  }
  CHECK(match("") == Match::no);
  CHECK(match(kSignature.substr(0, 7)) == Match::no);
  CHECK(match(std::string(512, 'u') + kSignature.substr(0, 7)) == Match::no);
  CHECK(match("\x89HDF\n\n\x1a\n") == Match::no);
}
