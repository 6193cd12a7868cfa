#pragma once

#include "ir/op.h"
#include "ops/pointwise/program.h"
#include "ops/window/window.h"

namespace drawbar::ops {

/// Grouped convolution over n spatial dimensions, 1 to 3.
///
/// x [N, C, d1…dn], w [M, C/group, k1…kn], b [M] (optional) and the further inputs of `post`, each
/// of a shape that broadcasts to y's (a residual has y's shape, a factor per channel [M, 1…1])
/// → y [N, M, o1…on]; all of one float type, but w may be f16 or bf16 where x is f32. post's x0 is
/// the sum with b, its x1 is input 3.
///
/// Lists have n numbers; empty ones mean strides and dilations of 1 and pads of 0. Positions are
/// those of Window. Source: ONNX Conv-22.
struct Conv {
  static constexpr std::string_view name = "Conv";
  std::vector<int64_t> strides, dilations, pads_begin, pads_end;
  AutoPad auto_pad = AutoPad::pads;  // set only where the importer did not know x's sizes
  int64_t group = 1;
  Program post;  // put there by passes

  void fields(auto&& field) {
    field("strides", strides);
    field("dilations", dilations);
    field("pads_begin", pads_begin);
    field("pads_end", pads_end);
    field("auto_pad", auto_pad);
    field("group", group);
    field("post", post);
  }
};

void infer(const Conv&, Infer&);
void reference(const Conv&, Evaluation&);
Dim operations(const Conv&, const Infer&);
bool keeps_rows(const Conv&, const Infer&, const std::vector<bool>& batched);
uint32_t half_weights(const Conv&);

/// What Conv and its relatives (ConvInteger, QLinearConv) ask of x [N, C, …] and w [M, C/group, …]:
/// same rank, matching channels, M a multiple of group. Gives y's dimensions, or nothing when a
/// rank is unknown. Throws INVALID_MODEL.
template <class T>
std::optional<Dims> convolution_dims(const T& op, const Infer& context, size_t x, size_t w);

/// The window of convolution weights w [M, C/group, k1…kn].
template <class T>
Window convolution_window(const T& op, const Shape& w) {
  return window_of(op, {w.begin() + 2, w.end()});
}

namespace detail {
void check_convolution(const Dims& x, const Dims& w, int64_t group);
}

template <class T>
std::optional<Dims> convolution_dims(const T& op, const Infer& context, size_t x, size_t w) {
  if (op.group < 1) fail(ErrorCode::invalid_model, "group is {}, expected at least 1", op.group);
  if (!context.ranked(x) || !context.ranked(w)) return std::nullopt;
  const Dims &of_x = context.dims(x), &of_w = context.dims(w);
  detail::check_convolution(of_x, of_w, op.group);
  std::vector<int64_t> kernel;
  for (size_t i = 2; i < of_w.size(); ++i) {
    if (!of_w[i].is_constant()) return std::nullopt;
    kernel.push_back(of_w[i].value());
  }
  Dims y = window_positions(window_of(op, std::move(kernel)), of_x);
  y[1] = of_w[0];
  return y;
}

}  // namespace drawbar::ops
