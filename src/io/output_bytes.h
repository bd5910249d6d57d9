// Writing and reading back the bytes of an output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "io/system.h"

namespace tensorferry {

/// Free bytes for unprivileged writers on the file system that holds `directory`.
std::uint64_t free_bytes(const std::filesystem::path& directory);

/// Reserves the whole file at once, so that a full disk is known before any work. Systems that
/// cannot are ignored.
void reserve(const Descriptor& fd, std::uint64_t size, const std::string& name);

/// Writes everything, whatever the system does in pieces.
void write_at(const Descriptor& fd, std::uint64_t offset, std::span<const std::byte> bytes,
              const std::string& name);
/// Reads back what was written.
void read_at(const Descriptor& fd, std::uint64_t offset, std::span<std::byte> bytes,
             const std::string& name);

}  // namespace tensorferry
