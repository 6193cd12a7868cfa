#pragma once

#include "ir/op.h"

namespace drawbar::ops {

enum class ResizeMode : uint8_t { nearest, linear, cubic };
enum class ResizeCoordinates : uint8_t {
  half_pixel,            // (o + 0.5) / scale - 0.5
  half_pixel_symmetric,  // the same, centred when the output's size was rounded
  pytorch_half_pixel,    // half_pixel; -0.5 for one output
  align_corners,         // o * (inputs - 1) / (outputs - 1)
  asymmetric,            // o / scale
  tf_half_pixel_for_nn,  // (o + 0.5) / scale
  tf_crop_and_resize,    // within roi; outside of x: extrapolation_value
};
enum class ResizeRounding : uint8_t { round_prefer_floor, round_prefer_ceil, floor, ceil };
enum class ResizePolicy : uint8_t { stretch, not_larger, not_smaller };

/// Interpolates along `axes` (empty: all), each by its own scale.
///
/// x [d0…dn], roi [2 axes] floats (starts, then ends; only for tf_crop_and_resize), scales [axes]
/// f32, sizes [axes] i64 (one of the two) → y with sizes, or floor(d * scale). Other policies than
/// stretch scale all axes alike so that none gets larger (smaller) than its size.
/// nearest takes any element type, linear and cubic numbers; integers saturate and truncate.
/// Coordinates are computed in f32, as onnxruntime does. Source: ONNX Resize-19.
struct Resize {
  static constexpr std::string_view name = "Resize";
  ResizeMode mode = ResizeMode::nearest;
  ResizeCoordinates coordinates = ResizeCoordinates::half_pixel;
  ResizeRounding rounding = ResizeRounding::round_prefer_floor;  // nearest
  ResizePolicy policy = ResizePolicy::stretch;                   // with sizes
  bool antialias = false;                                        // linear and cubic, downwards
  bool exclude_outside = false;                                  // cubic
  float cubic_coeff_a = -0.75f, extrapolation_value = 0;
  std::vector<int64_t> axes;
  void fields(auto&& field) {
    field("mode", mode);
    field("coordinates", coordinates);
    field("rounding", rounding);
    field("policy", policy);
    field("antialias", antialias);
    field("exclude_outside", exclude_outside);
    field("cubic_coeff_a", cubic_coeff_a);
    field("extrapolation_value", extrapolation_value);
    field("axes", axes);
  }
};

void infer(const Resize&, Infer&);
void reference(const Resize&, Evaluation&);
Dim operations(const Resize&, const Infer&);
bool keeps_rows(const Resize&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

namespace drawbar {
template <>
struct EnumNames<ops::ResizeMode> {
  static constexpr std::string_view names[] = {"nearest", "linear", "cubic"};
};
template <>
struct EnumNames<ops::ResizeCoordinates> {
  static constexpr std::string_view names[] = {
      "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
      "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
};
template <>
struct EnumNames<ops::ResizeRounding> {
  static constexpr std::string_view names[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                               "ceil"};
};
template <>
struct EnumNames<ops::ResizePolicy> {
  static constexpr std::string_view names[] = {"stretch", "not_larger", "not_smaller"};
};
}  // namespace drawbar
