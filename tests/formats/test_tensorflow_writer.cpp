// The writer's parts: shards, variants, the state file, and whole bundles in memory.
#include <doctest/doctest.h>

#include "formats/layout_in_memory.h"
#include "formats/tensorflow_read.h"
#include "tensorflow/shards.h"
#include "tensorflow/state_file.h"
#include "tensorflow/string_payload.h"
#include "tensorflow/variant_payload.h"

using namespace tensorferry;
using namespace tensorferry::tensorflow;
using namespace tensorflow_test;

namespace {

using Shards = std::vector<std::uint64_t>;

Files written(const Manifest& manifest, const std::map<std::string, std::string>& given = {},
              const std::string& leaf = "m") {
  const Format& format = Registry::global().at("tensorflow");
  return carry_out(
      format.writer->lay_out(manifest, {leaf, false}, Options(format.write_options, given)),
      manifest);
}

std::string refusal(Manifest manifest, const std::map<std::string, std::string>& given = {}) {
  return thrown_by([&] { written(manifest, given); });
}

Manifest manifest_of(std::vector<Tensor> tensors) {
  Manifest manifest;
  manifest.tensors = std::move(tensors);
  return manifest;
}

/// A payload of variants as TensorFlow writes it.
std::string variants(const std::vector<std::string>& messages) {
  std::string payload;
  std::string covered;
  for (const std::string& message : messages) {
    const std::string wide = little32(static_cast<std::uint32_t>(message.size())) + little32(0);
    covered += wide + message;
    const std::string sum = little32(masked_crc(covered));
    covered += sum;
    payload += varint(message.size()) + message + sum;
  }
  return payload;
}

}  // namespace

TEST_CASE("tensorflow: a bundle of two tensors is the one that TensorFlow writes") {
  const Files files =
      written(manifest_of({tensor_of("a", DType::float32, {2}, hex("0000803f 00000040")),
                           strings_of("s", {2}, {"hi", ""})}));
  REQUIRE(files.size() == 2);
  CHECK(files.at("m.data-00000-of-00001") ==
        hex("00 00 80 3f 00 00 00 40 02 00 78 27 0b 34 68 69"));
  const std::string& index = files.at("m.index");
  CHECK(index.size() == 142);
  CHECK(index.substr(0, 62) == hex("00 00 06 08 01 1a 02 08 01"
                                   "00 01 0f 61 08 01 12 04 12 02 08 02 28 08 35 59 3c e5 35"
                                   "00 01 11 73 08 07 12 04 12 02 08 02 20 08 28 08 35 9e 9e 48 ed"
                                   "00 00 00 00 01 00 00 00 00 60 47 1c 63"));
}

TEST_CASE("tensorflow: an empty bundle has a header, an index and an empty data file") {
  const Files files = written({}, {{"state_file", "true"}}, "m.index");
  REQUIRE(files.size() == 3);
  CHECK(files.at("m.data-00000-of-00001").empty());
  CHECK(files.at("checkpoint") ==
        "model_checkpoint_path: \"m\"\nall_model_checkpoint_paths: \"m\"\n");
  CHECK(read_files(files).tensors.empty());
}

TEST_CASE("tensorflow: strings are encoded as they are read") {
  CHECK(encode_strings({}).bytes == hex("d8 ea 82 a2"));
  CHECK(encode_strings({}).masked_crc == 0x640cc1f6);
  const std::vector<std::string> strings = {"", std::string(300, 'x'), std::string("\0\xff", 2)};
  const EncodedPayload made = encode_strings(strings);
  const auto [bytes, crc] = string_payload(strings, std::endian::little);
  CHECK(made.bytes == bytes);
  CHECK(made.masked_crc == crc);
}

