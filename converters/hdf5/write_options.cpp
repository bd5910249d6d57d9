#include "write_options.h"

#include <string>

#include "chunks.h"
#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::uint64_t kMinChunk = 1024, kDefaultChunk = 512 * 1024;
constexpr std::int64_t kDefaultLevel = 4;

[[noreturn]] void bad_option(const std::string& message) {
  throw Error(ErrorCode::usage, "bad_option", message);
}

}  // namespace

Compression compression_of(const Options& options) {
  Compression result;
  result.gzip = options.given("compression") && options.text("compression") == "gzip";
  for (const char* name : {"level", "shuffle", "chunk"}) {
    if (!result.gzip && options.given(name)) {
      bad_option(std::string("the option ") + name + " of hdf5 needs compression=gzip");
    }
  }
  const std::int64_t level = options.given("level") ? options.integer("level") : kDefaultLevel;
  if (level < 0 || level > 9) bad_option("level=" + std::to_string(level) + ": gzip has 0 to 9");
  result.level = static_cast<unsigned>(level);
  result.shuffle = !options.given("shuffle") || options.boolean("shuffle");
  result.chunk = options.given("chunk") ? options.bytes("chunk") : kDefaultChunk;
  if (result.chunk < kMinChunk || result.chunk > kMostChunk) {
    bad_option("chunk=" + std::to_string(result.chunk) + ": a chunk takes " +
               std::to_string(kMinChunk) + " to " + std::to_string(kMostChunk) + " bytes");
  }
  return result;
}

}  // namespace tensorferry::hdf5
