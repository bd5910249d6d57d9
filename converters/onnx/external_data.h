// The file of external data beside a model, and how large a model may be.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace tensorferry::onnx {

/// Room up to protobuf's 2 GiB for what another tool adds to the model.
constexpr std::uint64_t kInlineLimit = 1'932'735'283;  // 1.8 GiB

/// Hands out places in the file of external data.
class ExternalRoom {
 public:
  /// `leaf` is the name of the model.
  explicit ExternalRoom(const std::string& leaf) : location_(leaf + ".data") {}

  /// The offset of `bytes` more bytes. Throws Error(usage.external_name) when ONNX tools do not
  /// follow the file's name.
  std::uint64_t add(std::uint64_t bytes);

  const std::string& location() const { return location_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void check_location() const;

  std::string location_;
  std::uint64_t bytes_ = 0;
};

/// Throws Error(output.too_large) with what would help, given the option `external`.
[[noreturn]] void refuse_size(std::uint64_t model_bytes, const std::string& external,
                              const ExternalRoom& room);

}  // namespace tensorferry::onnx
