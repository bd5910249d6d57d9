#include "described_tensor.h"

#include "core/carriers.h"
#include "encoding.h"
#include "matlab.h"
#include "string_rows.h"

namespace tensorferry::hdf5 {
namespace {

Piece piece_of(const SharedFile& shared, DescribedDataset& described, const Limits& limits) {
  FileRange range = range_of(shared, std::move(described.elements));
  Piece piece;
  switch (described.form) {
    case StoredType::Form::elements:
    case StoredType::Form::opaque:
      piece.origin = std::move(range);
      break;
    case StoredType::Form::fixed_text:
      if (described.text_bytes == 0)
        throw Error(ErrorCode::corrupt, "hdf5", "its strings have no bytes");
      piece.origin = fixed_strings(std::move(range), described.text_bytes, described.padding);
      break;
    case StoredType::Form::rows:
      piece.origin = string_rows(shared, described.base, std::move(range), described.ends_at_nul,
                                 limits.string_bytes);
      break;
  }
  return piece;
}

void restore_dtype(Tensor& tensor, const std::string& word, std::vector<Note>& notes) {
  const auto dtype = dtype_from_name(word);
  if (dtype == tensor.dtype) return;
  std::string why = "it is not known";
  if (dtype) {
    const auto encoding = encoding_of(*dtype);
    why = encoding ? restore_carried(tensor, {*dtype, encoding->carrier, tensor.shape})
                   : "HDF5 cannot hold it";
  }
  if (why.empty()) return;
  notes.push_back({"hdf5.stale_dtype", printable(tensor.name) + " is tagged " + printable(word) +
                                           ", which is not applied: " + why});
}

}  // namespace

Tensor tensor_of(const SharedFile& shared, DescribedDataset described, const Limits& limits,
                 std::vector<Note>& notes) {
  Tensor tensor;
  tensor.name = std::move(described.name);
  tensor.dtype = described.dtype;
  tensor.shape = std::move(described.shape);
  tensor.attributes = std::move(described.attributes);
  try {
    if (described.problem) throw Error(*described.problem);
    tensor.stored.order = described.big_endian ? std::endian::big : std::endian::little;
    tensor.stored.pieces.push_back(piece_of(shared, described, limits));
    restore_matlab_empty(tensor);
    if (described.dtype_tag) restore_dtype(tensor, *described.dtype_tag, notes);
  } catch (const Error& error) {
    tensor.stored = {};
    tensor.problem = error;
  }
  return tensor;
}

}  // namespace tensorferry::hdf5
