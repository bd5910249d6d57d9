#include "capi/handles.h"

using namespace tensorferry;

namespace {

const Tensor& tensor_at(const tensorferry_model* model, std::size_t index) {
  capi::require(model, "model");
  const auto& tensors = model->manifest.tensors;
  if (index >= tensors.size())
    capi::bad_argument("no_such_tensor", "there is no tensor " + std::to_string(index) + " of " +
                                             std::to_string(tensors.size()));
  return tensors[index];
}

/// The stream of elements that all exist.
std::unique_ptr<ByteStream> open_range(const Tensor& tensor, std::uint64_t first,
                                       std::uint64_t count) {
  if (tensor.problem) throw Error(*tensor.problem);
  if (!is_fixed_size(tensor.dtype))
    throw Error(ErrorCode::usage, "dtype",
                std::string(to_string(tensor.dtype)) + " has no elements of a fixed size")
        .in_tensor(tensor.name);
  const std::uint64_t elements = tensor.elements();
  if (first > elements || count > elements - first)
    throw Error(ErrorCode::usage, "range",
                "elements from " + std::to_string(first) + " on, " + std::to_string(count) +
                    " of them: it has " + std::to_string(elements))
        .in_tensor(tensor.name);
  return open_stream(tensor, first, count);
}

tensorferry_tensor describe(const tensorferry_model& model, std::size_t index) {
  const Tensor& tensor = tensor_at(&model, index);
  tensorferry_tensor text{};
  text.name = tensor.name.c_str();
  text.name_length = tensor.name.size();
  text.dtype = static_cast<std::int32_t>(tensor.dtype);
  text.dtype_name = to_string(tensor.dtype).data();
  text.rank = static_cast<std::uint32_t>(tensor.shape.size());
  text.shape = tensor.shape.data();
  text.element_bytes = info(tensor.dtype).bytes;
  text.bookkeeping = tensor.bookkeeping ? 1 : 0;
  text.role = to_string(tensor.role).data();
  text.problem_id = text.problem_message = "";
  const auto problem = model.problems.find(index);
  if (problem == model.problems.end()) {
    text.elements = tensor.elements();
    text.bytes = tensor.bytes();
    return text;
  }
  text.problem_code = static_cast<std::int32_t>(tensor.problem->code());
  text.problem_id = problem->second.id.c_str();
  text.problem_message = problem->second.message.c_str();
  try {
    text.elements = tensor.elements();
    text.bytes = tensor.bytes();
  } catch (const Error&) {
    text.elements = text.bytes = 0;  // the problem is that they overflow
  }
  return text;
}

}  // namespace

int tensorferry_open(const char* path, const tensorferry_options* options,
                     tensorferry_model** model) {
  return capi::guarded([&] {
    capi::require(model, "model");
    *model = nullptr;
    capi::require(path, "path");
    const ReadOptions given = options == nullptr ? ReadOptions{} : options->convert.read;
    auto opened = std::make_unique<tensorferry_model>();
    opened->manifest = read(path, given);
    opened->limits = given.limits;
    for (std::size_t i = 0; i < opened->manifest.tensors.size(); ++i) {
      if (const Problem& problem = opened->manifest.tensors[i].problem)
        opened->problems[i] = {problem->id(), capi::message_of(*problem)};
    }
    capi::give_notes(options, opened->manifest.notes);
    *model = opened.release();
  });
}

void tensorferry_close(tensorferry_model* model) { delete model; }

size_t tensorferry_tensor_count(const tensorferry_model* model) {
  return model == nullptr ? 0 : model->manifest.tensors.size();
}

int tensorferry_get_tensor(const tensorferry_model* model, size_t index,
                           tensorferry_tensor* tensor) {
  return capi::guarded([&] {
    capi::require(model, "model");
    capi::require(tensor, "tensor");
    constexpr std::size_t least = offsetof(tensorferry_tensor, problem_message) + sizeof(char*);
    capi::give(describe(*model, index), least, tensor);
  });
}

int tensorferry_find(const tensorferry_model* model, const char* name, size_t name_length,
                     size_t* index) {
  return capi::guarded([&] {
    capi::require(model, "model");
    capi::require(name, "name");
    capi::require(index, "index");
    const Tensor& found = model->manifest.at(std::string_view(name, name_length));
    *index = static_cast<std::size_t>(&found - model->manifest.tensors.data());
  });
}

int tensorferry_read(const tensorferry_model* model, size_t index, uint64_t first, uint64_t count,
                     void* buffer, size_t size) {
  return capi::guarded([&] {
    const Tensor& tensor = tensor_at(model, index);
    const auto stream = open_range(tensor, first, count);
    const std::uint64_t bytes = encoded_bytes(tensor.dtype, Codec::plain, count);
    if (bytes > size)
      throw Error(ErrorCode::usage, "buffer",
                  std::to_string(bytes) + " bytes do not fit in " + std::to_string(size))
          .in_tensor(tensor.name);
    if (bytes > 0) capi::require(buffer, "buffer");
    std::span<std::byte> rest(static_cast<std::byte*>(buffer), static_cast<std::size_t>(bytes));
    while (const std::size_t n = stream->read(rest)) rest = rest.subspan(n);
  });
}

int tensorferry_stream_open(const tensorferry_model* model, size_t index, uint64_t first,
                            uint64_t count, tensorferry_stream** stream) {
  return capi::guarded([&] {
    capi::require(stream, "stream");
    *stream = nullptr;
    auto opened = open_range(tensor_at(model, index), first, count);
    *stream = new tensorferry_stream{std::move(opened)};
  });
}

int tensorferry_stream_read(tensorferry_stream* stream, void* buffer, size_t size, size_t* got) {
  return capi::guarded([&] {
    capi::require(stream, "stream");
    capi::require(got, "got");
    *got = 0;
    if (size == 0) capi::bad_argument("buffer", "a buffer of no bytes");
    capi::require(buffer, "buffer");
    *got = stream->bytes->read(std::span(static_cast<std::byte*>(buffer), size));
  });
}

void tensorferry_stream_close(tensorferry_stream* stream) { delete stream; }

int tensorferry_read_strings(const tensorferry_model* model, size_t index,
                             tensorferry_strings** strings) {
  return capi::guarded([&] {
    capi::require(strings, "strings");
    *strings = nullptr;
    auto values = load_strings(tensor_at(model, index), model->limits);
    *strings = new tensorferry_strings{std::move(values)};
  });
}

size_t tensorferry_strings_count(const tensorferry_strings* strings) {
  return strings == nullptr ? 0 : strings->values.size();
}

const char* tensorferry_strings_at(const tensorferry_strings* strings, size_t index,
                                   size_t* length) {
  if (length != nullptr) *length = 0;
  if (strings == nullptr || index >= strings->values.size()) return nullptr;
  if (length != nullptr) *length = strings->values[index].size();
  return strings->values[index].c_str();
}

void tensorferry_strings_free(tensorferry_strings* strings) { delete strings; }
