#include "import/onnx/tensor.h"

#include <gtest/gtest.h>

#include "import/onnx/value.h"

namespace drawbar::onnx {
namespace {

using drawbar_onnx::TensorProto;

/// Every element type with its number in the file, and whether int32_data holds its bits.
struct Coded {
  int32_t number;
  ElementType type;
  bool in_int32;
};

const Coded coded[] = {
    {1, ElementType::f32, false},        {2, ElementType::u8, true},
    {3, ElementType::i8, true},          {4, ElementType::u16, true},
    {5, ElementType::i16, true},         {6, ElementType::i32, true},
    {7, ElementType::i64, false},        {9, ElementType::boolean, true},
    {10, ElementType::f16, true},        {11, ElementType::f64, false},
    {12, ElementType::u32, false},       {13, ElementType::u64, false},
    {14, ElementType::c64, false},       {15, ElementType::c128, false},
    {16, ElementType::bf16, true},       {17, ElementType::f8e4m3fn, true},
    {18, ElementType::f8e4m3fnuz, true}, {19, ElementType::f8e5m2, true},
    {20, ElementType::f8e5m2fnuz, true}, {21, ElementType::u4, true},
    {22, ElementType::i4, true},         {23, ElementType::f4e2m1, true},
    {24, ElementType::f8e8m0, true},     {25, ElementType::u2, true},
    {26, ElementType::i2, true},
};

TensorProto proto_of(int32_t type, std::initializer_list<int64_t> dims) {
  TensorProto proto;
  proto.set_name("w");
  proto.set_data_type(type);
  for (int64_t dim : dims) proto.add_dims(dim);
  return proto;
}

Tensor read(const TensorProto& proto) {
  ExternalData none({});
  return read_tensor(proto, none);
}

TEST(OnnxTensor, RawAndTypedDataAgree) {
  for (const Coded& entry : coded) {
    SCOPED_TRACE(name(entry.type));
    EXPECT_EQ(element_type(entry.number), entry.type);
    if (!entry.in_int32) continue;
    TensorProto raw = proto_of(entry.number, {3, 5}), typed = proto_of(entry.number, {3, 5});
    const auto bytes = static_cast<size_t>(storage_bytes(entry.type, 15));
    const size_t width = std::max<size_t>(1, static_cast<size_t>(bits(entry.type)) / 8);
    for (size_t i = 0; i < bytes / width; ++i) {
      const auto number = static_cast<uint32_t>(entry.type == ElementType::boolean ? i % 2 : i + 1);
      raw.mutable_raw_data()->append(reinterpret_cast<const char*>(&number), width);
      typed.add_int32_data(static_cast<int32_t>(number));
    }
    EXPECT_TRUE(read(raw).identical(read(typed)));
  }
}

TEST(OnnxTensor, ReadsTypedLists) {
  TensorProto proto = proto_of(14, {1});
  proto.add_float_data(1.5f);
  proto.add_float_data(-2.f);
  EXPECT_EQ(read(proto).data<std::complex<float>>()[0], std::complex<float>(1.5f, -2.f));
  proto = proto_of(12, {2});
  proto.add_uint64_data(4'000'000'000);
  proto.add_uint64_data(1);
  EXPECT_EQ(read(proto).data<uint32_t>()[0], 4'000'000'000u);
  proto = proto_of(8, {2});
  proto.add_string_data("a");
  proto.add_string_data(std::string("b\0c", 3));
  EXPECT_EQ(read(proto).data<std::string>()[1].size(), 3u);
}

TEST(OnnxTensor, AnyByteButZeroIsTrue) {
  TensorProto proto = proto_of(9, {3});
  proto.set_raw_data(std::string("\0\2\377", 3));
  const Tensor tensor = read(proto);
  EXPECT_EQ(read_integers(tensor), (std::vector<int64_t>{0, 1, 1}));
}

TEST(OnnxTensor, LargeRawDataIsTakenOutOfTheMessage) {
  TensorProto proto = proto_of(1, {512});
  proto.mutable_raw_data()->resize(2048);
  const void* before = proto.raw_data().data();
  ExternalData none({});
  const Tensor tensor = take_tensor(proto, none);
  EXPECT_EQ(tensor.raw(), before);
  EXPECT_FALSE(proto.has_raw_data());
}

TEST(OnnxTensor, DescribedConstantsAreDrawnFromTheirName) {
  TensorProto proto = proto_of(1, {10, 20});
  proto.set_name("123456789");
  proto.set_doc_string("fill normal 0.5 0.25");
  ExternalData none({});
  const ConstantPtr constant = take_constant(proto, none);
  ASSERT_TRUE(constant->description());
  EXPECT_EQ(constant->description()->seed, 0xcbf43926u);  // the check value of CRC-32
  EXPECT_EQ(constant->description()->mean, 0.5);
  EXPECT_EQ(constant->description()->deviation, 0.25);
  proto.set_doc_string("fill constant 3");
  EXPECT_EQ(take_constant(proto, none)->tensor().data<float>()[199], 3.f);
}

TEST(OnnxTensor, SparseTensorsBecomeDense) {
  drawbar_onnx::SparseTensorProto proto;
  *proto.mutable_values() = proto_of(1, {2});
  proto.mutable_values()->add_float_data(5);
  proto.mutable_values()->add_float_data(7);
  proto.add_dims(2);
  proto.add_dims(3);
  *proto.mutable_indices() = proto_of(7, {2});
  proto.mutable_indices()->add_int64_data(1);
  proto.mutable_indices()->add_int64_data(5);
  ExternalData none({});
  const Tensor expected = Tensor::from<float>({2, 3}, {0, 5, 0, 0, 0, 7});
  EXPECT_TRUE(read_sparse_tensor(proto, none).identical(expected));
  *proto.mutable_indices() = proto_of(7, {2, 2});
  for (int64_t index : {0, 1, 1, 2}) proto.mutable_indices()->add_int64_data(index);
  EXPECT_TRUE(read_sparse_tensor(proto, none).identical(expected));
}

TEST(OnnxValue, ReadsSequencesOptionalsAndMaps) {
  drawbar_onnx::SequenceProto sequence;
  *sequence.add_tensor_values() = proto_of(1, {0});
  *sequence.add_tensor_values() = proto_of(1, {0, 4});
  const Tensor values = parse_value(sequence.SerializeAsString(), Tensor::Kind::sequence);
  ASSERT_EQ(values.elements().size(), 2u);
  EXPECT_EQ(values.elements()[1].shape(), (Shape{0, 4}));
  drawbar_onnx::OptionalProto optional;
  EXPECT_TRUE(parse_value(optional.SerializeAsString(), Tensor::Kind::optional).elements().empty());
  *optional.mutable_sequence_value() = sequence;
  const Tensor held = parse_value(optional.SerializeAsString(), Tensor::Kind::optional);
  EXPECT_EQ(held.elements()[0].elements().size(), 2u);
  drawbar_onnx::MapProto map;
  map.add_keys(7);
  *map.mutable_values() = sequence;
  EXPECT_EQ(parse_value(map.SerializeAsString(), Tensor::Kind::map).elements()[0].size(), 1);
  EXPECT_THROW(parse_value("\x08", Tensor::Kind::tensor), Error);
}

}  // namespace
}  // namespace drawbar::onnx
