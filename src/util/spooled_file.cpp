#include "util/spooled_file.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/disk_file.h"
#include "io/private_copy.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kStep = 1u << 20;

class SpooledFile final : public File {
 public:
  explicit SpooledFile(std::shared_ptr<const File> source) : source_(std::move(source)) {}

  const std::string& name() const override { return source_->name(); }
  std::uint64_t size() const override { return source_->size(); }
  FileIdentity identity() const override { return source_->identity(); }
  void check_unchanged() const override { source_->check_unchanged(); }
  std::string_view checked_by() const override { return source_->checked_by(); }

  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    check_range(name(), offset, bytes.size(), size());
    spool();
    copy_->read_at(offset, bytes);
  }

 private:
  void spool() const {
    std::lock_guard lock(mutex_);
    if (copy_) return;
    PrivateCopy copy(name());
    std::vector<std::byte> buffer(std::min(kStep, size()));
    while (copy.size() < size()) {
      const auto part = std::span(buffer).first(std::min(kStep, size() - copy.size()));
      source_->read_at(copy.size(), part);
      copy.append(part);
    }
    copy_ = std::move(copy);
  }

  std::shared_ptr<const File> source_;
  mutable std::mutex mutex_;
  mutable std::optional<PrivateCopy> copy_;
};

}  // namespace

std::shared_ptr<const File> spooled_file(std::shared_ptr<const File> source) {
  return std::make_shared<SpooledFile>(std::move(source));
}

}  // namespace tensorferry
