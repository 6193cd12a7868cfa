#pragma once

#include <algorithm>
#include <complex>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "drawbar/element_type.h"
#include "drawbar/error.h"

/// DLPack's description of a tensor (dlpack.h), which PyTorch, CuPy, JAX and others give and take.
struct DLManagedTensor;

namespace drawbar {

using Shape = std::vector<int64_t>;

std::string to_string(const Shape& shape);  // "2x3x224", "scalar"

/// The C++ type that holds an element, and back. Sub-byte and 8-bit float types have none: they are
/// read through `read_number`.
template <class T>
struct element_type_of;
#define DRAWBAR_ELEMENT(T, E)                            \
  template <>                                            \
  struct element_type_of<T> {                            \
    static constexpr ElementType value = ElementType::E; \
  }
DRAWBAR_ELEMENT(float, f32);
DRAWBAR_ELEMENT(double, f64);
DRAWBAR_ELEMENT(Float16, f16);
DRAWBAR_ELEMENT(BFloat16, bf16);
DRAWBAR_ELEMENT(int8_t, i8);
DRAWBAR_ELEMENT(int16_t, i16);
DRAWBAR_ELEMENT(int32_t, i32);
DRAWBAR_ELEMENT(int64_t, i64);
DRAWBAR_ELEMENT(uint8_t, u8);
DRAWBAR_ELEMENT(uint16_t, u16);
DRAWBAR_ELEMENT(uint32_t, u32);
DRAWBAR_ELEMENT(uint64_t, u64);
DRAWBAR_ELEMENT(bool, boolean);
DRAWBAR_ELEMENT(std::string, string);
DRAWBAR_ELEMENT(std::complex<float>, c64);
DRAWBAR_ELEMENT(std::complex<double>, c128);
#undef DRAWBAR_ELEMENT

/// Where a tensor's elements lie: in the host's memory, or in that of the `device`-th GPU.
struct Place {
  enum class Kind : uint8_t { host, cuda };
  Kind kind = Kind::host;
  int device = 0;
  bool operator==(const Place&) const = default;
};

std::string to_string(const Place& place);  // "host", "cuda:0"

/// A value while running: a dense row-major tensor, or a sequence, optional or map of tensors on
/// the host. Copies share the elements; `clone` copies them. Data is 64-byte aligned where it was
/// allocated here. Reading is thread-safe. Elements of a tensor that lies on an accelerator
/// (below) cannot be read or cloned here: INVALID_ARGUMENT.
class Tensor {
 public:
  enum class Kind : uint8_t { tensor, sequence, optional, map };

  Tensor() = default;  // no value: an absent optional input
  /// Uninitialised numbers or empty strings. Throws RESOURCE_EXHAUSTED when memory is short.
  static Tensor allocate(ElementType type, Shape shape);
  /// Memory of somebody else, kept alive by `owner` (may be empty: the caller sees to it).
  static Tensor view(ElementType type, Shape shape, void* data,
                     std::shared_ptr<const void> owner = {}, Place place = {});
  template <class T>
  static Tensor from(Shape shape, std::span<const T> values) {
    Tensor result = allocate(element_type_of<T>::value, std::move(shape));
    result.expect_size(static_cast<int64_t>(values.size()));
    std::copy(values.begin(), values.end(), result.data<T>());
    return result;
  }
  template <class T>
  static Tensor from(Shape shape, std::initializer_list<T> values) {
    return from<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
  }
  template <class T>
  static Tensor scalar(T value) {
    return from<T>({}, {value});
  }
  /// A sequence, an optional (no element or one) or a map: its keys [n] and its values, a tensor
  /// whose first dimension is n or a sequence of n.
  static Tensor compound(Kind kind, std::vector<Tensor> elements);

