#include "import/onnx/value.h"

#include <algorithm>
#include <cstring>

#include "import/onnx/tensor.h"

namespace drawbar::onnx {
namespace {

using drawbar_onnx::MapProto;
using drawbar_onnx::OptionalProto;
using drawbar_onnx::SequenceProto;

Tensor read_map(const MapProto& proto, ExternalData& external);
Tensor read_optional(const OptionalProto& proto, ExternalData& external);

Tensor read_sequence(const SequenceProto& proto, ExternalData& external) {
  std::vector<Tensor> elements;
  for (const auto& value : proto.tensor_values()) elements.push_back(read_tensor(value, external));
  for (const auto& value : proto.sparse_tensor_values())
    elements.push_back(read_sparse_tensor(value, external));
  for (const auto& value : proto.sequence_values())
    elements.push_back(read_sequence(value, external));
  for (const auto& value : proto.map_values()) elements.push_back(read_map(value, external));
  for (const auto& value : proto.optional_values())
    elements.push_back(read_optional(value, external));
  return Tensor::compound(Tensor::Kind::sequence, std::move(elements));
}

Tensor read_optional(const OptionalProto& proto, ExternalData& external) {
  std::vector<Tensor> element;
  if (proto.has_tensor_value()) {
    element.push_back(read_tensor(proto.tensor_value(), external));
  } else if (proto.has_sparse_tensor_value()) {
    element.push_back(read_sparse_tensor(proto.sparse_tensor_value(), external));
  } else if (proto.has_sequence_value()) {
    element.push_back(read_sequence(proto.sequence_value(), external));
  } else if (proto.has_map_value()) {
    element.push_back(read_map(proto.map_value(), external));
  } else if (proto.has_optional_value()) {
    element.push_back(read_optional(proto.optional_value(), external));
  }
  return Tensor::compound(Tensor::Kind::optional, std::move(element));
}

/// Tensors of one type and shape as one tensor; other sequences as they are.
Tensor stacked(const Tensor& sequence) {
  const std::vector<Tensor>& parts = sequence.elements();
  const auto fits = [&](const Tensor& part) {
    return part.kind() == Tensor::Kind::tensor && part.type() == parts[0].type() &&
           part.shape() == parts[0].shape();
  };
  if (parts.empty() || !std::all_of(parts.begin(), parts.end(), fits)) return sequence;
  const ElementType type = parts[0].type();
  if (type != ElementType::string && bits(type) < 8) return sequence;
  Shape shape = parts[0].shape();
  shape.insert(shape.begin(), static_cast<int64_t>(parts.size()));
  Tensor all = Tensor::allocate(type, std::move(shape));
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    if (type == ElementType::string) {
      std::copy_n(parts[i].data<std::string>(), parts[i].size(),
                  all.data<std::string>() + at * parts[i].size());
    } else if (parts[i].size() > 0) {
      std::memcpy(static_cast<char*>(all.raw()) + at * parts[i].bytes(), parts[i].raw(),
                  static_cast<size_t>(parts[i].bytes()));
    }
  }
  return all;
}

Tensor read_map(const MapProto& proto, ExternalData& external) {
  Tensor keys;
  if (proto.string_keys_size()) {
    keys = Tensor::allocate(ElementType::string, {proto.string_keys_size()});
    std::copy(proto.string_keys().begin(), proto.string_keys().end(), keys.data<std::string>());
  } else {
    keys = Tensor::from<int64_t>(
        {proto.keys_size()},
        std::span(proto.keys().data(), static_cast<size_t>(proto.keys_size())));
  }
  return Tensor::compound(Tensor::Kind::map,
                          {std::move(keys), stacked(read_sequence(proto.values(), external))});
}

template <class Proto>
Proto parsed(std::string_view bytes) {
  Proto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    fail(ErrorCode::invalid_argument, "damaged ONNX test data");
  }
  return proto;
}

}  // namespace

Tensor parse_value(std::string_view bytes, Tensor::Kind kind) {
  ExternalData external({});
  switch (kind) {
    case Tensor::Kind::tensor: {
      auto proto = parsed<drawbar_onnx::TensorProto>(bytes);
      return take_tensor(proto, external);
    }
    case Tensor::Kind::sequence:
      return read_sequence(parsed<SequenceProto>(bytes), external);
    case Tensor::Kind::optional:
      return read_optional(parsed<OptionalProto>(bytes), external);
    case Tensor::Kind::map:
      return read_map(parsed<MapProto>(bytes), external);
  }
  return {};
}

}  // namespace drawbar::onnx
