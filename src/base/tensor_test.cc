#include "base/tensor.h"

#include <gtest/gtest.h>

namespace drawbar {
namespace {

TEST(Tensor, RefusesMoreStringsThanMemoryHolds) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer's operator new ends the process where memory is short";
#endif
  try {
    Tensor::allocate(ElementType::string, {int64_t{1} << 50});
    FAIL() << "allocated";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::resource_exhausted);
  }
}

TEST(Tensor, OfASequenceNoElementIsRead) {
  const Tensor sequence = Tensor::compound(Tensor::Kind::sequence, {Tensor::from<float>({1}, {1})});
  EXPECT_THROW(read_number(sequence, 0), Error);
  EXPECT_THROW(read_integer(sequence, 0), Error);
  EXPECT_THROW(sequence.data<float>(), Error);
}

}  // namespace
}  // namespace drawbar
