#pragma once

#include <optional>
#include <string_view>

#include "ir/infer.h"

namespace drawbar::ops {

// What the signal operators' inferences share.

/// Checks that input i, named `what`, is one integer, i32 or i64.
void expect_one_integer(const Infer& context, size_t i, std::string_view what);
/// Its value, or nothing where it is absent or only known while running.
std::optional<Dim> one_integer(const Infer& context, size_t i);
/// Checks that input i, named `what`, is f16, bf16, f32 or f64.
void expect_signal(const Infer& context, size_t i, std::string_view what);
/// Throws where a number cannot be the length of a transform.
void check_length(const Dim& length, std::string_view what);
/// Checks the element type of a table of numbers: integers of 8 bits or more, f16, bf16, f32, f64.
void check_table_type(ElementType type);
/// The operations of one transform, about 5 n log2(n).
Dim fourier_operations(const Dim& length);

}  // namespace drawbar::ops
