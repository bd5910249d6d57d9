// Tensors of strings as pairs of ordinary tensors, for formats that have no strings of their own.
//
//   NAME, string [2, 2] = "a" "bc" "" "def"   <->   NAME#bytes,   uint8 [6]  = a b c d e f
//                                                   NAME#offsets, int64 [5]  = 0 1 3 3 6
//
// Both carry the attribute tensorferry.carrier = "strpair"; NAME#bytes has the attributes of NAME
// besides and tensorferry.shape = "2,2". Element i is bytes[offsets[i], offsets[i + 1]).
#pragma once

#include "tensorferry/manifest.h"

namespace tensorferry {

/// Every readable tensor of strings becomes its pair, in its place; the strings are loaded. The
/// representation then holds the pair in memory. Throws Error(unsupported.name_taken) listing all
/// derived names that are taken, and what load_strings throws.
Manifest split_strings(Manifest manifest, const Limits& limits = {});

/// Undoes it: tagged pairs become tensors of strings whose bytes are read when they are loaded.
/// Pairs that do not fit together stay as they are, with a note. Runs check(manifest, limits) first
/// when there is a pair, since the pairs are out of its sight afterwards.
Manifest join_strings(Manifest manifest, const Limits& limits = {});

}  // namespace tensorferry
