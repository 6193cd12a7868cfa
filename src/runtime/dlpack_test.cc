#include <dlpack/dlpack.h>
#include <gtest/gtest.h>

#include "drawbar/tensor.h"

namespace drawbar {
namespace {

/// A description as another library makes it, that counts how often it is given back.
struct Foreign {
  float numbers[6] = {0, 1, 2, 3, 4, 5};
  int64_t shape[2] = {2, 3};
  int64_t strides[2] = {3, 1};
  int deleted = 0;
  DLManagedTensor managed{};

  Foreign() {
    managed.dl_tensor = {numbers, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, strides, 0};
    managed.manager_ctx = this;
    managed.deleter = [](DLManagedTensor* m) { ++static_cast<Foreign*>(m->manager_ctx)->deleted; };
  }
};

std::string refusal(Foreign& foreign) {
  try {
    from_dlpack(&foreign.managed);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_EQ(foreign.deleted, 0);
    return error.message();
  }
  return "taken";
}

TEST(DLPack, SharesMemoryUntilTheLastCopyGoes) {
  Foreign foreign;
  {
    const Tensor tensor = from_dlpack(&foreign.managed);
    EXPECT_EQ(tensor.raw(), foreign.numbers);
    EXPECT_EQ(tensor.shape(), (Shape{2, 3}));
    EXPECT_EQ(tensor.values<float>()[4], 4.0f);
    {
      const Tensor copy = tensor;
      EXPECT_EQ(foreign.deleted, 0);
    }
    EXPECT_EQ(foreign.deleted, 0);
  }
  EXPECT_EQ(foreign.deleted, 1);
}

TEST(DLPack, BytesBeforeTheFirstElementAndNoStrides) {
  Foreign foreign;
  foreign.managed.dl_tensor.strides = nullptr;
  foreign.managed.dl_tensor.byte_offset = 2 * sizeof(float);
  foreign.managed.dl_tensor.ndim = 1;
  foreign.managed.deleter = nullptr;  // allowed: nothing to give back
  EXPECT_EQ(from_dlpack(&foreign.managed).values<float>()[0], 2.0f);
}

TEST(DLPack, RefusesWhatItCannotShare) {
  Foreign foreign;
  const DLTensor good = foreign.managed.dl_tensor;
  DLTensor& given = foreign.managed.dl_tensor;
  foreign.strides[0] = 4;
  EXPECT_EQ(refusal(foreign),
            "DLPack: axis 0 has stride 4, expected 3: the tensor is not row-major");
  foreign.strides[0] = 3;
  given.dtype.lanes = 4;
  EXPECT_EQ(refusal(foreign), "DLPack: a type of code 2, 32 bits and 4 lanes is not taken");
  given = good;
  given.device.device_type = kDLOpenCL;
  EXPECT_EQ(refusal(foreign),
            "DLPack: a tensor of device type 4, expected the host (1) or CUDA (2)");
  given = good;
  given.data = nullptr;
  EXPECT_EQ(refusal(foreign), "DLPack: a tensor 2x3 without data");
  given = good;
  given.ndim = -1;
  EXPECT_EQ(refusal(foreign), "DLPack: a tensor of -1 dimensions without their sizes");
  given = good;
  foreign.shape[0] = -2;
  EXPECT_EQ(refusal(foreign), "DLPack: a dimension of size -2");
  foreign.shape[0] = INT64_MAX;
  EXPECT_THROW(from_dlpack(&foreign.managed), Error);
  EXPECT_EQ(foreign.deleted, 0);
  EXPECT_THROW(from_dlpack(nullptr), Error);
}

TEST(DLPack, GivesEveryTypeBack) {
  for (const ElementType type :
       {ElementType::f32, ElementType::f64, ElementType::f16, ElementType::bf16, ElementType::i8,
        ElementType::i64, ElementType::u8, ElementType::u32, ElementType::boolean, ElementType::c64,
        ElementType::c128}) {
    const Tensor tensor = Tensor::allocate(type, {4, 1, 5});
    DLManagedTensor* managed = to_dlpack(tensor);
    const Tensor back = from_dlpack(managed);
    EXPECT_EQ(back.type(), type);
    EXPECT_EQ(back.shape(), tensor.shape());
    EXPECT_EQ(back.raw(), tensor.raw());
  }
  EXPECT_THROW(to_dlpack(Tensor::allocate(ElementType::string, {2})), Error);
  EXPECT_THROW(to_dlpack(Tensor::allocate(ElementType::i4, {2})), Error);
  EXPECT_THROW(to_dlpack(Tensor()), Error);
}

TEST(DLPack, AGpusTensorKeepsItsPlaceAndIsNotReadHere) {
  Foreign foreign;
  foreign.managed.dl_tensor.device = {kDLCUDA, 3};
  const Tensor tensor = from_dlpack(&foreign.managed);
  EXPECT_EQ(to_string(tensor.place()), "cuda:3");
  EXPECT_THROW(tensor.values<float>(), Error);
  EXPECT_THROW(tensor.clone(), Error);
  DLManagedTensor* managed = to_dlpack(tensor);
  EXPECT_EQ(managed->dl_tensor.device.device_type, kDLCUDA);
  EXPECT_EQ(managed->dl_tensor.device.device_id, 3);
  managed->deleter(managed);
}

TEST(DeviceTensor, CopiesOnTheHostAndRefusesWhatDiffers) {
  const Tensor from = Tensor::from<int32_t>({3}, {1, 2, 3});
  Tensor to = Tensor::allocate(ElementType::i32, {3});
  copy_elements(from, to);
  EXPECT_TRUE(from.identical(to));
  Tensor other = Tensor::allocate(ElementType::i32, {4});
  EXPECT_THROW(copy_elements(from, other), Error);
  Tensor strings = Tensor::allocate(ElementType::string, {3});
  EXPECT_THROW(copy_elements(strings, strings), Error);
  EXPECT_EQ(copied_to({}, from).raw(), from.raw());
}

}  // namespace
}  // namespace drawbar
