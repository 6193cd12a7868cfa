#include "import/onnx/tensor.h"

#include <array>
#include <cstring>

#include "base/checked.h"

namespace drawbar::onnx {

using drawbar_onnx::SparseTensorProto;
using drawbar_onnx::TensorProto;

namespace {

constexpr size_t worth_moving = 1024;  // bytes of raw data; less is copied
constexpr int64_t free_dense_bytes = int64_t{64} << 20;

constexpr ElementType element_types[] = {
    ElementType::f32,      ElementType::u8,         ElementType::i8,     ElementType::u16,
    ElementType::i16,      ElementType::i32,        ElementType::i64,    ElementType::string,
    ElementType::boolean,  ElementType::f16,        ElementType::f64,    ElementType::u32,
    ElementType::u64,      ElementType::c64,        ElementType::c128,   ElementType::bf16,
    ElementType::f8e4m3fn, ElementType::f8e4m3fnuz, ElementType::f8e5m2, ElementType::f8e5m2fnuz,
    ElementType::u4,       ElementType::i4,         ElementType::f4e2m1, ElementType::f8e8m0,
    ElementType::u2,       ElementType::i2,
};  // TensorProto.DataType 1, 2, …

Shape shape_of(const google::protobuf::RepeatedField<int64_t>& dims) {
  if (dims.size() > 64)
    fail(ErrorCode::invalid_model, "has {} dimensions, at most 64", dims.size());
  return Shape(dims.begin(), dims.end());
}

void expect_length(int64_t found, int64_t expected, std::string_view unit, ElementType type,
                   const Shape& shape) {
  if (found != expected) {
    fail(ErrorCode::invalid_model, "has {} {} of data, {} {} takes {}", found, unit, name(type),
         to_string(shape), expected);
  }
}

bool can_view(ElementType type, const void* bytes) {
  const auto alignment = static_cast<uintptr_t>(std::max(1, std::min(bits(type) / 8, 8)));
  return type != ElementType::boolean && reinterpret_cast<uintptr_t>(bytes) % alignment == 0;
}

Tensor external_tensor(const TensorProto& proto, ElementType type, Shape shape,
                       ExternalData& external) {
  const ExternalBytes found = external.find(proto);
  expect_length(found.size, storage_bytes(type, element_count(shape)), "bytes", type, shape);
  if (found.size == 0 || !can_view(type, found.data)) {
    return copy_bytes(type, std::move(shape), found.data);
  }
  return Tensor::view(type, std::move(shape), const_cast<std::byte*>(found.data), found.owner);
}

Tensor raw_tensor(const std::string& raw, ElementType type, Shape shape) {
  expect_length(static_cast<int64_t>(raw.size()), storage_bytes(type, element_count(shape)),
                "bytes", type, shape);
  return copy_bytes(type, std::move(shape), raw.data());
}

/// Elements that stand in a list of numbers wider than they are.
template <class T, class List>
Tensor narrowed(const List& list, ElementType type, Shape shape) {
  expect_length(list.size(), element_count(shape), "elements", type, shape);
  Tensor tensor = Tensor::allocate(type, std::move(shape));
  auto* to = static_cast<T*>(tensor.raw());
  for (int i = 0; i < list.size(); ++i) to[i] = static_cast<T>(list[i]);
  return tensor;
}

/// int32_data holds a byte of packed elements in every number.
Tensor packed(const TensorProto& proto, ElementType type, Shape shape) {
  const auto& list = proto.int32_data();
  expect_length(list.size(), storage_bytes(type, element_count(shape)), "numbers", type, shape);
  Tensor tensor = Tensor::allocate(type, std::move(shape));
  for (int i = 0; i < list.size(); ++i) {
    static_cast<uint8_t*>(tensor.raw())[i] = static_cast<uint8_t>(list[i]);
  }
  return tensor;
}

Tensor string_tensor(const TensorProto& proto, Shape shape) {
  if (proto.has_raw_data()) fail(ErrorCode::invalid_model, "strings cannot be raw data");
  expect_length(proto.string_data_size(), element_count(shape), "elements", ElementType::string,
                shape);
  Tensor tensor = Tensor::allocate(ElementType::string, std::move(shape));
  std::copy(proto.string_data().begin(), proto.string_data().end(), tensor.data<std::string>());
  return tensor;
}

/// Complex numbers are pairs of real ones.
template <class T, class List>
Tensor complex_tensor(const List& list, ElementType type, Shape shape) {
  expect_length(list.size(), checked_mul(2, element_count(shape)), "numbers", type, shape);
  Tensor tensor = Tensor::allocate(type, std::move(shape));
  std::copy(list.begin(), list.end(), static_cast<T*>(tensor.raw()));
  return tensor;
}

Tensor typed_tensor(const TensorProto& proto, ElementType type, Shape shape) {
  switch (type) {
    case ElementType::f32:
      return narrowed<float>(proto.float_data(), type, std::move(shape));
    case ElementType::f64:
      return narrowed<double>(proto.double_data(), type, std::move(shape));
    case ElementType::i64:
      return narrowed<int64_t>(proto.int64_data(), type, std::move(shape));
    case ElementType::u64:
      return narrowed<uint64_t>(proto.uint64_data(), type, std::move(shape));
    case ElementType::u32:
      return narrowed<uint32_t>(proto.uint64_data(), type, std::move(shape));
    case ElementType::c64:
      return complex_tensor<float>(proto.float_data(), type, std::move(shape));
    case ElementType::c128:
      return complex_tensor<double>(proto.double_data(), type, std::move(shape));
    case ElementType::boolean:
      return narrowed<bool>(proto.int32_data(), type, std::move(shape));
    default:
      break;
  }
  if (bits(type) == 32) return narrowed<int32_t>(proto.int32_data(), type, std::move(shape));
  if (bits(type) == 16) return narrowed<uint16_t>(proto.int32_data(), type, std::move(shape));
  if (bits(type) == 8) return narrowed<uint8_t>(proto.int32_data(), type, std::move(shape));
  return packed(proto, type, std::move(shape));
}

std::string tensor_name(const TensorProto& proto) {
  return proto.name().empty() ? "tensor" : "tensor '" + proto.name() + "'";
}

Tensor plain_tensor(const TensorProto& proto, ExternalData& external) {
  const ElementType type = element_type(proto.data_type());
  Shape shape = shape_of(proto.dims());
  element_count(shape);
  if (proto.has_segment()) fail(ErrorCode::unsupported, "is stored in segments");
  if (proto.data_location() == 1) {
    if (type == ElementType::string)
      fail(ErrorCode::invalid_model, "strings cannot be external data");
    return external_tensor(proto, type, std::move(shape), external);
  }
  if (type == ElementType::string) return string_tensor(proto, std::move(shape));
  if (proto.has_raw_data()) return raw_tensor(proto.raw_data(), type, std::move(shape));
  return typed_tensor(proto, type, std::move(shape));
}

/// CRC-32 as in zlib.
uint32_t crc32(std::string_view text) {
  uint32_t crc = ~0u;
  for (char c : text) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

bool has_data(const TensorProto& proto) {
  return proto.has_raw_data() || proto.data_location() == 1 || proto.float_data_size() ||
         proto.int32_data_size() || proto.string_data_size() || proto.int64_data_size() ||
         proto.double_data_size() || proto.uint64_data_size();
}

/// Words behind "fill ".
ConstantPtr described_constant(const TensorProto& proto) {
  const ElementType type = element_type(proto.data_type());
  Shape shape = shape_of(proto.dims());
  if (!is_floating(type))
    fail(ErrorCode::invalid_model, "is {}, only floats are filled", name(type));
  const std::string& text = proto.doc_string();
  Description description;
  double mean = 0, deviation = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "fill constant %lf%c", &mean, &rest) == 1) {
    description = {"fill", mean, 0, 0};
  } else if (std::sscanf(text.c_str(), "fill normal %lf %lf%c", &mean, &deviation, &rest) == 2) {
    description = {"normal", mean, deviation, crc32(proto.name())};
  } else {
    fail(ErrorCode::invalid_model, "has no data, and '{}' does not describe any",
         text.substr(0, 80));
  }
  return std::make_shared<const Constant>(type, std::move(shape), std::move(description));
}

}  // namespace

