#include "npy.h"
#include "npy_wire.h"

namespace tensorferry {
namespace {

Match probe(const Probe& shown) {
  return shown.prefix.starts_with(npy_magic) ? Match::exact : Match::no;
}

}  // namespace

Format make_npy_format() {
  Format format;
  format.name = "npy";
  format.title = "NumPy array file, or a folder of them with a manifest.json";
  format.extensions = {".npy"};
  format.probe = probe;
  format.writer = make_npy_writer();
  return format;
}

}  // namespace tensorferry
