#include "ops/reduce/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Reduce;
using ops::Reduction;

Reduce reduce(Reduction kind, std::vector<int64_t> axes = {}, bool keep_dims = true) {
  return Reduce{.kind = kind, .axes = std::move(axes), .keep_dims = keep_dims};
}

std::vector<OpCase> every_kind() {
  std::vector<OpCase> cases;
  for (int k = 0; k <= static_cast<int>(Reduction::sum_square); ++k) {
    const auto kind = static_cast<Reduction>(k);
    const std::string name(reduce(kind).op_name());
    const double low = kind == Reduction::log_sum ? 0.5 : -1;
    const auto add = [&](const std::string& what, std::vector<int64_t> axes, bool keep,
                         std::vector<std::string> inputs) {
      cases.push_back({.name = name + ", " + what,
                       .op = reduce(kind, std::move(axes), keep),
                       .inputs = std::move(inputs),
                       .low = low,
                       .high = 2,
                       .rtol = 2e-4,
                       .atol = 2e-5});
    };
    add("last axis", {-1}, true, {"f32[7, 129]"});
    add("first axis", {0}, false, {"f32[13, 127]"});
    add("inner and outer", {0, 2}, false, {"f32[3, 5, 7]"});
    add("outer and inner kept", {1}, true, {"f32[2, 13, 33]"});
    add("three of four", {0, 2, 3}, true, {"f32[2, 7, 5, 3]"});
    add("spatial", {2, 3}, true, {"f32[2, 17, 7, 9]"});
    add("channels", {1}, true, {"f32[2, 17, 3, 5]"});
    add("everything", {}, false, {"f32[3, 1, 129]"});
    add("scalar", {}, true, {"f32[]"});
    add("nothing left to reduce", {1}, true, {"f32[0, 4]"});
    add("half", {1}, true, {"f16[3, 9]"});
    add("double", {0}, true, {"f64[3, 9]"});
    add("run-time axes", {}, true, {"f32[3, 4, 5]", "i64[2] = [0, -1]"});
  }
  return cases;
}

const OpCase cases[] = {
    {"long sum", reduce(Reduction::sum, {1}), {"f32[3, 20000]"}},
    {"long column", reduce(Reduction::mean, {0}), {"f32[20000, 3]"}},
    {"empty sum", reduce(Reduction::sum, {1}), {"f32[3, 0]"}},
    {"empty max", reduce(Reduction::max, {1}), {"f32[3, 0, 2]"}},
    {"integers", reduce(Reduction::sum, {0}), {"i64[7, 3]"}, 1, -9, 9},
    {"integer mean", reduce(Reduction::mean, {0}), {"i32[7, 3]"}, 1, -9, 9},
    {"bytes", reduce(Reduction::max, {1}), {"u8[7, 13]"}, 1, 0, 9},
    {"half, rows", reduce(Reduction::mean, {-1}), {"f16[5, 768]"}},
    {"half, a long row", reduce(Reduction::mean, {-1}), {"f16[1, 40000]"}},
    {"half, columns", reduce(Reduction::mean, {0}), {"f16[33, 264]"}},
    {"half, long columns", reduce(Reduction::mean, {0}), {"f16[3000, 24]"}},
    {"half, short columns", reduce(Reduction::max, {1}), {"f16[3, 4, 64]"}},
    {"bfloat16, pixels", reduce(Reduction::mean, {2, 3}), {"bf16[2, 24, 5, 4]"}},
    {"pixels, channels and width kept", reduce(Reduction::max, {2}, false), {"f16[2, 8, 5, 4]"}},
    {"a long row of exponentials", reduce(Reduction::log_sum_exp, {}), {"f32[30000]"}, 1, -9, 9},
    {"long columns of exponentials",
     reduce(Reduction::log_sum_exp, {0}),
     {"f32[2000, 5]"},
     1,
     -9,
     9},
    {"masked exponentials",
     reduce(Reduction::log_sum_exp, {1}),
     {"f32[2, 3] = [-inf, 1, 2, -inf, -inf, -inf]"}},
    {"conditions", reduce(Reduction::max, {1}), {"bool[3, 70]"}},
    {"all conditions", reduce(Reduction::min, {0}), {"bool[2, 7]"}},
    {"integer products", reduce(Reduction::prod, {1}), {"i64[3, 5]"}, 1, -4, 4},
    {"magnitudes of bytes", reduce(Reduction::l1, {1}), {"i8[3, 17]"}, 1, -7, 7},
    {"least of bytes", reduce(Reduction::min, {0}), {"i8[3, 17]"}, 1, -100, 100},
    {"unsigned squares", reduce(Reduction::sum_square, {1}), {"u32[3, 17]"}, 1, 0, 99},
    {"root of integers", reduce(Reduction::l2, {1}), {"i32[3, 17]"}, 1, -9, 9},
    {"no axes, nothing done", Reduce{.noop_with_empty_axes = true}, {"f32[3, 7]"}},
    {"no axes, squares still",
     Reduce{.kind = Reduction::sum_square, .noop_with_empty_axes = true},
     {"f32[3, 7]"}},
};

const Rejection rejected[] = {
    {"axis out of range",
     reduce(Reduction::sum, {2}),
     {"f32[3, 4]"},
     "axes is 2, expected -2 to 1"},
    {"bool sum", reduce(Reduction::sum), {"bool[3]"}, "data is bool, expected numbers"},
    {"float axes", reduce(Reduction::sum), {"f32[3]", "f32[1]"}, "axes are f32"},
};

TEST(Reduce, EveryKindAgreesOnEveryTarget) { expect_targets_agree(every_kind()); }
TEST(Reduce, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Reduce, RefusesBadNodes) { expect_rejected(rejected); }

TEST(Reduce, FoldsShapeComputations) {
  const Type type(ElementType::i64, {Dim(2)});
  const Dims content = {Dim::symbol("N"), Dim(3)};
  Infer context("t", {{&type, nullptr, &content}}, 1);
  infer(reduce(Reduction::prod, {0}, false), context);
  ASSERT_TRUE(context.results()[0].content);
  EXPECT_EQ((*context.results()[0].content)[0], Dim::symbol("N") * Dim(3));
}

TEST(Reduce, BooleansAreOrAndAnd) {
  const Tensor x = Tensor::from<bool>({2, 2}, {true, false, true, true});
  EXPECT_TRUE(run_reference(reduce(Reduction::max, {1}, false), {x})[0].identical(
      Tensor::from<bool>({2}, {true, true})));
  EXPECT_TRUE(run_reference(reduce(Reduction::min, {1}, false), {x})[0].identical(
      Tensor::from<bool>({2}, {false, true})));
}

TEST(Reduce, LogSumExpDoesNotOverflow) {
  const Tensor x = Tensor::from<float>({2}, {1000.0f, 1000.0f});
  const Tensor y = run_reference(reduce(Reduction::log_sum_exp), {x})[0];
  EXPECT_NEAR(y.data<float>()[0], 1000.6931f, 1e-3);
}

}  // namespace
}  // namespace drawbar
