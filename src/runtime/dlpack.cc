#include <array>
#include <dlpack/dlpack.h>

#include "base/checked.h"
#include "drawbar/tensor.h"

namespace drawbar {
namespace {

struct Pair {
  ElementType element;
  uint8_t code, bits;
};

/// DLDataTypeCode of versions from 0.8 on, which older headers lack.
constexpr uint8_t bool_code = 6;

constexpr std::array pairs = {
    Pair{ElementType::f32, kDLFloat, 32},     Pair{ElementType::f64, kDLFloat, 64},
    Pair{ElementType::f16, kDLFloat, 16},     Pair{ElementType::bf16, kDLBfloat, 16},
    Pair{ElementType::i8, kDLInt, 8},         Pair{ElementType::i16, kDLInt, 16},
    Pair{ElementType::i32, kDLInt, 32},       Pair{ElementType::i64, kDLInt, 64},
    Pair{ElementType::u8, kDLUInt, 8},        Pair{ElementType::u16, kDLUInt, 16},
    Pair{ElementType::u32, kDLUInt, 32},      Pair{ElementType::u64, kDLUInt, 64},
    Pair{ElementType::c64, kDLComplex, 64},   Pair{ElementType::c128, kDLComplex, 128},
    Pair{ElementType::boolean, bool_code, 8},
};

ElementType element_of(const DLDataType& type) {
  for (const Pair& pair : pairs) {
    if (type.lanes == 1 && pair.code == type.code && pair.bits == type.bits) return pair.element;
  }
  fail(ErrorCode::invalid_argument, "DLPack: a type of code {}, {} bits and {} lanes is not taken",
       type.code, type.bits, type.lanes);
}

Place place_of(const DLDevice& device) {
  switch (static_cast<int>(device.device_type)) {
    case kDLCPU:
    case kDLCUDAHost:
      return {};
    case kDLCUDA:
    case kDLCUDAManaged:
      return {Place::Kind::cuda, device.device_id};
    default:
      fail(ErrorCode::invalid_argument,
           "DLPack: a tensor of device type {}, expected the host (1) or CUDA (2)",
           static_cast<int>(device.device_type));
  }
}

void expect_row_major(const DLTensor& tensor) {
  if (!tensor.strides) return;
  int64_t stride = 1;
  for (int axis = tensor.ndim - 1; axis >= 0; --axis) {
    const int64_t size = tensor.shape[axis];
    if (size != 1 && tensor.strides[axis] != stride) {
      fail(ErrorCode::invalid_argument,
           "DLPack: axis {} has stride {}, expected {}: the tensor is not row-major", axis,
           tensor.strides[axis], stride);
    }
    if (size == 0) return;
    stride *= size;
  }
}

/// What `to_dlpack` gives away: the description and all it points to.
struct Given {
  DLManagedTensor managed{};
  Tensor tensor;
  Shape shape;
};

}  // namespace

Tensor from_dlpack(DLManagedTensor* managed) {
  if (!managed) fail(ErrorCode::invalid_argument, "DLPack: there is no tensor");
  const DLTensor& given = managed->dl_tensor;
  const ElementType type = element_of(given.dtype);
  const Place place = place_of(given.device);
  if (given.ndim < 0 || (given.ndim > 0 && !given.shape)) {
    fail(ErrorCode::invalid_argument, "DLPack: a tensor of {} dimensions without their sizes",
         given.ndim);
  }
  const Shape shape(given.shape, given.shape + given.ndim);
  for (int64_t size : shape) {
    if (size < 0) fail(ErrorCode::invalid_argument, "DLPack: a dimension of size {}", size);
  }
  expect_row_major(given);
  auto* data = static_cast<std::byte*>(given.data) + given.byte_offset;
  if (element_count(shape) > 0 && !given.data)
    fail(ErrorCode::invalid_argument, "DLPack: a tensor {} without data", to_string(shape));
  const std::shared_ptr<const void> owner(managed, [](DLManagedTensor* m) {
    if (m->deleter) m->deleter(m);
  });
  static const std::byte nothing{};
  return Tensor::view(type, shape, given.data ? data : const_cast<std::byte*>(&nothing), owner,
                      place);
}

DLManagedTensor* to_dlpack(const Tensor& tensor) {
  if (!tensor.has_value() || tensor.kind() != Tensor::Kind::tensor)
    fail(ErrorCode::invalid_argument, "DLPack: only tensors can be described");
  for (const Pair& pair : pairs) {
    if (pair.element != tensor.type()) continue;
    auto given = std::make_unique<Given>();
    given->tensor = tensor;
    given->shape = tensor.shape();
    DLTensor& described = given->managed.dl_tensor;
    described.data = given->tensor.raw();
    described.device = {tensor.is_on_host() ? kDLCPU : kDLCUDA, tensor.place().device};
    described.ndim = static_cast<int>(tensor.rank());
    described.dtype = {pair.code, pair.bits, 1};
    described.shape = given->shape.data();
    given->managed.manager_ctx = given.get();
    given->managed.deleter = [](DLManagedTensor* m) { delete static_cast<Given*>(m->manager_ctx); };
    return &given.release()->managed;
  }
  fail(ErrorCode::invalid_argument, "DLPack has no type for {}", name(tensor.type()));
}

}  // namespace drawbar
