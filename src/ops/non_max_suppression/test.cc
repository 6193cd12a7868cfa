#include <algorithm>

#include "ops/non_max_suppression/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::NonMaxSuppression;
using ops::NonMaxSuppressionPadded;

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

std::string repeated(const std::string& type, const std::string& numbers, size_t times) {
  std::string text = type + " = [" + numbers;
  for (size_t i = 1; i < times; ++i) text += ", " + numbers;
  return text + "]";
}

/// So many boxes in [0, 1), of which half or so overlap another.
OpCase crowd(const std::string& name, int64_t count, const std::string& overlap = "0.2") {
  return {name,
          NonMaxSuppressionPadded{false, count},
          {fmt::format("f32[1, {}, 4]", count), fmt::format("f32[1, 1, {}]", count),
           fmt::format("i64[1] = [{}]", count), "f32[1] = [" + overlap + "]", "f32[1] = [0.1]"},
          2,
          0,
          1};
}

const OpCase padded[] = {
    crowd("one box", 1),
    crowd("a warp less one", 31),
    crowd("a warp", 32),
    crowd("a warp and one", 33),
    crowd("a tile", 256),
    crowd("tiles", 1025),
    crowd("overlaps of any size", 300, "0"),
    crowd("no overlap is too large", 600, "1"),
    crowd("two chunks", 4097),
    crowd("three chunks", 9001),
    {"two classes", NonMaxSuppressionPadded{false, 3}, {boxes, scores, "i64[1] = [3]"}, 2},
    {"fewer than there is room for",
     NonMaxSuppressionPadded{false, 6},
     {boxes, scores, "i64[] = [2]", "f32[] = [0.5]"},
     2},
    {"more than there is room for",
     NonMaxSuppressionPadded{false, 2},
     {boxes, scores, "i64[] = [5]", "_", "f32[] = [0.4]"},
     2},
    {"none is good enough",
     NonMaxSuppressionPadded{false, 3},
     {boxes, scores, "i64[1] = [3]", "f32[1] = [0.5]", "f32[1] = [1]"},
     2},
    {"none is asked for", NonMaxSuppressionPadded{false, 3}, {boxes, scores, "i64[1] = [0]"}, 2},
    {"less than none", NonMaxSuppressionPadded{false, 3}, {boxes, scores, "i64[1] = [-7]"}, 2},
    {"no room", NonMaxSuppressionPadded{}, {boxes, scores, "i64[1] = [3]"}, 2},
    {"images and classes",
     NonMaxSuppressionPadded{false, 50},
     {"f32[3, 129, 4]", "f32[3, 7, 129]", "i64[1] = [50]", "f32[1] = [0.3]", "f32[1] = [-0.5]"},
     2},
    {"stops within a later tile",
     NonMaxSuppressionPadded{false, 290},
     {"f32[1, 700, 4]", "f32[1, 2, 700]", "i64[1] = [290]", "f32[1] = [0.6]"},
     2},
    {"by centre",
     NonMaxSuppressionPadded{true, 127},
     {"f32[1, 127, 4]", "f32[1, 1, 127]", "i64[1] = [127]", "f32[1] = [0.1]"},
     2,
     0.1,
     1},
    {"by centre, turned inside out",
     NonMaxSuppressionPadded{true, 127},
     {"f32[1, 127, 4]", "f32[1, 1, 127]", "i64[1] = [127]", "f32[1] = [0.1]"},
     2},
    {"equal scores",
     NonMaxSuppressionPadded{false, 60},
     {"f32[1, 60, 4]", repeated("f32[1, 1, 60]", "0.5, -0, 0", 20), "i64[1] = [60]",
      "f32[1] = [0.3]"},
     2},
    {"all equal, across chunks",
     NonMaxSuppressionPadded{true, 5000},
     {"f32[1, 5000, 4]", "f32[1, 1, 5000]", "i64[1] = [5000]", "f32[1] = [1]"},
     2,
     0.5,
     0.5},
    {"equal boxes",
     NonMaxSuppressionPadded{false, 16},
     {repeated("f32[1, 16, 4]", "0, 0, 1, 1, 0, 0, 1, 2", 8), "f32[1, 1, 16]", "i64[1] = [16]",
      "f32[1] = [0.5]"},
     2},
    {"boxes without area",
     NonMaxSuppressionPadded{false, 16},
     {repeated("f32[1, 16, 4]", "0, 0, 0, 1, 0, 0, 1, 2", 8), "f32[1, 1, 16]", "i64[1] = [16]"},
     2},
    {"not-a-number and infinity",
     NonMaxSuppressionPadded{false, 16},
     {repeated("f32[1, 16, 4]", "nan, 0, 1, 1, 0, -inf, 1, inf, 0, 0, 1, 1, 0, 0, 1, nan", 4),
      repeated("f32[1, 4, 16]", "1, nan, -inf, inf", 16), "i64[1] = [16]", "f32[1] = [0.1]"},
     2},
};

