#include "ops/non_max_suppression/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::NonMaxSuppression;

constexpr const char* boxes =
    "f32[1, 6, 4] = [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, -0.1, 1, 0.9, 0, 10, 1, 11, 0, 10.1, 1, 11.1, "
    "0, 100, 1, 101]";
constexpr const char* scores = "f32[1, 2, 6] = [0.9, 0.75, 0.6, 0.95, 0.5, 0.3, 0, 0, 1, 0, 1, 0]";

const OpCase cases[] = {
    {"two classes", NonMaxSuppression{}, {boxes, scores, "i64[1] = [3]", "f32[1] = [0.5]"}},
    {"above a score",
     NonMaxSuppression{},
     {boxes, scores, "i64[] = [3]", "f32[] = [0.5]", "f32[1] = [0.4]"}},
    {"many",
     NonMaxSuppression{},
     {"f32[2, 129, 4]", "f32[2, 3, 129]", "i64[1] = [50]", "f32[1] = [0.3]"}},
    {"by centre",
     NonMaxSuppression{true},
     {"f32[1, 127, 4]", "f32[1, 1, 127]", "i64[1] = [127]", "f32[1] = [0.1]"},
     1,
     0.1,
     1},
    {"none asked for", NonMaxSuppression{}, {boxes, scores}},
    {"no boxes", NonMaxSuppression{}, {"f32[1, 0, 4]", "f32[1, 3, 0]", "i64[1] = [5]"}},
};

const Rejection rejected[] = {
    {"coordinates", NonMaxSuppression{}, {"f32[1, 6, 5]", "f32[1, 1, 6]"}, "coordinates of boxes"},
    {"counts", NonMaxSuppression{}, {"f32[1, 6, 4]", "f32[1, 1, 7]"}, "boxes and their scores"},
    {"type", NonMaxSuppression{}, {"f64[1, 6, 4]", "f32[1, 1, 6]"}, "boxes are f64"},
    {"thresholds",
     NonMaxSuppression{},
     {"f32[1, 6, 4]", "f32[1, 1, 6]", "i64[1]", "f32[2]"},
     "iou_threshold has 2 elements, expected 1"},
};

TEST(NonMaxSuppression, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(NonMaxSuppression, RefusesBadNodes) { expect_rejected(rejected); }

TEST(NonMaxSuppression, SelectsByScore) {
  const std::vector<Tensor> y = run_reference(
      NonMaxSuppression{},
      {draw(boxes, 1), draw(scores, 1), draw("i64[1] = [3]", 1), draw("f32[1] = [0.5]", 1)});
  // Of equal scores the first box comes first.
  expect_close(
      y[0], Tensor::from<int64_t>({6, 3}, {0, 0, 3, 0, 0, 0, 0, 0, 5, 0, 1, 2, 0, 1, 4, 0, 1, 5}),
      0, 0, "selected");
}

}  // namespace
}  // namespace drawbar
