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

}  // namespace
}  // namespace drawbar
