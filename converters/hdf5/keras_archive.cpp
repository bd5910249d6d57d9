#include "keras_archive.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "util/crc32.h"
#include "util/json.h"
#include "util/zip.h"

namespace tensorferry::hdf5 {
namespace {

/// Compares the CRC-32 of the whole with the archive's before the first byte is handed out.
class VerifiedFile final : public File {
 public:
  VerifiedFile(std::shared_ptr<const File> file, std::uint32_t crc)
      : file_(std::move(file)), crc_(crc) {}

  const std::string& name() const override { return file_->name(); }
  std::uint64_t size() const override { return file_->size(); }
  FileIdentity identity() const override { return file_->identity(); }
  void check_unchanged() const override { file_->check_unchanged(); }
  std::string_view checked_by() const override { return "crc32"; }
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    {
      const std::lock_guard lock(mutex_);
      if (!verified_) verify();
      verified_ = true;
    }
    file_->read_at(offset, bytes);
  }

 private:
  void verify() const {
    constexpr std::uint64_t kWindow = 1u << 20;
    std::vector<std::byte> buffer(std::min(kWindow, size()));
    std::uint32_t found = 0;
    for (std::uint64_t at = 0; at < size(); at += kWindow) {
      const auto part = std::span(buffer).first(std::min(kWindow, size() - at));
      file_->read_at(at, part);
      found = crc32(found, part);
    }
    if (found == crc_) return;
    throw Error(ErrorCode::corrupt, "checksum",
                std::string(keras_weights_member) + " does not fit its CRC-32 in the archive")
        .in_file(name());
  }

  std::shared_ptr<const File> file_;
  std::uint32_t crc_;
  mutable std::mutex mutex_;
  mutable bool verified_ = false;
};

const ZipMember* member(const ZipArchive& archive, std::string_view name) {
  for (const ZipMember& one : archive.members) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

// What stands in metadata.json: texts, under their own names.
void add_metadata(const std::string& text, const Limits& limits, Attributes& attributes) {
  const Json metadata = parse_json(text, limits.json_depth);
  if (!metadata.is_object()) return;
  for (const auto& [key, value] : metadata.items()) {
    if (value.is_string()) attributes.emplace(key, value.get<std::string>());
  }
}

}  // namespace

bool is_zip(const File& file) {
  return file.size() >= 4 && file.read_string(0, 4) == std::string_view("PK\x03\x04", 4);
}

KerasArchive open_keras_archive(const std::shared_ptr<const File>& file, const Limits& limits) {
  ZipRules rules;
  rules.directory_bytes = limits.header_bytes;
  rules.members = limits.tensors;
  const ZipArchive archive = read_zip(file, rules);
  const ZipMember* weights = member(archive, keras_weights_member);
  if (weights == nullptr) {
    throw Error(ErrorCode::unsupported, "keras",
                "the archive holds no " + std::string(keras_weights_member));
  }
  KerasArchive result;
  result.file = open_member(archive, *weights);
  result.payload = std::make_shared<VerifiedFile>(result.file, weights->crc32);
  if (const ZipMember* config = member(archive, "config.json"))
    result.attributes.emplace(keras_config, read_member(archive, *config, limits.header_bytes));
  if (const ZipMember* metadata = member(archive, "metadata.json"))
    add_metadata(read_member(archive, *metadata, limits.header_bytes), limits, result.attributes);
  return result;
}

}  // namespace tensorferry::hdf5
