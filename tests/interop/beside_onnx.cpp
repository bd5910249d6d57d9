// A program that uses ONNX and protobuf itself, and tensorferry for the same model and for a
// checkpoint. Usage: program MODEL.onnx COPY.onnx CHECKPOINT
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <tensorferry/tensorferry.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

namespace {

std::string with_tensorferry(const char* path) {
  const tensorferry::Manifest manifest = tensorferry::read(path);
  char text[100];
  std::snprintf(text, sizeof text, "%zu tensors, dense/kernel %.9g", manifest.tensors.size(),
                static_cast<double>(tensorferry::load<float>(manifest.at("dense/kernel")).at(0)));
  return text;
}

/// Written with tensorferry's own messages.
void copy_with_tensorferry(const char* from, const char* to) {
  tensorferry::ConvertOptions options;
  options.run.overwrite = true;
  tensorferry::convert(from, to, options);
}

std::string with_onnx(const char* path) {
  onnx::ModelProto model;
  std::ifstream file(path, std::ios::binary);
  if (!model.ParseFromIstream(&file)) throw std::runtime_error("onnx cannot parse it");
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    if (tensor.name() != "dense/kernel") continue;
    float first = 0;
    std::memcpy(&first, tensor.raw_data().data(), sizeof first);
    char text[100];
    std::snprintf(text, sizeof text, "%d tensors, dense/kernel %.9g",
                  model.graph().initializer_size(), static_cast<double>(first));
    return text;
  }
  throw std::runtime_error("onnx finds no dense/kernel");
}

void check_own_model() {
  onnx::ModelProto model;
  model.set_ir_version(7);
  model.add_opset_import()->set_version(13);
  model.mutable_graph()->set_name("own");
  onnx::TensorProto* tensor = model.mutable_graph()->add_initializer();
  tensor->set_name("one");
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  tensor->add_dims(1);
  tensor->add_float_data(1);
  onnx::checker::check_model(model);
  onnx::ModelProto again;
  if (!again.ParseFromString(model.SerializeAsString()) || again.graph().name() != "own")
    throw std::runtime_error("its own model does not come back");
}

}  // namespace

int main(int, char** arguments) try {
  const std::string ours = with_tensorferry(arguments[1]);
  const std::string theirs = with_onnx(arguments[1]);
  std::printf("tensorferry: %s\nonnx: %s\n", ours.c_str(), theirs.c_str());
  for (int i = 0; i < 2; ++i) {
    check_own_model();
    copy_with_tensorferry(arguments[1], arguments[2]);
    std::printf("onnx: %s in the copy\n", with_onnx(arguments[2]).c_str());
    std::printf("checkpoint: %zu tensors\n", tensorferry::read(arguments[3]).tensors.size());
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
