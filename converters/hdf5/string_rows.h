// Strings of variable length, loaded when they are asked for.
#pragma once

#include "dataset_files.h"
#include "fixed_text.h"
#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

/// The elements of a dataset whose type has variable length: text, which ends before the first NUL,
/// or rows of bytes. `references` is what is stored of them; addresses count from `base`. Loading
/// takes at most `most_bytes` of memory, else it throws Error(resources).
Strings string_rows(SharedFile shared, std::uint64_t base, FileRange references, bool text,
                    std::uint64_t most_bytes);

/// The elements of a dataset of fixed-size text, whose bytes are `bytes`.
Strings fixed_strings(FileRange bytes, std::size_t element_bytes, TextPadding padding);

}  // namespace tensorferry::hdf5
