#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// How a cast to f8e8m0, which has powers of two only, rounds.
enum class PowerRounding : uint8_t { up, down, nearest };

/// x of any type → the same shape in element type `to`.
///
/// Between floats: to the nearest, ties to even; `saturate` decides whether what is too large for
/// an 8-bit float becomes the largest number or infinity (not-a-number where there is none), and
/// `round_mode` holds for f8e8m0. Floats to integers truncate; outside the type's range (undefined
/// in ONNX) i32 and i64 give their lowest number, narrower integers the low bits of the i32.
/// Integers to integers wrap. Anything but 0 is true. Strings hold numbers in decimal or scientific
/// notation, "inf" or "nan" in any case, and are refused otherwise (INVALID_ARGUMENT, while
/// running); numbers become the shortest text that reads back. Complex numbers only cast to
/// themselves.
/// Source: ONNX Cast-25, CastLike-25.
struct Cast {
  static constexpr std::string_view name = "Cast";
  ElementType to = ElementType::f32;
  bool saturate = true;
  PowerRounding round_mode = PowerRounding::up;
  void fields(auto&& field) {
    field("to", to);
    field("saturate", saturate);
    field("round_mode", round_mode);
  }
};

/// x → the same bits under another element type of the same width. Source: ONNX BitCast-26.
struct BitCast {
  static constexpr std::string_view name = "BitCast";
  ElementType to = ElementType::f32;
  void fields(auto&& field) { field("to", to); }
};

void infer(const Cast&, Infer&);
void reference(const Cast&, Evaluation&);
bool keeps_rows(const Cast&, const Infer&, const std::vector<bool>& batched);
void infer(const BitCast&, Infer&);
void reference(const BitCast&, Evaluation&);

}  // namespace drawbar::ops

template <>
struct drawbar::EnumNames<drawbar::ops::PowerRounding> {
  static constexpr std::string_view names[] = {"up", "down", "nearest"};
};
