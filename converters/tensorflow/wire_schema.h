// What util/wire_check.h asks. Made by tools/make_wire_schema.py, which says what it means.
#pragma once

#include <string_view>

namespace tensorferry::tensorflow {

// clang-format off
inline constexpr std::string_view kWireSchema = R"(
SavedModel 2=MetaGraphDef
TrackableObjectGraph 1=TrackableObjectGraph.TrackableObject
MetaGraphDef 1=MetaGraphDef.MetaInfoDef 2=GraphDef 3=SaverDef 4=MetaGraphDef.CollectionDefEntry 5=MetaGraphDef.SignatureDefEntry 6=AssetFileDef 7=SavedObjectGraph
TrackableObjectGraph.TrackableObject 1=TrackableObjectGraph.TrackableObject.ObjectReference 2=TrackableObjectGraph.TrackableObject.SerializedTensor 3=TrackableObjectGraph.TrackableObject.SlotVariableReference 4=RegisteredSaver 5=BoolValue
MetaGraphDef.MetaInfoDef 1=utf8 2=OpList 3=Any 4=utf8 5=utf8 6=utf8 8=MetaGraphDef.MetaInfoDef.FunctionAliasesEntry
GraphDef 1=NodeDef 2=FunctionDefLibrary 4=VersionDef 5=GraphDebugInfo
SaverDef 1=utf8 2=utf8 3=utf8
MetaGraphDef.CollectionDefEntry 1=utf8 2=CollectionDef
MetaGraphDef.SignatureDefEntry 1=utf8 2=SignatureDef
AssetFileDef 1=TensorInfo 2=utf8
SavedObjectGraph 1=SavedObject 2=SavedObjectGraph.ConcreteFunctionsEntry
TrackableObjectGraph.TrackableObject.ObjectReference 2=utf8
TrackableObjectGraph.TrackableObject.SerializedTensor 1=utf8 2=utf8 3=utf8
TrackableObjectGraph.TrackableObject.SlotVariableReference 2=utf8
RegisteredSaver 1=utf8 2=utf8
BoolValue
OpList 1=OpDef
Any 1=utf8
MetaGraphDef.MetaInfoDef.FunctionAliasesEntry 1=utf8 2=utf8
NodeDef 1=utf8 2=utf8 3=utf8 4=utf8 5=NodeDef.AttrEntry 6=NodeDef.ExperimentalDebugInfo 7=FullTypeDef
FunctionDefLibrary 1=FunctionDef 2=GradientDef 3=RegisteredGradient
VersionDef 3=varints
GraphDebugInfo 2=GraphDebugInfo.TracesEntry 4=GraphDebugInfo.FramesByIdEntry 5=GraphDebugInfo.NameToTraceIdEntry 6=GraphDebugInfo.TracesByIdEntry
CollectionDef 1=CollectionDef.NodeList 2=CollectionDef.BytesList 3=CollectionDef.Int64List 4=CollectionDef.FloatList 5=CollectionDef.AnyList
SignatureDef 1=SignatureDef.InputsEntry 2=SignatureDef.OutputsEntry 3=utf8 4=SignatureDef.DefaultsEntry
TensorInfo 1=utf8 3=TensorShapeProto 4=TensorInfo.CooSparse 5=TensorInfo.CompositeTensor
SavedObject 1=TrackableObjectGraph.TrackableObject.ObjectReference 3=TrackableObjectGraph.TrackableObject.SlotVariableReference 4=SavedUserObject 5=SavedAsset 6=SavedFunction 7=SavedVariable 8=SavedBareConcreteFunction 9=SavedConstant 10=SavedResource 11=SavedObject.SaveableObjectsEntry 12=CapturedTensor 13=utf8 14=Any 15=TrackableObjectGraph.TrackableObject.ObjectReference 16=utf8
SavedObjectGraph.ConcreteFunctionsEntry 1=utf8 2=SavedConcreteFunction
OpDef 1=utf8 2=OpDef.ArgDef 3=OpDef.ArgDef 4=OpDef.AttrDef 5=utf8 6=utf8 8=OpDeprecation 20=utf8
NodeDef.AttrEntry 1=utf8 2=AttrValue
NodeDef.ExperimentalDebugInfo 1=utf8 2=utf8
FullTypeDef 2=FullTypeDef 3=utf8
FunctionDef 1=OpDef 3=NodeDef 4=FunctionDef.RetEntry 5=FunctionDef.AttrEntry 6=FunctionDef.ControlRetEntry 7=FunctionDef.ArgAttrEntry 8=FunctionDef.ResourceArgUniqueIdEntry
GradientDef 1=utf8 2=utf8
RegisteredGradient 1=utf8 2=utf8
GraphDebugInfo.TracesEntry 2=GraphDebugInfo.StackTrace
GraphDebugInfo.FramesByIdEntry 2=GraphDebugInfo.FileLineCol
GraphDebugInfo.NameToTraceIdEntry
GraphDebugInfo.TracesByIdEntry 2=GraphDebugInfo.StackTrace
CollectionDef.NodeList 1=utf8
CollectionDef.BytesList
CollectionDef.Int64List 1=varints
CollectionDef.FloatList 1=fixed32s
CollectionDef.AnyList 1=Any
SignatureDef.InputsEntry 1=utf8 2=TensorInfo
SignatureDef.OutputsEntry 1=utf8 2=TensorInfo
SignatureDef.DefaultsEntry 1=utf8 2=TensorProto
TensorShapeProto 2=TensorShapeProto.Dim
TensorInfo.CooSparse 1=utf8 2=utf8 3=utf8
TensorInfo.CompositeTensor 1=TypeSpecProto 2=TensorInfo
SavedUserObject 1=utf8 2=VersionDef 3=utf8
SavedAsset
SavedFunction 1=utf8 2=FunctionSpec
SavedVariable 2=TensorShapeProto 6=utf8 7=utf8 8=SavedVariable
SavedBareConcreteFunction 1=utf8 2=utf8 4=FunctionSpec
SavedConstant 1=utf8
SavedResource 1=utf8
SavedObject.SaveableObjectsEntry 1=utf8 2=SaveableObject
CapturedTensor 1=utf8 2=utf8
SavedConcreteFunction 2=varints 3=StructuredValue 4=StructuredValue
OpDef.ArgDef 1=utf8 2=utf8 4=utf8 5=utf8 6=utf8 7=ResourceHandleProto.DtypeAndShape 17=FullTypeDef
OpDef.AttrDef 1=utf8 2=utf8 3=AttrValue 4=utf8 7=AttrValue
OpDeprecation 2=utf8
AttrValue 1=AttrValue.ListValue 7=TensorShapeProto 8=TensorProto 9=utf8 10=NameAttrList
FunctionDef.RetEntry 1=utf8 2=utf8
FunctionDef.AttrEntry 1=utf8 2=AttrValue
FunctionDef.ControlRetEntry 1=utf8 2=utf8
FunctionDef.ArgAttrEntry 2=FunctionDef.ArgAttrs
FunctionDef.ResourceArgUniqueIdEntry
GraphDebugInfo.StackTrace 1=GraphDebugInfo.FileLineCol 2=fixed64s
GraphDebugInfo.FileLineCol
TensorProto 2=TensorShapeProto 5=fixed32s 6=fixed64s 7=varints 9=fixed32s 10=varints 11=varints 12=fixed64s 13=varints 14=ResourceHandleProto 15=VariantTensorDataProto 16=varints 17=varints
TensorShapeProto.Dim 2=utf8
TypeSpecProto 2=StructuredValue 3=utf8
FunctionSpec 1=StructuredValue 5=StructuredValue
SaveableObject
StructuredValue 1=NoneValue 13=utf8 31=TensorShapeProto 33=TensorSpecProto 34=TypeSpecProto 35=BoundedTensorSpecProto 51=ListValue 52=TupleValue 53=DictValue 54=NamedTupleValue 55=TensorProto 56=TensorProto
ResourceHandleProto.DtypeAndShape 2=TensorShapeProto
AttrValue.ListValue 3=varints 4=fixed32s 5=varints 6=varints 7=TensorShapeProto 8=TensorProto 9=NameAttrList
NameAttrList 1=utf8 2=NameAttrList.AttrEntry
FunctionDef.ArgAttrs 1=FunctionDef.ArgAttrs.AttrEntry
ResourceHandleProto 1=utf8 2=utf8 3=utf8 5=utf8 6=ResourceHandleProto.DtypeAndShape
VariantTensorDataProto 1=utf8 3=TensorProto
NoneValue
TensorSpecProto 1=utf8 2=TensorShapeProto
BoundedTensorSpecProto 1=utf8 2=TensorShapeProto 4=TensorProto 5=TensorProto
ListValue 1=StructuredValue
TupleValue 1=StructuredValue
DictValue 1=DictValue.FieldsEntry
NamedTupleValue 1=utf8 2=PairValue
NameAttrList.AttrEntry 1=utf8 2=AttrValue
FunctionDef.ArgAttrs.AttrEntry 1=utf8 2=AttrValue
DictValue.FieldsEntry 1=utf8 2=StructuredValue
PairValue 1=utf8 2=StructuredValue
)";
// clang-format on

}  // namespace tensorferry::tensorflow
