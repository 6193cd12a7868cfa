#include "ops/shape/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::EyeLike;
using ops::NumberRange;
using ops::ShapeOf;
using ops::SizeOf;

const OpCase cases[] = {
    {"shape", ShapeOf{}, {"f32[3, 1, 7]"}},
    {"some", ShapeOf{.start = 1, .end = -1}, {"f32[3, 1, 7, 13]"}},
    {"clamped", ShapeOf{.start = -9, .end = 9}, {"f32[3, 1]"}},
    {"none", ShapeOf{.start = 2, .end = 1}, {"f32[3, 1, 4]"}},
    {"of a scalar", ShapeOf{}, {"f32[]"}},
    {"size", SizeOf{}, {"u8[3, 1, 7]"}},
    {"range", NumberRange{}, {"i64[] = [3]", "i64[] = [10]", "i64[] = [3]"}},
    {"down", NumberRange{}, {"i32[] = [3]", "i32[] = [-4]", "i32[] = [-2]"}},
    {"no range", NumberRange{}, {"i64[] = [3]", "i64[] = [-4]", "i64[] = [2]"}},
    {"float range", NumberRange{}, {"f32[] = [0.5]", "f32[1] = [4]", "f32[] = [0.25]"}},
    {"eye", EyeLike{}, {"f32[7, 5]"}},
    {"eye above", EyeLike{.element = ElementType::i64, .k = 2}, {"f32[3, 13]"}},
    {"eye below", EyeLike{.element = ElementType::f16, .k = -1}, {"f32[3, 3]"}},
    {"eye outside", EyeLike{.element = ElementType::boolean, .k = -9}, {"f32[3, 3]"}},
};

const Rejection rejected[] = {
    {"types", NumberRange{}, {"i64[]", "i32[]", "i64[]"}, "limit is i32, but start is i64"},
    {"vectors", NumberRange{}, {"i64[2]", "i64[]", "i64[]"}, "start has shape [2]"},
    {"delta 0", NumberRange{}, {"i64[] = [3]", "i64[] = [4]", "i64[] = [0]"}, "delta is 0"},
    {"eye of a vector", EyeLike{}, {"f32[3]"}, "x has rank 1, expected 2"},
    {"eye of strings", EyeLike{.element = ElementType::string}, {"f32[3, 3]"}, "element is string"},
};

TEST(ShapeOf, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(ShapeOf, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
