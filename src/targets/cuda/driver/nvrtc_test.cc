#include "targets/cuda/driver/nvrtc.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace drawbar::cuda {
namespace {

std::string refusal_of(const std::string& source) {
  try {
    compile_with_nvrtc(source, "compute_90");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Nvrtc, RefusesWarningsInTestsAlone) {
  const std::string warned[] = {"__global__ void k() { int a; }", "__global__ void k(int a) {}",
                                "__global__ void k(int* a, unsigned b) { *a = *a < b; }"};
  for (const std::string& source : warned)
    EXPECT_NE(refusal_of(source).find("warning #"), std::string::npos) << source;
  EXPECT_EQ(refusal_of("__global__ void k(int* a) { *a = 1; }"), "");
  refuse_device_warnings(false);
  for (const std::string& source : warned) EXPECT_EQ(refusal_of(source), "") << source;
  refuse_device_warnings(true);
}

}  // namespace
}  // namespace drawbar::cuda