ElementType element_type(int32_t data_type) {
  if (data_type >= 1 && data_type <= static_cast<int32_t>(std::size(element_types))) {
    return element_types[data_type - 1];
  }
  if (data_type == 27 || data_type == 28) {
    fail(ErrorCode::unsupported, "6-bit floats (element type {}) are not supported", data_type);
  }
  fail(ErrorCode::invalid_model, "element type {} is unknown", data_type);
}

Tensor read_tensor(const TensorProto& proto, ExternalData& external) {
  try {
    return plain_tensor(proto, external);
  } catch (const Error& error) {
    throw error.at(tensor_name(proto));
  }
}

Tensor take_tensor(TensorProto& proto, ExternalData& external) {
  const bool movable = proto.has_raw_data() && proto.raw_data().size() >= worth_moving &&
                       proto.data_location() == 0 && !proto.has_segment();
  if (!movable) return read_tensor(proto, external);
  try {
    const ElementType type = element_type(proto.data_type());
    Shape shape = shape_of(proto.dims());
    if (type == ElementType::string || !can_view(type, proto.raw_data().data())) {
      return plain_tensor(proto, external);
    }
    expect_length(static_cast<int64_t>(proto.raw_data().size()),
                  storage_bytes(type, element_count(shape)), "bytes", type, shape);
    const std::shared_ptr<std::string> owner(proto.release_raw_data());
    return Tensor::view(type, std::move(shape), owner->data(), owner);
  } catch (const Error& error) {
    throw error.at(tensor_name(proto));
  }
}

