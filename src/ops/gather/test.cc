#include "ops/gather/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Gather;
using ops::GatherElements;
using ops::GatherND;

const OpCase cases[] = {
    {"rows", Gather{}, {"f32[127, 13]", "i64[3] = [5, -1, 0]"}},
    {"one", Gather{1}, {"f32[3, 7, 5]", "i64[] = [6]"}},
    {"columns", Gather{-1}, {"f16[7, 13]", "i32[2, 2] = [0, 12, -13, 1]"}},
    {"none", Gather{}, {"f32[3]", "i64[0] = []"}},
    {"bytes", Gather{1}, {"u8[2, 129]", "i64[1] = [128]"}},
    {"embedding", Gather{}, {"bf16[33, 24]", "i64[2, 3] = [5, -1, 0, 32, 7, 7]"}},
    {"large", Gather{}, {"u8[5, 270001]", "i64[4] = [3, 0, -1, 3]"}},
    {"packed", Gather{}, {"i4[3, 3]", "i64[2] = [2, 0]"}},
    {"contents", Gather{}, {"i64[4] = [1, 3, 224, 225]", "i64[] = [-1]"}},
    {"elements", GatherElements{1}, {"f32[3, 7]", "i64[2, 3] = [6, 0, -1, 3, 3, 2]"}},
    {"elements in front", GatherElements{}, {"f64[3, 2]", "i64[1, 2] = [2, 0]"}},
    {"elements of halves",
     GatherElements{1},
     {"f16[2, 5, 3]", "i32[2, 2, 3] = [4, 0, -1, 3, 3, 2, 0, 0, 1, 2, 4, 4]"}},
    {"slices", GatherND{}, {"f32[3, 7, 5]", "i64[2, 1] = [2, -3]"}},
    {"single elements", GatherND{}, {"f32[3, 7]", "i64[2, 2] = [2, 0, -1, -7]"}},
    {"batches", GatherND{1}, {"f32[2, 5, 3]", "i64[2, 2, 1] = [1, 0, 4, 4]"}},
};

const Rejection rejected[] = {
    {"outside", Gather{}, {"f32[3]", "i64[1] = [3]"}, "index 3 is outside a dimension of 3"},
    {"far outside", Gather{}, {"f32[3]", "i64[1] = [-9223372036854775808]"}, "is outside"},
    {"axis", Gather{2}, {"f32[3]", "i64[1]"}, "axis is 2, expected -1 to 0"},
    {"scalar", Gather{}, {"f32[]", "i64[1]"}, "axis is 0"},
    {"float indices", Gather{}, {"f32[3]", "f32[1]"}, "indices are f32, expected i64 or i32"},
    {"ranks", GatherElements{}, {"f32[3, 3]", "i64[1]"}, "indices has rank 1, expected 2"},
    {"too many",
     GatherElements{},
     {"f32[3, 3]", "i64[1, 4]"},
     "indices have 4 along dimension 1, x has 3"},
    {"long lines", GatherND{}, {"f32[3]", "i64[1, 2]"}, "indices have 2 entries a line"},
    {"batch_dims", GatherND{2}, {"f32[3, 3]", "i64[1, 2]"}, "batch_dims is 2, expected 0 to 1"},
};

TEST(Gather, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Gather, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
