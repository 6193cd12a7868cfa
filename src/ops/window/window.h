#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ir/attribute.h"
#include "ir/dim.h"
#include "ir/infer.h"

namespace drawbar::ops {

/// Padding that depends on the input's size: as much as gives ceil(size / stride) outputs, the odd
/// element behind (upper) or in front (lower). `pads` means the numbers in pads_begin and pads_end.
enum class AutoPad : uint8_t { pads, same_upper, same_lower };

/// A window that slides over n spatial dimensions, as convolution and pooling share it. Lists have
/// n numbers each. Position o covers the inputs o * stride - pad_begin + k * dilation, 0 <= k <
/// kernel. Source: ONNX Conv-22, MaxPool-22.
struct Window {
  std::vector<int64_t> kernel, strides, dilations, pads_begin, pads_end;
  AutoPad auto_pad = AutoPad::pads;
  bool ceil_mode =
      false;  // a last position that does not fit counts if it starts before the end pad

  size_t rank() const { return kernel.size(); }
  /// Input elements from the first to the last one a position covers.
  int64_t extent(size_t i) const { return (kernel[i] - 1) * dilations[i] + 1; }
  /// Number of positions along spatial dimension i of `size` inputs. Throws INVALID_MODEL when the
  /// window is larger than the padded input.
  Dim positions(size_t i, const Dim& size) const;
  /// Puts numbers in the place of auto_pad.
  void resolve_pads(std::span<const int64_t> sizes);
};

/// The window of an operator's attributes: empty lists become strides and dilations of 1 and pads
/// of 0. Throws INVALID_MODEL naming the attribute that has the wrong length or a value out of
/// range (kernel, strides and dilations 1 to 2^31 - 1, pads 0 to 2^31 - 1).
Window checked_window(Window window);

/// The same for operators whose structs have the window's attributes as members.
template <class T>
Window window_of(const T& op, std::vector<int64_t> kernel) {
  Window window{std::move(kernel), op.strides,  op.dilations,
                op.pads_begin,     op.pads_end, op.auto_pad};
  if constexpr (requires { op.ceil_mode; }) window.ceil_mode = op.ceil_mode;
  return checked_window(std::move(window));
}

/// N, C of x followed by the window's positions; x's rank must fit.
Dims window_positions(const Window& window, const Dims& x);

/// A window over concrete sizes as three dimensions, missing ones in front being 1: what kernels
/// and references loop over.
struct Window3 {
  int64_t input[3] = {1, 1, 1}, output[3] = {1, 1, 1}, kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1}, pad[3] = {0, 0, 0};  // pad in front
  int64_t pad_end[3] = {0, 0, 0};
  int64_t inputs() const { return input[0] * input[1] * input[2]; }
  int64_t outputs() const { return output[0] * output[1] * output[2]; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }

  Window3() = default;
  /// x [N, C, d1…dn]. Throws UNSUPPORTED beyond three spatial dimensions.
  Window3(Window window, const Shape& x);
};

/// The values o in [0, outputs) with 0 <= o * stride + offset < inputs, as [first, last).
struct Range {
  int64_t first, last;
};
Range valid_positions(int64_t outputs, int64_t inputs, int64_t stride, int64_t offset);

}  // namespace drawbar::ops

namespace drawbar {
template <>
struct EnumNames<ops::AutoPad> {
  static constexpr std::string_view names[] = {"pads", "same_upper", "same_lower"};
};
}  // namespace drawbar
