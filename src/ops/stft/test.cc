#include "ops/stft/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Stft;

constexpr Stft all_points{.onesided = false};

std::vector<OpCase> cases() {
  std::vector<OpCase> all = {
      {"speech", Stft{}, {"f32[2, 3000, 1]", "i64[] = [160]", "f32[400]"}},
      {"power of two", Stft{}, {"f32[1, 4096, 1]", "i64[] = [128]", "f32[512]", "i64[] = [512]"}},
      {"odd frames", Stft{}, {"f32[1, 513, 1]", "i64[] = [13]", "f32[127]"}},
      {"odd step", Stft{}, {"f32[3, 257, 1]", "i32[] = [7]", "f32[12]"}},
      {"all points", all_points, {"f32[2, 129, 1]", "i64[1] = [4]", "f32[12]"}},
      {"complex", all_points, {"f32[2, 129, 2]", "i64[] = [4]", "f32[12]"}},
      {"complex, onesided", Stft{}, {"f32[2, 129, 2]", "i64[] = [5]", "f32[13]"}},
      {"no window", Stft{}, {"f32[2, 129, 1]", "i64[] = [4]", "_", "i64[] = [16]"}},
      {"one frame of all samples", Stft{}, {"f32[2, 127, 1]", "i64[] = [1]"}},
      {"double", Stft{}, {"f64[2, 300, 1]", "i64[] = [9]", "f64[30]"}},
      {"double, complex", all_points, {"f64[2, 300, 2]", "i64[] = [9]", "f64[30]"}},
      {"half precision", Stft{}, {"f16[1, 64, 1]", "i64[] = [8]", "f16[16]"}},
      {"frames of one sample", Stft{}, {"f32[1, 7, 1]", "i64[] = [2]", "f32[1]"}},
      {"empty batch", Stft{}, {"f32[0, 64, 1]", "i64[] = [8]", "f32[16]"}},
      {"long frames", Stft{}, {"f32[1, 40000, 1]", "i64[] = [9000]", "f32[8191]"}},
  };
  for (OpCase& c : all) c.atol = 5e-5;  // of sums of up to 8191 numbers below 1
  return all;
}

const Rejection rejected[] = {
    {"rank", Stft{}, {"f32[2, 7]", "i64[]"}, "signal has rank 2, expected 3"},
    {"parts", Stft{}, {"f32[2, 7, 3]", "i64[]"}, "last dimension of signal is 3, expected 1"},
    {"type", Stft{}, {"i64[2, 7, 1]", "i64[]"}, "signal is i64, expected f16, bf16, f32 or f64"},
    {"step 0", Stft{}, {"f32[2, 7, 1]", "i64[] = [0]"}, "frame_step is 0, expected at least 1"},
    {"steps", Stft{}, {"f32[2, 7, 1]", "i64[2]"}, "frame_step has shape [2], expected one number"},
    {"window's type",
     Stft{},
     {"f32[2, 7, 1]", "i64[] = [1]", "f64[3]"},
     "window is f64, signal is f32"},
    {"window's rank", Stft{}, {"f32[2, 7, 1]", "i64[] = [1]", "f32[3, 1]"}, "window has rank 2"},
    {"two lengths",
     Stft{},
     {"f32[2, 7, 1]", "i64[] = [1]", "f32[3]", "i64[] = [4]"},
     "the window and frame_length: 3 and 4 differ"},
    {"too long",
     Stft{},
     {"f32[2, 7, 1]", "i64[] = [1]", "_", "i64[] = [8]"},
     "signal has 7 samples, a frame has 8"},
    {"no length",
     Stft{},
     {"f32[2, 7, 1]", "i64[] = [1]", "_", "i64[] = [-1]"},
     "frame_length is -1, expected at least 1"},
};

TEST(Stft, AgreesOnEveryTarget) { expect_targets_agree(cases()); }
TEST(Stft, RefusesBadNodes) { expect_rejected(rejected); }

/// Frames 1 2 and 3 4 (the 5 is left over), windowed by 1 and -1: sums -1, differences 3 and 7.
TEST(Stft, FollowsTheDefinition) {
  const Tensor x = Tensor::from<float>({1, 5, 1}, {1, 2, 3, 4, 5});
  const Tensor y =
      run_reference(Stft{}, {x, Tensor::scalar<int64_t>(2), Tensor::from<float>({2}, {1, -1})})[0];
  ASSERT_EQ(y.shape(), (Shape{1, 2, 2, 2}));
  const float want[] = {-1, 0, 3, 0, -1, 0, 7, 0};
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(y.data<float>()[i], want[i], 1e-6) << i;
}

}  // namespace
}  // namespace drawbar
