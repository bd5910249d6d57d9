#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "capi/handles.h"
#include "temp_folder.h"
#include "tensorferry/c_api.h"
#include "tensorferry/dtype.h"

namespace {

constexpr const char* kManifest = R"({"tensorferry":1,"tensors":[
  {"name":"w","dtype":"float32","shape":[2,3],"file":"data"},
  {"name":"text","dtype":"string","shape":[2],"file":"text","length":21},
  {"name":"lost","dtype":"int8","shape":[4],"file":"gone"},
  {"name":"n\u0000l","dtype":"uint8","shape":[],"file":"data","length":1}]})";

struct Fixture {
  Fixture() {
    folder.write("m/manifest.json", kManifest);
    const float values[] = {0.5F, 1, 1.5F, 2, 2.5F, 3};
    folder.write("m/data", std::string(reinterpret_cast<const char*>(values), sizeof values));
    folder.write("m/text", std::string("\1\0\0\0\0\0\0\0a\4\0\0\0\0\0\0\0b\0cd", 21));
    source = (folder / "m").string();
    REQUIRE(tensorferry_open(source.c_str(), nullptr, &model) == 0);
    REQUIRE(tensorferry_options_new(&options) == 0);
  }
  ~Fixture() {
    tensorferry_close(model);
    tensorferry_options_free(options);
  }
  tensorferry_tensor tensor(std::size_t index) const {
    tensorferry_tensor tensor{};
    tensor.struct_size = sizeof tensor;
    CHECK(tensorferry_get_tensor(model, index, &tensor) == 0);
    return tensor;
  }
  int set(const char* name, const char* value = nullptr) {
    return tensorferry_options_set(options, name, value);
  }

  TempFolder folder;
  std::string source;
  tensorferry_model* model = nullptr;
  tensorferry_options* options = nullptr;
};

void check_failed(int code, int expected, const std::string& id) {
  CHECK(code == expected);
  CHECK(tensorferry_error_code() == expected);
  CHECK(tensorferry_error_id() == id);
  CHECK(std::strlen(tensorferry_error_message()) > 0);
}

}  // namespace

TEST_CASE("the codes of dtypes in C are those of C++, and stay") {
  struct Row {
    int code;
    const char* name;
  };
  for (const Row& row : std::initializer_list<Row>{{TENSORFERRY_BOOL, "bool"},
                                                   {TENSORFERRY_INT2, "int2"},
                                                   {TENSORFERRY_INT64, "int64"},
                                                   {TENSORFERRY_UINT2, "uint2"},
                                                   {TENSORFERRY_UINT64, "uint64"},
                                                   {TENSORFERRY_FLOAT4_E2M1FN, "float4_e2m1fn"},
                                                   {TENSORFERRY_FLOAT8_E4M3FN, "float8_e4m3fn"},
                                                   {TENSORFERRY_FLOAT8_E8M0FNU, "float8_e8m0fnu"},
                                                   {TENSORFERRY_FLOAT16, "float16"},
                                                   {TENSORFERRY_BFLOAT16, "bfloat16"},
                                                   {TENSORFERRY_FLOAT32, "float32"},
                                                   {TENSORFERRY_FLOAT64, "float64"},
                                                   {TENSORFERRY_LONGDOUBLE, "longdouble"},
                                                   {TENSORFERRY_COMPLEX128, "complex128"},
                                                   {TENSORFERRY_QINT8, "qint8"},
                                                   {TENSORFERRY_QINT32, "qint32"},
                                                   {TENSORFERRY_STRING, "string"},
                                                   {TENSORFERRY_VARIANT, "variant"},
                                                   {TENSORFERRY_RESOURCE, "resource"}}) {
    CAPTURE(row.name);
    CHECK(tensorferry::to_string(static_cast<tensorferry::DType>(row.code)) == row.name);
  }
  CHECK(TENSORFERRY_UNKNOWN == static_cast<int>(tensorferry::DType::unknown));
}

TEST_CASE_FIXTURE(Fixture, "C: tensors are described, names may hold NUL, problems are told") {
  CHECK(tensorferry_tensor_count(model) == 4);
  const tensorferry_tensor w = tensor(0);
  CHECK(std::string(w.name) == "w");
  CHECK(w.dtype == TENSORFERRY_FLOAT32);
  CHECK(std::string(w.dtype_name) == "float32");
  CHECK(w.rank == 2);
  CHECK(w.shape[0] == 2);
  CHECK(w.shape[1] == 3);
  CHECK(w.elements == 6);
  CHECK(w.bytes == 24);
  CHECK(w.element_bytes == 4);
  CHECK(std::string(w.role) == "weight");
  CHECK(w.problem_code == 0);
  const tensorferry_tensor lost = tensor(2);
  CHECK(lost.problem_code == 6);
  CHECK(std::string(lost.problem_id) == "input.missing");
  CHECK(std::string(lost.problem_message).find("gone") != std::string::npos);
  const tensorferry_tensor nul = tensor(3);
  CHECK(std::string(nul.name, nul.name_length) == std::string("n\0l", 3));
  std::size_t index = 0;
  CHECK(tensorferry_find(model, "n\0l", 3, &index) == 0);
  CHECK(index == 3);
  check_failed(tensorferry_find(model, "n", 1, &index), 2, "usage.no_such_tensor");
  tensorferry_tensor out{};
  check_failed(tensorferry_get_tensor(model, 0, &out), 2, "usage.struct_size");
  out.struct_size = sizeof out;
  check_failed(tensorferry_get_tensor(model, 4, &out), 2, "usage.no_such_tensor");
}

