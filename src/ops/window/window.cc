#include "ops/window/window.h"

#include <limits>

#include "base/checked.h"

namespace drawbar::ops {
namespace {

void check_list(std::vector<int64_t>& list, size_t rank, int64_t absent, int64_t least,
                std::string_view what) {
  if (list.empty()) list.assign(rank, absent);
  if (list.size() != rank) {
    fail(ErrorCode::invalid_model, "{} has {} numbers, expected {}", what, list.size(), rank);
  }
  for (size_t i = 0; i < rank; ++i) {
    if (list[i] < least) {
      fail(ErrorCode::invalid_model, "{}[{}] is {}, expected at least {}", what, i, list[i], least);
    }
    if (list[i] > std::numeric_limits<int32_t>::max()) {
      fail(ErrorCode::invalid_model, "{}[{}] is {}, expected at most {}", what, i, list[i],
           std::numeric_limits<int32_t>::max());
    }
  }
}

}  // namespace

Window checked_window(Window window) {
  const size_t rank = window.kernel.size();
  if (rank == 0) fail(ErrorCode::invalid_model, "the window has no spatial dimension");
  check_list(window.kernel, rank, 1, 1, "kernel");
  check_list(window.strides, rank, 1, 1, "strides");
  check_list(window.dilations, rank, 1, 1, "dilations");
  check_list(window.pads_begin, rank, 0, 0, "pads_begin");
  check_list(window.pads_end, rank, 0, 0, "pads_end");
  return window;
}

Dim Window::positions(size_t i, const Dim& size) const {
  if (auto_pad != AutoPad::pads) return ceil_div(size, strides[i]);
  const Dim slack = size + pads_begin[i] + pads_end[i] - extent(i);
  if (slack.is_constant() && slack.value() < 0) {
    if (size.value() == 0) return Dim(0);
    fail(ErrorCode::invalid_model, "spatial dimension {} is {} with padding, the window covers {}",
         i, slack.value() + extent(i), extent(i));
  }
  if (!ceil_mode || strides[i] == 1) return floor_div(slack, strides[i]) + 1;
  return min(ceil_div(slack, strides[i]) + 1, ceil_div(size + pads_begin[i], strides[i]));
}

void Window::resolve_pads(std::span<const int64_t> sizes) {
  if (auto_pad == AutoPad::pads) return;
  for (size_t i = 0; i < rank(); ++i) {
    const int64_t outputs = (sizes[i] + strides[i] - 1) / strides[i];
    const int64_t needed = checked_mul(outputs - 1, strides[i]) + extent(i) - sizes[i];
    const int64_t total = std::max<int64_t>(needed, 0);
    pads_begin[i] = auto_pad == AutoPad::same_upper ? total / 2 : total - total / 2;
    pads_end[i] = total - pads_begin[i];
  }
  auto_pad = AutoPad::pads;
  ceil_mode = false;
}

Dims window_positions(const Window& window, const Dims& x) {
  if (x.size() != window.rank() + 2) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected {}", x.size(), window.rank() + 2);
  }
  Dims dims(x.begin(), x.begin() + 2);
  for (size_t i = 0; i < window.rank(); ++i) dims.push_back(window.positions(i, x[i + 2]));
  return dims;
}

Window3::Window3(Window window, const Shape& x) {
  const size_t rank = window.rank();
  if (rank > 3) {
    fail(ErrorCode::unsupported, "{} spatial dimensions, at most 3 are supported", rank);
  }
  const std::span<const int64_t> sizes(x.data() + 2, rank);
  window.resolve_pads(sizes);
  for (size_t i = 0; i < rank; ++i) {
    const size_t to = i + 3 - rank;
    input[to] = sizes[i];
    output[to] = window.positions(i, sizes[i]).value();
    kernel[to] = window.kernel[i];
    stride[to] = window.strides[i];
    dilation[to] = window.dilations[i];
    pad[to] = window.pads_begin[i];
    pad_end[to] = window.pads_end[i];
  }
}

Range valid_positions(int64_t outputs, int64_t inputs, int64_t stride, int64_t offset) {
  const int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t last = offset >= inputs ? 0 : (inputs - offset + stride - 1) / stride;
  const int64_t end = std::min(last, outputs);
  return {std::min(first, end), end};
}

}  // namespace drawbar::ops
