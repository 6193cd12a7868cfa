#include <gtest/gtest.h>

#include "ops/optional/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using namespace ops;

const OpCase cases[] = {
    {"of a tensor", Optional{}, {"f32[3]"}},
    {"of a sequence", Optional{}, {"seq(f32[3])"}},
    {"empty", Optional{"seq(f32[2])"}, {}},
    {"get", OptionalGetElement{}, {"opt(f32[3])"}},
    {"get from a tensor", OptionalGetElement{}, {"f32[3]"}},
    {"has", OptionalHasElement{}, {"opt(f32[3])"}},
    {"has a tensor", OptionalHasElement{}, {"f32[3]"}},
    {"has nothing", OptionalHasElement{}, {}},
};

const Rejection rejected[] = {
    {"no type", Optional{}, {}, "'' is no type"},
    {"a wrong type", Optional{"f99[3]"}, {}, "f99"},
    {"a graph for a type", Optional{"f32[1]) { return %x } graph h(%y: f32[1]"}, {}, "is no type"},
};

TEST(Optional, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Optional, RefusesBadNodes) { expect_rejected(rejected); }

TEST(Optional, AnEmptyOneHasNothingToGet) {
  const Tensor empty = Tensor::compound(Tensor::Kind::optional, {});
  EXPECT_FALSE(run_reference(OptionalHasElement{}, {empty})[0].data<bool>()[0]);
  EXPECT_THROW(run_reference(OptionalGetElement{}, {empty}), Error);
}

}  // namespace
}  // namespace drawbar
