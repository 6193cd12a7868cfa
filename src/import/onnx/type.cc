#include "import/onnx/type.h"

#include "base/checked.h"
#include "import/onnx/tensor.h"
#include "ops/control_flow/merge.h"

namespace drawbar::onnx {
namespace {

constexpr int most_dimensions = 64;

TensorType read_tensor_type(const drawbar_onnx::TypeProto::Tensor& proto, Symbols& symbols,
                            const std::string& value) {
  TensorType type;
  type.element = element_type(proto.elem_type());
  type.ranked = proto.has_shape();
  if (proto.shape().dim_size() > most_dimensions) {
    fail(ErrorCode::invalid_model, "has {} dimensions, at most {}", proto.shape().dim_size(),
         most_dimensions);
  }
  for (int axis = 0; axis < proto.shape().dim_size(); ++axis) {
    const auto& dim = proto.shape().dim(axis);
    if (dim.has_dim_value()) {
      if (dim.dim_value() < 0) {
        fail(ErrorCode::invalid_model, "dimension {} is {}, expected at least 0", axis,
             dim.dim_value());
      }
      type.dims.emplace_back(dim.dim_value());
    } else if (!dim.dim_param().empty()) {
      type.dims.push_back(symbols.named(dim.dim_param()));
    } else {
      type.dims.push_back(symbols.unnamed(value, axis));
    }
  }
  type.size();  // throws when it overflows, and so do the bytes
  if (type.is_static()) storage_bytes(type.element, element_count(type.shape()));
  return type;
}

std::string sanitised(const std::string& text) {
  std::string symbol;
  for (char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
    symbol += plain ? c : '_';
  }
  const bool taken_word = symbol == "min" || symbol == "max" || symbol == "mod" ||
                          symbol == "floordiv" || symbol == "bound" || symbol == "return";
  if (symbol.empty() || std::isdigit(static_cast<unsigned char>(symbol[0])) || taken_word) {
    symbol.insert(0, "_");
  }
  return symbol;
}

}  // namespace

Dim Symbols::unique(const std::string& key, const std::string& text) {
  const auto known = known_.find(key);
  if (known != known_.end()) return Dim::symbol(known->second);
  const std::string plain = sanitised(text.substr(0, 200));
  std::string symbol = plain;
  for (int i = 2; !taken_.insert(symbol).second; ++i) symbol = fmt::format("{}_{}", plain, i);
  known_.emplace(key, symbol);
  return Dim::symbol(symbol);
}

Dim Symbols::named(const std::string& dim_param) { return unique("n" + dim_param, dim_param); }

Dim Symbols::unnamed(const std::string& value, int axis) {
  const std::string text = fmt::format("{}.{}", value, axis);
  return unique("u" + text, text);
}

Type read_type(const drawbar_onnx::TypeProto& proto, Symbols& symbols, const std::string& value) {
  using drawbar_onnx::TypeProto;
  // Elements may differ in shape, so a dimension without a number says nothing about them.
  const auto element = [&](bool present, const TypeProto& inner) {
    if (!present) fail(ErrorCode::invalid_model, "has no element type");
    Type type = read_type(inner, symbols, value + ".element");
    for (Dim& dim : type.tensor.dims) {
      if (!dim.is_constant()) dim = ops::varying_dim();
    }
    return type;
  };
  switch (proto.value_case()) {
    case TypeProto::kTensorType:
      return read_tensor_type(proto.tensor_type(), symbols, value);
    case TypeProto::kSparseTensorType:
      fail(ErrorCode::unsupported, "is a sparse tensor");
    case TypeProto::kSequenceType:
      return Type::of(Tensor::Kind::sequence, element(proto.sequence_type().has_elem_type(),
                                                      proto.sequence_type().elem_type()));
    case TypeProto::kOptionalType:
      return Type::of(Tensor::Kind::optional, element(proto.optional_type().has_elem_type(),
                                                      proto.optional_type().elem_type()));
    case TypeProto::kMapType: {
      Type type = Type::of(Tensor::Kind::map, element(proto.map_type().has_value_type(),
                                                      proto.map_type().value_type()));
      type.key = element_type(proto.map_type().key_type());
      return type;
    }
    case TypeProto::VALUE_NOT_SET:
      break;
  }
  fail(ErrorCode::invalid_model, "has no type");
}

}  // namespace drawbar::onnx