  /// Whether the tensor keeps its memory alive itself.
  bool is_owned() const { return owner_ != nullptr; }
  bool has_value() const { return data_ != nullptr || elements_ != nullptr; }
  Kind kind() const { return kind_; }
  const Place& place() const { return place_; }
  bool is_on_host() const { return place_.kind == Place::Kind::host; }
  ElementType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t dim(int64_t axis) const { return shape_[static_cast<size_t>(axis)]; }
  int64_t size() const { return size_; }
  int64_t bytes() const { return storage_bytes(type_, size_); }
  const std::vector<Tensor>& elements() const { return *elements_; }

  void* raw() { return data_; }
  const void* raw() const { return data_; }
  template <class T>
  T* data() {
    expect(element_type_of<T>::value);
    return static_cast<T*>(data_);
  }
  template <class T>
  const T* data() const {
    expect(element_type_of<T>::value);
    return static_cast<const T*>(data_);
  }
  template <class T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<size_t>(size_)};
  }
  template <class T>
  std::span<T> values() {
    return {data<T>(), static_cast<size_t>(size_)};
  }

  /// The same elements under another shape of the same size.
  Tensor reshaped(Shape shape) const;
  Tensor clone() const;
  /// Same type, shape and bytes (not-a-number equals itself, 0 differs from -0).
  bool identical(const Tensor& other) const;

 private:
  void expect(ElementType wanted) const;
  void expect_host() const;
  void expect_size(int64_t wanted) const;

  void* data_ = nullptr;
  int64_t size_ = 0;
  Shape shape_;
  std::shared_ptr<const void> owner_;
  std::shared_ptr<const std::vector<Tensor>> elements_;
  ElementType type_ = ElementType::f32;
  Kind kind_ = Kind::tensor;
  Place place_;
};

/// Any element as a number, for code that is not in a hurry: integers exact in int64 (u64 wraps),
/// floats as double. Strings, complex numbers and an index past the end throw INVALID_ARGUMENT.
double read_number(const Tensor& tensor, int64_t index);
int64_t read_integer(const Tensor& tensor, int64_t index);
/// Stores a number in the tensor's element type: floats round to nearest even, integers truncate.
void write_number(Tensor& tensor, int64_t index, double value);
void write_integer(Tensor& tensor, int64_t index, int64_t value);
/// All elements of an integer tensor.
std::vector<int64_t> read_integers(const Tensor& tensor);

/// Tensors in the memory of accelerators. Sessions take them as inputs and write outputs that are
/// given there, without copies where the engine's target runs there, else with them:
///
///     Tensor x = from_dlpack(managed);                         // of a GPU
///     std::vector<Tensor> y = {allocate_on(x.place(), ElementType::f32, {1, 1000})};
///     session.run(std::vector{x}, y);
///
/// What writes an input must be done when `run` is called (streams synchronised); outputs are
/// complete when it returns. Runs with the same pointers as before are fastest.

/// Uninitialised numbers. Throws UNAVAILABLE where that place does not exist, RESOURCE_EXHAUSTED.
Tensor allocate_on(const Place& place, ElementType type, Shape shape);
/// The elements copied to another place; itself where it lies there already.
Tensor copied_to(const Place& place, const Tensor& tensor);
/// Copies the elements into memory that is there, wherever both lie. Throws INVALID_ARGUMENT unless
/// both are tensors of numbers of one type and shape.
void copy_elements(const Tensor& from, Tensor& to);

/// Shares the memory, and gives the description back (its deleter) with the last copy of the
/// result. Throws INVALID_ARGUMENT, with `managed` left alone, for null, other devices than the
/// host and CUDA's, types of several lanes, and strides that are not row-major.
Tensor from_dlpack(DLManagedTensor* managed);
/// A description that keeps the tensor's memory alive until its deleter is called. Throws
/// INVALID_ARGUMENT for what DLPack has no type for: strings, sequences, floats of 8 bits and
/// less, integers of less than 8.
DLManagedTensor* to_dlpack(const Tensor& tensor);

}  // namespace drawbar
