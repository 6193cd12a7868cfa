#include "targets/cuda/code_cache.h"

#include <gtest/gtest.h>

namespace drawbar::cuda {
namespace {

TEST(CodeCache, SavesCodeAndPlans) {
  CodeCache cache;
  for (const char* name : {"cudnn 1", "code sm_90 2", "code host 3", "constants"})
    cache.add(name, {nullptr, 7, {}});
  EXPECT_EQ(cache.architecture(), "sm_90");
  ASSERT_TRUE(cache.find("cudnn 1"));
  EXPECT_EQ(cache.find("cudnn 1")->bytes, 7U);
  EXPECT_FALSE(cache.find("cudnn 2"));
  EXPECT_FALSE(cache.find("constants"));
  const auto saved = cache.saved();
  EXPECT_EQ(saved.size(), 2U);
  EXPECT_TRUE(saved.count("cudnn 1") && saved.count("code sm_90 2"));
}

TEST(CodeCache, KnowsNoArchitectureOfPlansAlone) {
  CodeCache cache;
  cache.add("cudnn 1", {nullptr, 7, {}});
  EXPECT_FALSE(cache.architecture());
}

}  // namespace
}  // namespace drawbar::cuda
