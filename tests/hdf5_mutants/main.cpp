// Reads damaged HDF5 files, one after the other, and tells what became of them.
//
//   hdf5_mutants COUNT SEED SCRATCH FILE...    COUNT random mutants of each FILE, checksums right
//   hdf5_mutants every MASK SCRATCH FILE...    every byte of each FILE, changed by the bits of MASK
//
// SCRATCH holds the mutant that is being read, when the program does not come back. Exit code 1:
// one took longer than two seconds of the processor, or more memory than 96 MiB and 8 times its
// size.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include "mutate.h"
#include "tensorferry/tensorferry.h"

namespace {

using namespace tensorferry;
namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The most memory of a child so far.
long childrens_peak() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_maxrss * 1024;
}

/// The most memory of this process since the last reset.
long own_peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtol(line.c_str() + 6, nullptr, 10) * 1024;
  }
  return 0;
}

void reset_own_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

/// Of the processor, this process and its children.
double seconds() {
  double all = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime})
      all += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  }
  return all;
}

/// As `verify` does it: the exit code.
int outcome(const std::string& bytes) {
  ReadOptions options;
  options.from = "hdf5";
  int worst = 0;
  try {
    const Manifest manifest = read(Input::memory("x.h5", {{"x.h5", bytes}}), options);
    for (const TensorCheck& check : check_tensors(manifest, {})) {
      if (check.problem) worst = std::max(worst, static_cast<int>(check.problem->code()));
    }
  } catch (const Error& error) {
    worst = static_cast<int>(error.code());
  }
  return worst;
}

struct Tally {
  std::map<int, std::uint64_t> codes;
  std::uint64_t count = 0, failures = 0;
  double slowest = 0;
  long most_memory = 0;

  void read(const std::string& mutant, const fs::path& scratch, const std::string& label) {
    std::ofstream(scratch / "mutant.h5", std::ios::binary) << mutant;
    const long before = childrens_peak();
    reset_own_peak();
    const double start = seconds();
    const int code = outcome(mutant);
    const double taken = seconds() - start;
    // Of a child only when none before it took more.
    const long memory = own_peak() + (childrens_peak() > before ? childrens_peak() : 0);
    ++codes[code];
    ++count;
    const bool too_much = memory > (96L << 20) + 8 * static_cast<long>(mutant.size());
    most_memory = std::max(most_memory, memory);
    slowest = std::max(slowest, taken);
    if (taken <= 2 && !too_much && code != static_cast<int>(ErrorCode::internal)) return;
    ++failures;
    fs::copy_file(scratch / "mutant.h5", scratch / ("bad_" + std::to_string(count) + ".h5"),
                  fs::copy_options::overwrite_existing);
    std::cout << label << ": code " << code << ", " << taken << " s, " << memory << " bytes: bad_"
              << count << ".h5" << std::endl;
  }

  void print() const {
    std::cout << count << " mutants; exit codes";
    for (const auto& [code, number] : codes) std::cout << " " << code << ": " << number;
    std::cout << "; slowest " << slowest << " s, most memory of one and its child "
              << (most_memory >> 20) << " MiB; " << failures << " failures" << std::endl;
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) return 2;
  const std::string how_many = arguments[1];
  const auto number = static_cast<std::uint32_t>(std::strtoul(arguments[2], nullptr, 0));
  const fs::path scratch = arguments[3];
  Tally tally;
  for (int i = 4; i < count; ++i) {
    const std::string file = contents(arguments[i]);
    const std::string label = fs::path(arguments[i]).filename().string();
    if (how_many == "every") {
      for (std::size_t at = 0; at < file.size(); ++at) {
        std::string mutant = file;
        mutant[at] = static_cast<char>(static_cast<unsigned char>(mutant[at]) ^ number);
        tally.read(mutant, scratch, label);
      }
    } else {
      const std::vector<Sealed> parts = sealed_parts(file);
      Mutator mutate(number + static_cast<std::uint32_t>(i));
      for (unsigned long left = std::strtoul(how_many.c_str(), nullptr, 0); left > 0; --left)
        tally.read(mutate(file, parts), scratch, label);
    }
    std::cout << label << " (" << file.size() << " bytes): ";
    tally.print();
  }
  return tally.failures == 0 ? 0 : 1;
}
