#include "npz.h"

namespace tensorferry {
namespace {

using namespace std::string_view_literals;

/// The name in the local header at the front; empty when there is none.
std::string_view first_member(std::string_view prefix) {
  constexpr std::size_t kNameLength = 26, kName = 30;
  if (!prefix.starts_with("PK\x03\x04"sv) || prefix.size() < kName) return {};
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(prefix[at]); };
  return prefix.substr(kName, byte(kNameLength) + 256u * byte(kNameLength + 1));
}

Match probe(const Probe& shown) {
  const std::string_view first = first_member(shown.prefix);
  if (first.ends_with(npz_extension)) return Match::exact;
  const bool zip = !first.empty() || shown.prefix.starts_with("PK\x05\x06"sv);
  return zip && shown.extension == ".npz" ? Match::container : Match::no;
}

}  // namespace

Format make_npz_format() {
  using Kind = OptionSpec::Kind;
  Format format;
  format.name = "npz";
  format.title = "NumPy archive of arrays (zip)";
  format.extensions = {".npz"};
  format.read_options = {
      {"dtype", Kind::text, "",
       "what elements are that numpy calls void (|V1, |V2): float8_e4m3fn, ..."},
      {"inflated_limit", Kind::bytes, "",
       "the most that one member may inflate to; 4G or 1032 times its stored size when not given"}};
  format.write_options = {{"compression",
                           Kind::choice,
                           "none",
                           "deflate makes files smaller and writing slow",
                           {"none", "deflate"}},
                          {"level", Kind::integer, "", "of deflate, 1 to 9; 6 when not given"}};
  format.probe = probe;
  format.reader = make_npz_reader();
  format.writer = make_npz_writer();
  return format;
}

}  // namespace tensorferry
