#include "base/tensor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#include "base/checked.h"
#include "base/memory.h"
#include "base/small_float.h"

namespace drawbar {

std::string to_string(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (int64_t dim : shape) text += (text.empty() ? "" : "x") + std::to_string(dim);
  return text;
}

std::string to_string(const Place& place) {
  return place.kind == Place::Kind::host ? "host" : "cuda:" + std::to_string(place.device);
}

namespace {

[[noreturn]] void no_memory(const Tensor& tensor) {
  fail(ErrorCode::resource_exhausted, "no memory for a tensor {} {} of {} bytes",
       name(tensor.type()), to_string(tensor.shape()), tensor.bytes());
}

}  // namespace

Tensor Tensor::allocate(ElementType type, Shape shape) {
  Tensor tensor;
  tensor.type_ = type;
  tensor.size_ = element_count(shape);
  tensor.shape_ = std::move(shape);
  if (type == ElementType::string) {
    try {
      auto strings =
          std::make_shared<std::vector<std::string>>(static_cast<size_t>(tensor.size_) + 1);
      tensor.data_ = strings->data();
      tensor.owner_ = std::move(strings);
      return tensor;
    } catch (const std::bad_alloc&) {
      no_memory(tensor);
    } catch (const std::length_error&) {
      no_memory(tensor);
    }
  }
  void* memory = allocate_memory(static_cast<size_t>(tensor.bytes()));
  if (!memory) no_memory(tensor);
  tensor.data_ = memory;
  tensor.owner_ =
      std::shared_ptr<const void>(memory, [](const void* p) { std::free(const_cast<void*>(p)); });
  return tensor;
}

Tensor Tensor::view(ElementType type, Shape shape, void* data, std::shared_ptr<const void> owner,
                    Place place) {
  Tensor tensor;
  tensor.type_ = type;
  tensor.size_ = element_count(shape);
  tensor.shape_ = std::move(shape);
  tensor.data_ = data;
  tensor.owner_ = std::move(owner);
  tensor.place_ = place;
  return tensor;
}

Tensor Tensor::compound(Kind kind, std::vector<Tensor> elements) {
  Tensor tensor;
  tensor.kind_ = kind;
  tensor.size_ = static_cast<int64_t>(elements.size());
  tensor.elements_ = std::make_shared<const std::vector<Tensor>>(std::move(elements));
  return tensor;
}

Tensor Tensor::reshaped(Shape shape) const {
  Tensor result = *this;
  if (element_count(shape) != size_) {
    fail(ErrorCode::invalid_argument, "cannot reshape {} to {}", to_string(shape_),
         to_string(shape));
  }
  result.shape_ = std::move(shape);
  return result;
}

Tensor Tensor::clone() const {
  if (kind_ != Kind::tensor) {
    std::vector<Tensor> copies;
    for (const Tensor& element : elements()) copies.push_back(element.clone());
    return compound(kind_, std::move(copies));
  }
  expect_host();
  Tensor copy = allocate(type_, shape_);
  if (type_ == ElementType::string) {
    std::copy_n(data<std::string>(), size_, copy.data<std::string>());
  } else if (size_ > 0) {
    std::memcpy(copy.raw(), raw(), static_cast<size_t>(bytes()));
  }
  return copy;
}

bool Tensor::identical(const Tensor& other) const {
  if (kind_ != other.kind_ || has_value() != other.has_value()) return false;
  if (!has_value()) return true;
  if (kind_ != Kind::tensor) {
    if (size_ != other.size_) return false;
    for (size_t i = 0; i < elements().size(); ++i) {
      if (!elements()[i].identical(other.elements()[i])) return false;
    }
    return true;
  }
  if (type_ != other.type_ || shape_ != other.shape_) return false;
  expect_host();
  other.expect_host();
  if (type_ == ElementType::string) {
    return std::equal(data<std::string>(), data<std::string>() + size_, other.data<std::string>());
  }
  return size_ == 0 || std::memcmp(data_, other.data_, static_cast<size_t>(bytes())) == 0;
}

void Tensor::expect(ElementType wanted) const {
  if (kind_ != Kind::tensor) {
    fail(ErrorCode::invalid_argument, "the value is no tensor, expected {}", name(wanted));
  }
  if (type_ != wanted) {
    fail(ErrorCode::invalid_argument, "tensor is {}, expected {}", name(type_), name(wanted));
  }
  expect_host();
}

void Tensor::expect_host() const {
  if (!is_on_host()) {
    fail(ErrorCode::invalid_argument, "the tensor lies on {}, expected the host",
         to_string(place_));
  }
}

void Tensor::expect_size(int64_t wanted) const {
  if (size_ != wanted) {
    fail(ErrorCode::invalid_argument, "{} values for shape {}", wanted, to_string(shape_));
  }
}

Tensor copy_bytes(ElementType type, Shape shape, const void* bytes) {
  Tensor tensor = Tensor::allocate(type, std::move(shape));
  if (type == ElementType::boolean) {  // any byte but 0 counts as true
    const auto* from = static_cast<const uint8_t*>(bytes);
    bool* to = tensor.data<bool>();
    for (int64_t i = 0; i < tensor.size(); ++i) to[i] = from[i] != 0;
  } else if (tensor.bytes() > 0) {
    std::memcpy(tensor.raw(), bytes, static_cast<size_t>(tensor.bytes()));
  }
  return tensor;
}

namespace {

/// Packed elements under a byte: `width` bits at `index`, not sign-extended.
unsigned packed_bits(const void* data, int width, int64_t index) {
  const int per_byte = 8 / width;
  const auto byte = static_cast<const uint8_t*>(data)[index / per_byte];
  return (byte >> (index % per_byte * width)) & ((1u << width) - 1);
}

void set_packed_bits(void* data, int width, int64_t index, unsigned value) {
  const int per_byte = 8 / width;
  auto& byte = static_cast<uint8_t*>(data)[index / per_byte];
  const int shift = static_cast<int>(index % per_byte) * width;
  const unsigned mask = ((1u << width) - 1) << shift;
  byte = static_cast<uint8_t>((byte & ~mask) | ((value << shift) & mask));
}

bool has_cpp_type(ElementType type) { return type <= ElementType::boolean; }

void check_index(const Tensor& t, int64_t i) {
  if (t.kind() != Tensor::Kind::tensor) fail(ErrorCode::invalid_argument, "is no tensor");
  if (i >= 0 && i < t.size()) return;
  fail(ErrorCode::invalid_argument, "has {} elements, expected at least {}", t.size(), i + 1);
}

}  // namespace

double read_number(const Tensor& t, int64_t i) {
  check_index(t, i);
  if (has_cpp_type(t.type())) {
    return with_element_type(t.type(), [&](auto zero) -> double {
      using T = decltype(zero);
      if constexpr (std::is_class_v<T>) {
        return static_cast<float>(static_cast<const T*>(t.raw())[i]);
      } else {
        return static_cast<double>(static_cast<const T*>(t.raw())[i]);
      }
    });
  }
  switch (kind(t.type())) {
    case ElementKind::floating: {
      const unsigned code = bits(t.type()) == 8 ? static_cast<const uint8_t*>(t.raw())[i]
                                                : packed_bits(t.raw(), bits(t.type()), i);
      return decode_small_float(t.type(), code);
    }
    case ElementKind::signed_integer:
    case ElementKind::unsigned_integer:
      return static_cast<double>(read_integer(t, i));
    default:
      fail(ErrorCode::invalid_argument, "{} is not a number", name(t.type()));
  }
}

int64_t read_integer(const Tensor& t, int64_t i) {
  check_index(t, i);
  if (has_cpp_type(t.type())) {
    return with_element_type(t.type(), [&](auto zero) -> int64_t {
      using T = decltype(zero);
      if constexpr (std::is_class_v<T>) {
        return static_cast<int64_t>(static_cast<float>(static_cast<const T*>(t.raw())[i]));
      } else {
        return static_cast<int64_t>(static_cast<const T*>(t.raw())[i]);
      }
    });
  }
  const int width = bits(t.type());
  if (kind(t.type()) == ElementKind::unsigned_integer) return packed_bits(t.raw(), width, i);
  if (kind(t.type()) == ElementKind::signed_integer) {
    const auto value = static_cast<int64_t>(packed_bits(t.raw(), width, i));
    return value >= (1 << (width - 1)) ? value - (1 << width) : value;
  }
  return static_cast<int64_t>(read_number(t, i));
}

void write_number(Tensor& t, int64_t i, double value) {
  if (has_cpp_type(t.type())) {
    with_element_type(t.type(), [&](auto zero) {
      using T = decltype(zero);
      if constexpr (std::is_class_v<T>) {
        static_cast<T*>(t.raw())[i] = T(static_cast<float>(value));
      } else {
        static_cast<T*>(t.raw())[i] = static_cast<T>(value);
      }
    });
  } else if (kind(t.type()) == ElementKind::floating) {
    const unsigned code = encode_small_float(t.type(), static_cast<float>(value));
    if (bits(t.type()) == 8) {
      static_cast<uint8_t*>(t.raw())[i] = static_cast<uint8_t>(code);
    } else {
      set_packed_bits(t.raw(), bits(t.type()), i, code);
    }
  } else if (is_integer(t.type())) {
    write_integer(t, i, static_cast<int64_t>(value));
  } else {
    fail(ErrorCode::invalid_argument, "{} is not a number", name(t.type()));
  }
}

void write_integer(Tensor& t, int64_t i, int64_t value) {
  if (has_cpp_type(t.type())) {
    with_element_type(t.type(), [&](auto zero) {
      using T = decltype(zero);
      if constexpr (std::is_class_v<T>) {
        static_cast<T*>(t.raw())[i] = T(static_cast<float>(value));
      } else {
        static_cast<T*>(t.raw())[i] = static_cast<T>(value);
      }
    });
  } else if (is_integer(t.type())) {
    set_packed_bits(t.raw(), bits(t.type()), i, static_cast<unsigned>(value));
  } else {
    write_number(t, i, static_cast<double>(value));
  }
}

std::vector<int64_t> read_integers(const Tensor& tensor) {
  std::vector<int64_t> values(static_cast<size_t>(tensor.size()));
  for (int64_t i = 0; i < tensor.size(); ++i)
    values[static_cast<size_t>(i)] = read_integer(tensor, i);
  return values;
}

}  // namespace drawbar
