#include "external_data.h"

#include "onnx_wire.h"
#include "tensorferry/dtype.h"
#include "tensorferry/error.h"
#include "util/text.h"

namespace tensorferry::onnx {
namespace {

// What onnx and onnxruntime align to: pages, so that large tensors can be mapped; a cache line for
// the others.
constexpr std::uint64_t kLarge = 1 << 20, kPage = 4096, kLine = 64;

}  // namespace

std::uint64_t ExternalRoom::add(std::uint64_t bytes) {
  if (bytes_ == 0) check_location();
  const std::uint64_t alignment = bytes >= kLarge ? kPage : kLine;
  const std::uint64_t offset = checked_add(bytes_, alignment - 1) / alignment * alignment;
  bytes_ = checked_add(offset, bytes);
  return offset;
}

// What onnx refuses to follow, and what would not be the same file everywhere.
void ExternalRoom::check_location() const {
  if (is_utf8(location_) && location_.find("..") == std::string::npos &&
      location_.find('\\') == std::string::npos && location_.find('\0') == std::string::npos) {
    return;
  }
  throw Error(ErrorCode::usage, "external_name",
              "the elements go to \"" + printable(location_) +
                  "\", which ONNX tools do not follow: name the output without \"..\", backslashes "
                  "and bytes "
                  "that are not UTF-8");
}

void refuse_size(std::uint64_t model_bytes, const std::string& external, const ExternalRoom& room) {
  std::string advice = "leave tensors out";
  if (external == "never") advice = "use --out-opt external=auto, or leave tensors out";
  if (external != "never" && room.bytes() > 0) {
    advice =
        "lower --out-opt external_threshold, or leave tensors out (strings always stay in the "
        "model)";
  }
  throw Error(ErrorCode::output, "too_large",
              "the model would take " + std::to_string(model_bytes) + " bytes, ONNX allows " +
                  std::to_string(kMessageLimit) + ": " + advice);
}

}  // namespace tensorferry::onnx