TEST_CASE("tensorflow: names that are keys of the format's own are refused") {
  const auto one = [](const std::string& name) {
    return manifest_of({tensor_of(name, DType::uint8, {1}, "x")});
  };
  CHECK(refusal(one("")) == "unsupported.name");
  CHECK(refusal(one(std::string("\0x", 2))) == "unsupported.name");
  CHECK(refusal(one("_TENSORFERRY")) == "unsupported.name");
  CHECK(refusal(one("_CHECKPOINTABLE_OBJECT_GRAPH")) == "unsupported.name");
  CHECK(refusal(one("\xff")).empty());
  CHECK(refusal(one("\xff"), {{"object_graph", "generate"}}) == "unsupported.name");
  Manifest tagged = one("\xff");
  tagged.tensors[0].attributes["unit"] = std::string("m");
  CHECK(refusal(tagged) == "unsupported.name");
  const Manifest two = manifest_of(
      {tensor_of("x", DType::uint8, {1}, "x"), tensor_of("x:0", DType::uint8, {1}, "x")});
  CHECK(refusal(two).empty());
  CHECK(refusal(two, {{"strip_colon_zero", "true"}}) == "unsupported.name_taken");
  CHECK(refusal(one("x"), {{"shards", "0"}}) == "usage.bad_option");
}

TEST_CASE("tensorflow: variants are copied when their checksums are right") {
  const std::string payload = variants({"one", "", "three"});
  Manifest manifest = manifest_of({tensor_of("v", DType::variant, {3}, payload)});
  const Files files = written(manifest);
  CHECK(files.at("m.data-00000-of-00001") == payload);
  CHECK(masked_crc_of_variants(payload, 3) != 0);
  for (std::size_t n = 0; n < payload.size(); ++n) {
    CHECK(thrown_by([&] { masked_crc_of_variants(payload.substr(0, n), 3); }) != "");
    std::string flipped = payload;
    flipped[n] = static_cast<char>(flipped[n] ^ 1);
    CHECK(thrown_by([&] { masked_crc_of_variants(flipped, 3); }) != "");
  }
  CHECK(thrown_by([&] { masked_crc_of_variants(payload + "x", 3); }) == "corrupt.variant");
  CHECK(thrown_by([&] { masked_crc_of_variants(payload, 2); }) == "corrupt.variant");
}

TEST_CASE("tensorflow: shards are cut by bytes, in order, without empty ones") {
  CHECK(cut_by_bytes({10, 10, 10, 10}, 2, 0) == Shards{0, 0, 1, 1});
  CHECK(cut_by_bytes({100, 1, 1}, 3, 0) == Shards{0, 1, 1});
  CHECK(cut_by_bytes({5, 5}, 9, 0) == Shards{0, 1});
  CHECK(cut_by_bytes({5, 5, 5}, 1, 10) == Shards{0, 0, 1});
  CHECK(cut_by_bytes({50, 5, 0, 50}, 1, 10) == Shards{0, 1, 1, 2});
  CHECK(cut_by_bytes({0, 0}, 4, 0) == Shards{0, 0});
  CHECK(cut_by_bytes({}, 4, 0).empty());
}

TEST_CASE("tensorflow: data lie as in the source, behind what is left out") {
  Bundle bundle(2);
  bundle.add("b", 4, {2}, "bb", 1);
  bundle.add("z", 4, {1}, "z", 0);
  bundle.add("empty", 4, {0}, "", 0);
  bundle.add("a", 4, {1}, "a", 0);
  const Files source = bundle.files();
  Manifest manifest = read_files(source);
  const Files again = written(manifest);
  for (const std::string file : {"m.data-00000-of-00002", "m.data-00001-of-00002"}) {
    CHECK(again.at(file) == source.at(file));
  }
  std::erase_if(manifest.tensors, [](const Tensor& tensor) { return tensor.name == "z"; });
  CHECK(written(manifest).at("m.data-00000-of-00002") == "a");
  std::erase_if(manifest.tensors, [](const Tensor& tensor) { return tensor.name == "b"; });
  CHECK(written(manifest).at("m.data-00000-of-00001") == "a");
}
