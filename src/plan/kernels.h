// What happens to elements between the source's form and the target's, a buffer at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensorferry/dtype.h"

namespace tensorferry {

/// Reverses the bytes of each `component_bytes` unit in place. `bytes` is a whole number of units.
void swap_bytes(std::span<std::byte> bytes, std::uint32_t component_bytes);

/// Brings elements of one byte or more, already little-endian, to the representation, in place:
/// bool becomes 0 or 1, sub-byte types lose their upper bits, the padding of longdouble becomes
/// zero. Returns how many bool bytes were neither 0 nor 1.
std::uint64_t normalise(DType dtype, std::span<std::byte> bytes);

/// int2 and int4 codes as int8 values, in place.
void sign_extend(DType dtype, std::span<std::byte> codes);

/// Codes, one a byte, into a stream of info(dtype).bits each, the first in the lowest bits; the
/// tail is zero. `packed` holds encoded_bytes(dtype, Codec::packed, codes.size()).
void pack_bits(DType dtype, std::span<const std::byte> codes, std::span<std::byte> packed);

/// Undoes pack_bits; `first_bit` of `packed` is where the first element begins.
void unpack_bits(DType dtype, std::span<const std::byte> packed, std::uint32_t first_bit,
                 std::span<std::byte> codes);

/// The number of elements at whose multiples a tensor can be cut: one, or eight where elements
/// share bytes.
std::uint64_t cut_elements(Codec stored, Codec target);

}  // namespace tensorferry