TEST_CASE_FIXTURE(Fixture, "C: what is behind the caller's struct stays as it is") {
  struct {
    tensorferry_tensor known;
    char next[8];
  } later;
  std::memset(&later, 0x55, sizeof later);
  later.known.struct_size = sizeof later;  // of a header that is newer than the library
  CHECK(tensorferry_get_tensor(model, 0, &later.known) == 0);
  CHECK(later.known.struct_size == sizeof later);
  CHECK(std::string(later.next, sizeof later.next) == std::string(8, 0x55));
}

TEST_CASE_FIXTURE(Fixture, "C: elements are read whole, in part and as a stream") {
  float values[6] = {};
  CHECK(tensorferry_read(model, 0, 0, 6, values, sizeof values) == 0);
  CHECK(values[0] == 0.5F);
  CHECK(values[5] == 3.0F);
  CHECK(tensorferry_read(model, 0, 4, 2, values, 8) == 0);
  CHECK(values[0] == 2.5F);
  CHECK(values[2] == 1.5F);  // behind the range: untouched
  CHECK(tensorferry_read(model, 0, 6, 0, nullptr, 0) == 0);
  check_failed(tensorferry_read(model, 0, 5, 2, values, sizeof values), 2, "usage.range");
  check_failed(tensorferry_read(model, 0, ~std::uint64_t{0}, 2, values, 8), 2, "usage.range");
  check_failed(tensorferry_read(model, 0, 0, 6, values, 23), 2, "usage.buffer");
  check_failed(tensorferry_read(model, 0, 0, 6, nullptr, 24), 2, "usage.null");
  check_failed(tensorferry_read(model, 1, 0, 1, values, 24), 2, "usage.dtype");
  check_failed(tensorferry_read(model, 2, 0, 4, values, 24), 6, "input.missing");
  check_failed(tensorferry_read(nullptr, 0, 0, 1, values, 24), 2, "usage.null");

  tensorferry_stream* stream = nullptr;
  REQUIRE(tensorferry_stream_open(model, 0, 1, 5, &stream) == 0);
  tensorferry_close(model);  // the stream stands by itself
  model = nullptr;
  std::size_t got = 0, total = 0;
  char bytes[16];
  do {
    CHECK(tensorferry_stream_read(stream, bytes, sizeof bytes, &got) == 0);
    total += got;
  } while (got > 0);
  CHECK(total == 20);
  check_failed(tensorferry_stream_read(stream, bytes, 0, &got), 2, "usage.buffer");
  tensorferry_stream_close(stream);
}

