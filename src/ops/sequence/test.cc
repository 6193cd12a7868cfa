#include <gtest/gtest.h>

#include "ops/sequence/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using namespace ops;

const OpCase cases[] = {
    {"construct", SequenceConstruct{}, {"f32[3]", "f32[3]"}},
    {"construct, shapes differ", SequenceConstruct{}, {"f32[3, 2]", "f32[1, 2]", "f32[7, 2]"}},
    {"construct, ranks differ", SequenceConstruct{}, {"i64[3]", "i64[]"}},
    {"construct, strings", SequenceConstruct{}, {"string[2]"}},
    {"empty", SequenceEmpty{ElementType::i64}, {}},
    {"at", SequenceAt{}, {"seq(f32[4])", "i64[] = [1]"}},
    {"at, from the end", SequenceAt{}, {"seq(f32[4])", "i32[] = [-1]"}},
    {"insert", SequenceInsert{}, {"seq(f32[4])", "f32[4]"}},
    {"insert at 0", SequenceInsert{}, {"seq(f32[4])", "f32[2]", "i64[] = [0]"}},
    {"erase", SequenceErase{}, {"seq(f32[4])"}},
    {"erase the first", SequenceErase{}, {"seq(f32[4])", "i64[] = [-3]"}},
    {"length", SequenceLength{}, {"seq(i64[2])"}},
    {"split", SplitToSequence{}, {"f32[7, 3]"}},
    {"split, axis dropped", SplitToSequence{1, false}, {"f32[2, 13]"}},
    {"split by one size", SplitToSequence{1}, {"f32[2, 13, 3]", "i64[] = [4]"}},
    {"split into equal parts", SplitToSequence{1}, {"f32[2, 12, 3]", "i64[] = [4]"}},
    {"split by sizes", SplitToSequence{-1}, {"i64[2, 6]", "i64[3] = [1, 0, 5]"}},
    {"split, half bytes", SplitToSequence{0}, {"i4[6, 3]", "i64[] = [2]"}},
    {"join", ConcatFromSequence{0}, {"seq(f32[4, 3])"}},
    {"join, last axis", ConcatFromSequence{-1}, {"seq(f32[4, 3])"}},
    {"join along a new axis", ConcatFromSequence{-1, true}, {"seq(f16[4, 3])"}},
    {"join scalars", ConcatFromSequence{0, true}, {"seq(f32[])"}},
};

const Rejection rejected[] = {
    {"no inputs", SequenceConstruct{}, {}, "expected at least 1"},
    {"element types", SequenceConstruct{}, {"f32[1]", "i64[1]"}, "element 1 is f32[1] or i64[1]"},
    {"at a tensor", SequenceAt{}, {"f32[3]", "i64[]"}, "expected a sequence"},
    {"position type", SequenceAt{}, {"seq(f32[3])", "f32[]"}, "position is f32"},
    {"position shape", SequenceAt{}, {"seq(f32[3])", "i64[2]"}, "expected one element"},
    {"insert another type", SequenceInsert{}, {"seq(f32[3])", "i64[3]"}, "inserted is f32"},
    {"split axis", SplitToSequence{2}, {"f32[3, 2]"}, "axis is 2"},
    {"split by floats", SplitToSequence{0}, {"f32[3, 2]", "f32[]"}, "expected integers"},
    {"join axis", ConcatFromSequence{2}, {"seq(f32[4, 3])"}, "axis is 2"},
};

TEST(Sequence, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Sequence, RefusesBadNodes) { expect_rejected(rejected); }

TEST(Sequence, RefusesBadPositionsWhileRunning) {
  const Tensor one = Tensor::from<float>({1}, {1.f});
  const Tensor sequence = Tensor::compound(Tensor::Kind::sequence, {one, one});
  const auto code = [](const Op& op, const std::vector<Tensor>& inputs) {
    try {
      run_reference(op, inputs);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  for (int64_t position : {int64_t{2}, int64_t{-3}, INT64_MAX, INT64_MIN}) {
    const Tensor at = Tensor::scalar(position);
    EXPECT_EQ(code(SequenceAt{}, {sequence, at}), ErrorCode::invalid_argument) << position;
    EXPECT_EQ(code(SequenceErase{}, {sequence, at}), ErrorCode::invalid_argument) << position;
  }
  EXPECT_EQ(code(SplitToSequence{}, {one, Tensor::scalar<int64_t>(0)}),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code(SplitToSequence{1}, {Tensor::allocate(ElementType::i8, {0, INT32_MAX})}),
            ErrorCode::resource_exhausted)
      << "two billion parts of nothing";
  EXPECT_EQ(code(SplitToSequence{}, {one, Tensor::from<int64_t>({2}, {INT64_MAX, 2})}),
            ErrorCode::invalid_model);
  const Tensor empty = Tensor::compound(Tensor::Kind::sequence, {});
  EXPECT_EQ(code(ConcatFromSequence{}, {empty}), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace drawbar
