// What util/wire_check.h asks. Made by tools/make_wire_schema.py, which says what it means.
#pragma once

#include <string_view>

namespace tensorferry::onnx {

// clang-format off
inline constexpr std::string_view kWireSchema = R"(
ModelProto 7=GraphProto 8=OperatorSetIdProto 14=StringStringEntryProto 20=TrainingInfoProto 25=FunctionProto 26=DeviceConfigurationProto
GraphProto 1=NodeProto 5=TensorProto 11=ValueInfoProto 12=ValueInfoProto 13=ValueInfoProto 14=TensorAnnotation 15=SparseTensorProto 16=StringStringEntryProto
OperatorSetIdProto
StringStringEntryProto
TrainingInfoProto 1=GraphProto 2=GraphProto 3=StringStringEntryProto 4=StringStringEntryProto
FunctionProto 7=NodeProto 9=OperatorSetIdProto 11=AttributeProto 12=ValueInfoProto 14=StringStringEntryProto
DeviceConfigurationProto
NodeProto 5=AttributeProto 9=StringStringEntryProto 10=NodeDeviceConfigurationProto
TensorProto 1=varints 3=TensorProto.Segment 4=fixed32s 5=varints 7=varints 10=fixed64s 11=varints 13=StringStringEntryProto 16=StringStringEntryProto
ValueInfoProto 2=TypeProto 4=StringStringEntryProto
TensorAnnotation 2=StringStringEntryProto
SparseTensorProto 1=TensorProto 2=TensorProto 3=varints
AttributeProto 5=TensorProto 6=GraphProto 7=fixed32s 8=varints 10=TensorProto 11=GraphProto 14=TypeProto 15=TypeProto 22=SparseTensorProto 23=SparseTensorProto
NodeDeviceConfigurationProto 2=ShardingSpecProto
TensorProto.Segment
TypeProto 1=TypeProto.Tensor 4=TypeProto.Sequence 5=TypeProto.Map 7=TypeProto.Opaque 8=TypeProto.SparseTensor 9=TypeProto.Optional
ShardingSpecProto 2=varints 3=IntIntListEntryProto 4=ShardedDimProto
TypeProto.Tensor 2=TensorShapeProto
TypeProto.Sequence 1=TypeProto
TypeProto.Map 2=TypeProto
TypeProto.Opaque
TypeProto.SparseTensor 2=TensorShapeProto
TypeProto.Optional 1=TypeProto
IntIntListEntryProto 2=varints
ShardedDimProto 2=SimpleShardedDimProto
TensorShapeProto 1=TensorShapeProto.Dimension
SimpleShardedDimProto
TensorShapeProto.Dimension
)";
// clang-format on

}  // namespace tensorferry::onnx
