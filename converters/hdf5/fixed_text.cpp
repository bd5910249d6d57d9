#include "fixed_text.h"

namespace tensorferry::hdf5 {

std::vector<std::string> split_fixed_texts(std::string_view all, std::size_t bytes,
                                           TextPadding padding) {
  std::vector<std::string> texts;
  texts.reserve(all.size() / bytes);
  for (; all.size() >= bytes; all.remove_prefix(bytes)) {
    std::string_view text = all.substr(0, bytes);
    if (padding == TextPadding::terminated) {
      text = text.substr(0, text.find('\0'));
    } else {
      const char filler = padding == TextPadding::spaces ? ' ' : '\0';
      const std::size_t last = text.find_last_not_of(filler);
      text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    }
    texts.emplace_back(text);
  }
  return texts;
}

}  // namespace tensorferry::hdf5
