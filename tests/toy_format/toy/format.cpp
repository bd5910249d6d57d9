// A toy: one tensor a file, `TOY DTYPE EXTENT,EXTENT NAME` on a line, then the elements. It shows
// all that a new format needs.
#include "tensorferry/format.h"

namespace tensorferry {

std::shared_ptr<const Reader> make_toy_reader();
std::shared_ptr<const Writer> make_toy_writer();

Format make_toy_format() {
  Format format;
  format.name = "toy";
  format.title = "toy file";
  format.extensions = {".toy"};
  format.probe = [](const Probe& probe) {
    return probe.prefix.starts_with("TOY ") ? Match::exact : Match::no;
  };
  format.reader = make_toy_reader();
  format.writer = make_toy_writer();
  return format;
}

}  // namespace tensorferry
