#include "capi/handles.h"

using namespace tensorferry;

#define TENSORFERRY_TEXT(number) #number
#define TENSORFERRY_DOTTED(major, minor, patch) \
  TENSORFERRY_TEXT(major) "." TENSORFERRY_TEXT(minor) "." TENSORFERRY_TEXT(patch)

const char* tensorferry_version(void) {
  return TENSORFERRY_DOTTED(TENSORFERRY_VERSION_MAJOR, TENSORFERRY_VERSION_MINOR,
                            TENSORFERRY_VERSION_PATCH);
}

int tensorferry_convert(const char* source, const char* target, const tensorferry_options* options,
                        tensorferry_receipt* receipt) {
  return capi::guarded([&] {
    capi::require(source, "source");
    capi::require(target, "target");
    constexpr std::size_t least = offsetof(tensorferry_receipt, verified) + sizeof(std::int32_t);
    if (receipt != nullptr && receipt->struct_size < least)
      capi::bad_argument("struct_size", "struct_size is not set, or too small");
    ConvertOptions given;
    if (options != nullptr) {
      given = options->convert;
      given.run.cancel = &options->cancel;
      if (options->on_progress != nullptr) {
        given.run.progress = [options](const Progress& at) {
          options->on_progress(options->progress_user, at.bytes_done, at.bytes_total,
                               at.reading_back ? 1 : 0);
        };
      }
    }
    const Receipt done = convert(source, target, given);
    capi::give_notes(options, done.notes);
    if (receipt == nullptr) return;
    tensorferry_receipt filled{};
    filled.tensors = done.tensors;
    filled.bytes = done.bytes;
    filled.output_bytes = done.output_bytes;
    filled.aliases = done.aliases;
    filled.damaged = done.damaged.size();
    filled.seconds = done.seconds;
    filled.verified = done.verified ? 1 : 0;
    capi::give(filled, least, receipt);
  });
}
