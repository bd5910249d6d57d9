// How fast the kernels are, in bytes of their input. Not a test: nothing fails here.
#include "plan/kernels.h"

#include <benchmark/benchmark.h>
#include <zlib.h>

#include <random>
#include <vector>

#include "plan/boxes.h"
#include "plan/cast.h"
#include "util/crc32.h"
#include "util/crc_versions.h"
#include "util/deflate.h"

namespace tensorferry {
namespace {

constexpr std::size_t kBytes = 1u << 20;  // a window of the mover

/// Ordinary weights.
std::vector<std::byte> weights() {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.05F);
  std::vector<float> values(kBytes / sizeof(float));
  for (float& value : values) value = normal(random);
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

void count(benchmark::State& state, std::size_t bytes = kBytes) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

void crc_of(benchmark::State& state, const detail::CrcVersion& version) {
  const auto bytes = weights();
  for (auto _ : state) benchmark::DoNotOptimize(version.compute(0, bytes));
  count(state);
}

void swap(benchmark::State& state) {
  auto bytes = weights();
  for (auto _ : state) {
    swap_bytes(bytes, static_cast<std::uint32_t>(state.range(0)));
    benchmark::ClobberMemory();
  }
  count(state);
}

void cast(benchmark::State& state, DType from, DType to) {
  std::vector<std::byte> in = weights();
  if (from != DType::float32) {
    const std::vector<std::byte> floats = in;
    in.resize(floats.size() / info(DType::float32).bytes * info(from).bytes);
    cast_elements(DType::float32, from, Overflow::infinity, floats, in, 0);
  }
  std::vector<std::byte> out(in.size() / info(from).bytes * info(to).bytes);
  for (auto _ : state)
    benchmark::DoNotOptimize(cast_elements(from, to, Overflow::infinity, in, out, 0));
  count(state, in.size());
}

void transpose(benchmark::State& state) {
  const auto element = static_cast<std::size_t>(state.range(0));
  const std::uint64_t rows = 256, columns = kBytes / element / rows;
  const auto in = weights();
  std::vector<std::byte> out(in.size());
  for (auto _ : state) {
    copy_box(out.data(), {rows * element, element}, in.data(), {element, columns * element},
             {columns, rows}, element);
    benchmark::ClobberMemory();
  }
  count(state);
}

void gather(benchmark::State& state) {
  const std::uint64_t row = static_cast<std::uint64_t>(state.range(0)), rows = kBytes / row / 2;
  const auto in = weights();
  std::vector<std::byte> out(in.size());
  for (auto _ : state) {  // every other row
    copy_box(out.data(), {row, 1}, in.data(), {2 * row, 1}, {rows, row}, 1);
    benchmark::ClobberMemory();
  }
  count(state, kBytes / 2);
}

void deflate_whole(benchmark::State& state) {
  const auto bytes = weights();
  for (auto _ : state)
    benchmark::DoNotOptimize(zlib_compressed(bytes, static_cast<int>(state.range(0))));
  count(state);
}

void deflate_block(benchmark::State& state) {
  const auto bytes = weights();
  for (auto _ : state)
    benchmark::DoNotOptimize(deflated_block({}, bytes, static_cast<int>(state.range(0)), false));
  count(state);
}

void inflate_whole(benchmark::State& state) {
  const auto deflated = zlib_compressed(weights(), 4);
  std::vector<std::byte> out(kBytes);
  for (auto _ : state) {
    uLongf size = out.size();
    uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
               reinterpret_cast<const Bytef*>(deflated.data()), deflated.size());
    benchmark::ClobberMemory();
  }
  count(state);
}

void register_all() {
  for (const auto& [kind, versions] : {std::pair("crc32c/", detail::crc32c_versions()),
                                       std::pair("crc32/", detail::crc32_versions())}) {
    for (const auto& version : versions) {
      benchmark::RegisterBenchmark((kind + std::string(version.name)).c_str(),
                                   [version](benchmark::State& state) { crc_of(state, version); });
    }
  }
  constexpr std::pair<DType, DType> pairs[] = {
      {DType::float32, DType::bfloat16}, {DType::float32, DType::float16},
      {DType::float64, DType::float32},  {DType::bfloat16, DType::float32},
      {DType::float16, DType::float32},  {DType::float32, DType::float8_e4m3fn}};
  for (const auto& [from, to] : pairs) {
    const std::string name =
        "cast/" + std::string(to_string(from)) + "/" + std::string(to_string(to));
    benchmark::RegisterBenchmark(
        name.c_str(), [from = from, to = to](benchmark::State& state) { cast(state, from, to); });
  }
}

BENCHMARK(swap)->Arg(2)->Arg(4)->Arg(8);
BENCHMARK(transpose)->Arg(1)->Arg(2)->Arg(4)->Arg(8)->Arg(16);
BENCHMARK(gather)->Arg(64)->Arg(1024)->Arg(16384);
BENCHMARK(deflate_whole)->Arg(1)->Arg(4)->Arg(6);
BENCHMARK(deflate_block)->Arg(1)->Arg(4)->Arg(6);
BENCHMARK(inflate_whole);

}  // namespace
}  // namespace tensorferry

int main(int count, char** arguments) {
  tensorferry::register_all();
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
}