const Rejection rejected[] = {
    {"coordinates", NonMaxSuppression{}, {"f32[1, 6, 5]", "f32[1, 1, 6]"}, "coordinates of boxes"},
    {"counts", NonMaxSuppression{}, {"f32[1, 6, 4]", "f32[1, 1, 7]"}, "boxes and their scores"},
    {"type", NonMaxSuppression{}, {"f64[1, 6, 4]", "f32[1, 1, 6]"}, "boxes are f64"},
    {"thresholds",
     NonMaxSuppression{},
     {"f32[1, 6, 4]", "f32[1, 1, 6]", "i64[1]", "f32[2]"},
     "iou_threshold has 2 elements, expected 1"},
    {"room", NonMaxSuppressionPadded{false, -1}, {"f32[1, 6, 4]", "f32[1, 1, 6]"}, "most is -1", 2},
};

TEST(NonMaxSuppression, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(NonMaxSuppression, AgreesOnEveryTargetPadded) { expect_targets_agree(padded); }
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

/// The definition, box by box; boxes [1, B, 4] by corners.
std::vector<int64_t> greedy(const float* boxes, const float* scores, int64_t count, float limit) {
  std::vector<int64_t> order(static_cast<size_t>(count)), kept;
  for (int64_t i = 0; i < count; ++i) order[static_cast<size_t>(i)] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  const auto area = [](const float* b) { return (b[2] - b[0]) * (b[3] - b[1]); };
  for (int64_t i : order) {
    bool keep = true;
    for (int64_t k : kept) {
      const float *a = boxes + i * 4, *b = boxes + k * 4;
      const float height = std::min(a[2], b[2]) - std::max(a[0], b[0]);
      const float width = std::min(a[3], b[3]) - std::max(a[1], b[1]);
      const float both = width * height;
      keep &= !(width > 0 && height > 0 && both / (area(a) + area(b) - both) > limit);
    }
    if (keep) kept.push_back(i);
  }
  return kept;
}

TEST(NonMaxSuppression, FindsOverlapsInCrowdsFarApart) {
  constexpr int64_t count = 2000;
  Tensor boxes = draw("f32[1, 2000, 4]", 11, 0, 1);
  const Tensor scores = draw("f32[1, 1, 2000]", 12, 0, 1);
  float* corner = boxes.data<float>();
  for (int64_t i = 0; i < count; ++i, corner += 4) {
    corner[2] = corner[0] + corner[2] + 0.01f;
    corner[3] = corner[1] + corner[3] + 0.01f;
    const auto away = static_cast<float>(i % 7 * i % 5 * 10);
    for (int k = 0; k < 4; ++k) corner[k] += away;
  }
  const Tensor most = Tensor::from<int64_t>({1}, {count}), limit = Tensor::from<float>({1}, {0.3f});
  const Tensor y = run_reference(NonMaxSuppression{}, {boxes, scores, most, limit})[0];
  const auto want = greedy(boxes.data<float>(), scores.data<float>(), count, 0.3f);
  ASSERT_EQ(y.dim(0), static_cast<int64_t>(want.size()));
  for (size_t i = 0; i < want.size(); ++i) EXPECT_EQ(y.data<int64_t>()[3 * i + 2], want[i]);
}

}  // namespace
}  // namespace drawbar
