#include "ops/cosine_window/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::CosineWindow;
using ops::WindowShape;

const OpCase cases[] = {
    {"size as input", CosineWindow{}, {"i64[] = [13]"}},
    {"i32", CosineWindow{WindowShape::hamming, false}, {"i32[1] = [7]"}},
    {"double", CosineWindow{WindowShape::blackman, true, ElementType::f64}, {"i64[] = [127]"}},
    {"half", CosineWindow{WindowShape::hann, true, ElementType::f16}, {"i64[] = [129]"}},
    {"empty", CosineWindow{}, {"i64[] = [0]"}},
};

const Rejection rejected[] = {
    {"negative", CosineWindow{}, {"i64[] = [-1]"}, "size is -1, expected at least 0"},
    {"two sizes", CosineWindow{}, {"i64[2]"}, "size has shape [2], expected one number"},
    {"float size", CosineWindow{}, {"f32[]"}, "size is f32, expected i32 or i64"},
    {"strings",
     CosineWindow{WindowShape::hann, true, ElementType::string},
     {"i64[]"},
     "output_datatype is string"},
    {"4 bits",
     CosineWindow{WindowShape::hann, true, ElementType::i4},
     {"i64[]"},
     "output_datatype is i4"},
};

TEST(CosineWindow, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(CosineWindow, RefusesBadNodes) { expect_rejected(rejected); }

void expect_window(CosineWindow op, std::vector<double> want) {
  op.element = ElementType::f64;
  const Tensor w = run_reference(op, {Tensor::scalar(static_cast<int64_t>(want.size()))})[0];
  for (size_t j = 0; j < want.size(); ++j) {
    EXPECT_NEAR(w.data<double>()[j], want[j], 1e-15) << op.op_name() << " " << j;
  }
}

TEST(CosineWindow, FollowsTheDefinition) {
  expect_window({WindowShape::hann, true}, {0, 0.5, 1, 0.5});
  expect_window({WindowShape::hann, false}, {0, 0.75, 0.75, 0});
  expect_window({WindowShape::hamming, true}, {2.0 / 23, 25.0 / 46, 1, 25.0 / 46});
  expect_window({WindowShape::blackman, true}, {0, 0.34, 1, 0.34});
  expect_window({WindowShape::blackman, false}, {0, 0.63, 0.63, 0});
  for (const bool periodic : {false, true})
    expect_window({WindowShape::hamming, periodic}, {periodic ? 2.0 / 23 : 1});
}

TEST(CosineWindow, TruncatesIntegers) {
  for (const ElementType type : {ElementType::i8, ElementType::u16, ElementType::u64}) {
    const CosineWindow op{WindowShape::hann, true, type};
    const Tensor w = run_reference(op, {Tensor::scalar<int64_t>(4)})[0];
    EXPECT_EQ(read_integers(w), (std::vector<int64_t>{0, 0, 1, 0})) << name(type);
  }
}

}  // namespace
}  // namespace drawbar