TEST_CASE_FIXTURE(Fixture, "C: strings come with their lengths") {
  tensorferry_strings* strings = nullptr;
  REQUIRE(tensorferry_read_strings(model, 1, &strings) == 0);
  CHECK(tensorferry_strings_count(strings) == 2);
  std::size_t length = 0;
  const char* text = tensorferry_strings_at(strings, 1, &length);
  CHECK(std::string(text, length) == std::string("b\0cd", 4));
  CHECK(tensorferry_strings_at(strings, 2, &length) == nullptr);
  tensorferry_strings_free(strings);
  check_failed(tensorferry_read_strings(model, 0, &strings), 2, "usage.dtype");
  CHECK(strings == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "C: options are those of the command line") {
  check_failed(set("overwrit"), 2, "usage.unknown_option");
  CHECK(std::string(tensorferry_error_message()).find("overwrite") != std::string::npos);
  check_failed(set("overwrite", "yes"), 2, "usage.bad_option");
  check_failed(set("threads", "many"), 2, "usage.bad_value");
  check_failed(set("memory-limit", "12Q"), 2, "usage.bad_value");
  check_failed(set("in-opt", "shape"), 2, "usage.bad_option");
  check_failed(set("limit", "colour=1"), 2, "usage.bad_option");
  check_failed(set("unmapped", "keep"), 2, "usage.bad_option");
  check_failed(set("cast-overflow", "wrap"), 2, "usage.bad_value");
  CHECK(set("limit", "rank=1") == 0);
  tensorferry_model* limited = nullptr;
  check_failed(tensorferry_open(source.c_str(), options, &limited), 5, "unsafe.limit");
  CHECK(limited == nullptr);

  // scope, include and exclude; an edit; text of the writer's option
  const std::string target = (folder / "out.npz").string();
  tensorferry_options* some = nullptr;
  REQUIRE(tensorferry_options_new(&some) == 0);
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"include", "w"}, {"include", "text"}, {"exclude", "t*"}, {"rename", "^w$=kernel"}})
    CHECK(tensorferry_options_set(some, name, value) == 0);
  tensorferry_receipt receipt{};
  receipt.struct_size = sizeof receipt;
  REQUIRE(tensorferry_convert(source.c_str(), target.c_str(), some, &receipt) == 0);
  CHECK(receipt.tensors == 1);
  CHECK(receipt.bytes == 24);
  check_failed(tensorferry_convert(source.c_str(), target.c_str(), some, nullptr), 7,
               "output.exists");
  CHECK(tensorferry_options_set(some, "overwrite", nullptr) == 0);
  CHECK(tensorferry_convert(source.c_str(), target.c_str(), some, nullptr) == 0);
  tensorferry_options_free(some);
  tensorferry_model* written = nullptr;
  REQUIRE(tensorferry_open(target.c_str(), nullptr, &written) == 0);
  std::size_t index = 9;
  CHECK(tensorferry_find(written, "kernel", 6, &index) == 0);
  tensorferry_close(written);
}

TEST_CASE_FIXTURE(Fixture, "C: progress, notes and cancelling") {
  struct Seen {
    std::uint64_t done = 0, total = 0;
    std::vector<std::string> notes;
  } seen;
  tensorferry_options_on_progress(
      options,
      [](void* user, std::uint64_t done, std::uint64_t total, int) {
        static_cast<Seen*>(user)->done = done;
        static_cast<Seen*>(user)->total = total;
      },
      &seen);
  tensorferry_options_on_note(
      options,
      [](void* user, const char* id, const char*) {
        static_cast<Seen*>(user)->notes.emplace_back(id);
      },
      &seen);
  CHECK(set("salvage") == 0);
  const std::string target = (folder / "out.npz").string();
  tensorferry_receipt receipt{};
  receipt.struct_size = sizeof receipt;
  REQUIRE(tensorferry_convert(source.c_str(), target.c_str(), options, &receipt) == 0);
  CHECK(receipt.damaged == 1);
  CHECK(std::count(seen.notes.begin(), seen.notes.end(), "salvage.left_out") == 1);
  CHECK(seen.total > 0);
  CHECK(seen.done == seen.total);

  tensorferry_options_cancel(options);
  const std::string other = (folder / "other.npz").string();
  check_failed(tensorferry_convert(source.c_str(), other.c_str(), options, nullptr), 6,
               "input.cancelled");
  CHECK(!std::filesystem::exists(other));
}

TEST_CASE_FIXTURE(Fixture, "C: NULL is refused, each thread has its own last error") {
  tensorferry_model* refused = nullptr;
  check_failed(tensorferry_open(nullptr, nullptr, &refused), 2, "usage.null");
  CHECK(refused == nullptr);
  check_failed(tensorferry_open("x", nullptr, nullptr), 2, "usage.null");
  check_failed(tensorferry_convert("x", nullptr, nullptr, nullptr), 2, "usage.null");
  std::thread([] {
    CHECK(tensorferry_error_code() == 0);
    CHECK(std::string(tensorferry_error_id()).empty());
    tensorferry_model* none = nullptr;
    check_failed(tensorferry_open("/there/is/nothing", nullptr, &none), 6, "input.missing");
  }).join();
  CHECK(std::string(tensorferry_error_id()) == "usage.null");
  tensorferry_close(nullptr);
  tensorferry_options_free(nullptr);
  tensorferry_stream_close(nullptr);
  tensorferry_strings_free(nullptr);
}

TEST_CASE("C: no exception crosses the border") {
  using tensorferry::capi::guarded;
  check_failed(guarded([] { throw std::bad_alloc(); }), 8, "resources.memory");
  check_failed(guarded([] { throw std::runtime_error("odd"); }), 70, "internal.exception");
  CHECK(std::string(tensorferry_error_message()) == "odd");
  check_failed(guarded([] { throw 1; }), 70, "internal.exception");
  const tensorferry::Error error(tensorferry::ErrorCode::corrupt, "truncated", "too short");
  check_failed(guarded([&] { throw error.in_file("f").in_tensor("t"); }), 3, "corrupt.truncated");
  CHECK(std::string(tensorferry_error_message()) == "f: tensor \"t\": too short");
}
