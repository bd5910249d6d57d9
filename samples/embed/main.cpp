// What the library is for, in three short functions. Usage: embed SAMPLES OUTPUT
#include <tensorferry/tensorferry.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace tf = tensorferry;
namespace fs = std::filesystem;

// (a) One layer's kernel as values: the manifest says what the bytes mean.
void show_kernel(const fs::path& samples) {
  const tf::Manifest manifest = tf::read(samples / "dense_kernel");
  const tf::Tensor& kernel = manifest.at("my_dense_layer/kernel:0");
  const std::vector<float> values = tf::load<float>(kernel);
  std::printf("%s %s %s, first value %g\n", kernel.name.c_str(), tf::to_string(kernel.dtype).data(),
              tf::to_string(kernel.shape).c_str(), static_cast<double>(values.front()));
}

// (b) float32, float64, int32 and bool in one loop.
void show_all(const fs::path& samples) {
  for (const tf::Tensor& tensor : tf::read(samples / "four_dtypes").tensors) {
    const std::vector<std::byte> bytes = tf::load_bytes(tensor);
    std::printf("%s %s %s, %zu bytes\n", tensor.name.c_str(), tf::to_string(tensor.dtype).data(),
                tf::to_string(tensor.shape).c_str(), bytes.size());
  }
}

// (c) All variables of one scope of a TensorFlow checkpoint, as ONNX.
void convert_scope(const fs::path& samples, const fs::path& output) {
  tf::ConvertOptions options;
  options.selection.scope = {"my_dense_layer"};
  options.run.overwrite = true;
  const tf::Receipt receipt = tf::convert(samples / "keras_model", output / "layer.onnx", options);
  std::printf("%llu tensors, %llu bytes\n", static_cast<unsigned long long>(receipt.tensors),
              static_cast<unsigned long long>(receipt.bytes));
}

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: embed SAMPLES OUTPUT\n");
    return 2;
  }
  show_kernel(argv[1]);
  show_all(argv[1]);
  convert_scope(argv[1], argv[2]);
  return 0;
} catch (const tf::Error& error) {
  std::fprintf(stderr, "embed: %s\n", error.what());
  return static_cast<int>(error.code());
}
