// Damaged HDF5 files whose checksums are right again: what the library believes.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "hdf5/lookup3.h"

namespace tensorferry {

/// Bytes that a checksum follows.
struct Sealed {
  std::size_t begin, size;
};

inline std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// The structures of a file that have a checksum: where one begins, and the first length whose
/// checksum stands there.
inline std::vector<Sealed> sealed_parts(std::string_view file) {
  constexpr std::array<std::string_view, 15> kSignatures{"OHDR", "OCHK", "FRHP", "FHDB", "FHIB",
                                                         "BTHD", "BTIN", "BTLF", "FSHD", "FSSE",
                                                         "FAHD", "FADB", "EAHD", "EAIB", "EADB"};
  constexpr std::size_t kMost = 8192;
  std::vector<Sealed> parts;
  const auto add = [&](std::size_t begin) {
    for (std::size_t size = 4; size < kMost && begin + size + 4 <= file.size(); ++size) {
      if (number_at(file, begin + size) != hdf5::lookup3(file.substr(begin, size))) continue;
      parts.push_back({begin, size});
      return;
    }
  };
  constexpr std::size_t kVersion = 8;  // of the superblock; those from 2 on have a checksum
  if (file.size() > kVersion && file[kVersion] >= 2) add(0);
  for (const std::string_view signature : kSignatures) {
    for (std::size_t at = file.find(signature); at != file.npos; at = file.find(signature, at + 1))
      add(at);
  }
  return parts;
}

inline void seal(std::string& file, const std::vector<Sealed>& parts) {
  for (const Sealed& part : parts) {
    const std::uint32_t sum = hdf5::lookup3(std::string_view(file).substr(part.begin, part.size));
    for (std::size_t i = 0; i < 4; ++i)
      file[part.begin + part.size + i] = static_cast<char>(sum >> (8 * i));
  }
}

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::string operator()(const std::string& file, const std::vector<Sealed>& parts) {
    std::string mutant = file;
    for (std::uint64_t left = 1 + below(3) * below(2); left > 0; --left) damage(mutant, parts);
    seal(mutant, parts);
    return mutant;
  }

 private:
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  // Half of them in what has a checksum, which is what the library reads.
  std::size_t place(const std::string& file, const std::vector<Sealed>& parts) {
    if (parts.empty() || below(2) == 0) return below(file.size());
    const Sealed& part = parts[below(parts.size())];
    return part.begin + below(part.size);
  }

  std::uint64_t value(std::uint64_t size) {
    switch (below(8)) {
      case 0:
        return ~std::uint64_t{0} >> below(64);
      case 1:
        return std::uint64_t{1} << below(64);
      case 2:
        return size + below(32) - 16;
      case 3:
        return random_();
      default:
        return below(size);
    }
  }

  void damage(std::string& file, const std::vector<Sealed>& parts) {
    const std::size_t at = place(file, parts);
    switch (below(4)) {
      case 0:
        file[at] = static_cast<char>(random_());
        return;
      case 1:
        file[at] = static_cast<char>(file[at] ^ 1 << below(8));
        return;
      case 2: {
        const std::uint64_t number = value(file.size()), width = std::uint64_t{1} << below(4);
        for (std::size_t i = 0; i < width && at + i < file.size(); ++i)
          file[at + i] = static_cast<char>(number >> (8 * i));
        return;
      }
      default: {
        const std::string other = file.substr(below(file.size()), 1 + below(32));
        file.replace(at, std::min(other.size(), file.size() - at), other, 0,
                     std::min(other.size(), file.size() - at));
      }
    }
  }

  std::mt19937_64 random_;
};

}  // namespace tensorferry
