#include "tensorferry/format.h"

#include <algorithm>
#include <array>

#include "hdf5_reader.h"
#include "hdf5_writer.h"
#include "keras_shards.h"
#include "superblock.h"

namespace tensorferry {
namespace {

// A `.keras` file: a zip archive whose directory, at its end, names the weights (Keras 3's
// saving_lib.py).
bool is_keras_archive(const Probe& probe) {
  if (!probe.prefix.starts_with(std::string_view("PK\x03\x04", 4))) return false;
  return probe.suffix.find("model.weights.h5") != std::string_view::npos ||
         probe.extension == ".keras";
}

// The superblock stands at 0, or at 512, 1024, 2048, ... behind a user block (HDF5 File Format
// Specification 3.0, II.A).
Match probe(const Probe& probe) {
  if (is_keras_archive(probe) || hdf5::is_keras_index(probe)) return Match::exact;
  for (std::uint64_t at = 0; at <= probe.size && probe.size - at >= hdf5::kFileSignature.size();
       at = std::max<std::uint64_t>(512, at * 2)) {
    if (at + hdf5::kFileSignature.size() <= probe.prefix.size()) {
      if (probe.prefix.substr(static_cast<std::size_t>(at), hdf5::kFileSignature.size()) ==
          hdf5::kFileSignature) {
        return Match::container;
      }
    } else if (probe.input.kind() != Input::Kind::file) {
      break;
    } else if (probe.input.file()->read_string(at, hdf5::kFileSignature.size()) ==
               hdf5::kFileSignature) {
      return Match::container;
    }
    if (at > probe.size / 2) break;
  }
  return Match::no;
}

}  // namespace

Format make_hdf5_format() {
  using Kind = OptionSpec::Kind;
  Format format;
  format.name = "hdf5";
  format.title = "HDF5 file, and what Keras keeps in them";
  format.extensions = {".h5", ".hdf5"};
  format.claims_name = [](std::string_view leaf) { return leaf.ends_with(".keras"); };
  format.aliases = {"h5", "hdf"};
  format.advice = {
      {"keras", "Keras models are read as hdf5 but not written; --to hdf5 writes the weights"}};
  format.probe = probe;
  format.read_options = {
      {"names",
       Kind::choice,
       "auto",
       "what tensors are called: raw = paths in the file; keras = as Keras does, where it wrote "
       "the "
       "file; object and auto = the same as keras",
       {"auto", "raw", "object", "keras"}},
      {"layout",
       Kind::choice,
       "auto",
       "the order and names of Keras where its layout is found, none of it, or an error without it",
       {"auto", "plain", "keras"}},
      {"dtype", Kind::text, "", "what opaque elements of that size are, such as float8_e4m3fn"},
      {"allow_fill", Kind::boolean, "false",
       "for older scripts, without effect: what was never written has the fill value"},
  };
  format.write_options = {
      {"compression",
       Kind::choice,
       "none",
       "compress every tensor that has elements and dimensions",
       {"none", "gzip"}},
      {"level", Kind::integer, "", "of gzip: 0 (none) to 9 (slow); 4 when not given"},
      {"shuffle", Kind::boolean, "",
       "of gzip: group the bytes of equal significance first, which compresses better; true when "
       "not given"},
      {"chunk", Kind::bytes, "",
       "of gzip: bytes that are compressed together; 512K when not given"},
  };
#ifdef TENSORFERRY_UNAVAILABLE
  format.unavailable = TENSORFERRY_UNAVAILABLE;
#else
  format.reader = make_hdf5_reader();
  format.writer = make_hdf5_writer();
#endif
  return format;
}

}  // namespace tensorferry