ConstantPtr take_constant(TensorProto& proto, ExternalData& external) {
  if (!has_data(proto) && proto.doc_string().starts_with("fill ")) {
    try {
      return described_constant(proto);
    } catch (const Error& error) {
      throw error.at(tensor_name(proto));
    }
  }
  return std::make_shared<const Constant>(take_tensor(proto, external));
}

Tensor read_sparse_tensor(const SparseTensorProto& proto, ExternalData& external) {
  const Tensor values = read_tensor(proto.values(), external);
  const Tensor indices = read_tensor(proto.indices(), external);
  try {
    Shape shape = shape_of(proto.dims());
    const int64_t size = element_count(shape), rank = static_cast<int64_t>(shape.size());
    const bool linear = indices.rank() == 1;
    if (values.rank() != 1 || indices.type() != ElementType::i64 || indices.rank() < 1 ||
        indices.rank() > 2 || indices.dim(0) != values.dim(0) ||
        (!linear && indices.dim(1) != rank)) {
      fail(ErrorCode::invalid_model,
           "values {} and indices {} {} do not belong together (dense shape {})",
           to_string(values.shape()), name(indices.type()), to_string(indices.shape()),
           to_string(shape));
    }
    if (bits(values.type()) < 8 || values.type() == ElementType::string) {
      fail(ErrorCode::unsupported, "sparse tensors of {} are not supported", name(values.type()));
    }
    const int64_t bytes = storage_bytes(values.type(), size);
    if (bytes > free_dense_bytes && bytes / 100 > values.bytes()) {
      fail(ErrorCode::resource_exhausted, "takes {} bytes when dense, {} are given", bytes,
           values.bytes());
    }
    Tensor dense = Tensor::allocate(values.type(), shape);
    std::memset(dense.raw(), 0, static_cast<size_t>(bytes));
    const size_t width = static_cast<size_t>(bits(values.type()) / 8);
    for (int64_t i = 0; i < values.size(); ++i) {
      int64_t at = 0;
      for (int64_t axis = 0; axis < (linear ? 1 : rank); ++axis) {
        const int64_t limit = linear ? size : shape[static_cast<size_t>(axis)];
        const int64_t index = indices.data<int64_t>()[linear ? i : i * rank + axis];
        if (index < 0 || index >= limit) {
          fail(ErrorCode::invalid_model, "index {} is out of range, expected 0 to {}", index,
               limit - 1);
        }
        at = at * limit + index;
      }
      std::memcpy(static_cast<std::byte*>(dense.raw()) + static_cast<size_t>(at) * width,
                  static_cast<const std::byte*>(values.raw()) + static_cast<size_t>(i) * width,
                  width);
    }
    return dense;
  } catch (const Error& error) {
    throw error.at("sparse " + tensor_name(proto.values()));
  }
}

}  // namespace drawbar::onnx
