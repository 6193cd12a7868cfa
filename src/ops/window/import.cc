#include "ops/window/import.h"

namespace drawbar::onnx {
namespace {

/// Whether SAME padding can be told without knowing this dimension: at stride 1 it is extent - 1.
std::vector<int64_t> sizes_for_padding(const ops::Window& window, const Type& x) {
  const bool ranked = x.is_tensor() && x.tensor.ranked && x.tensor.dims.size() == window.rank() + 2;
  std::vector<int64_t> sizes;
  for (size_t i = 0; i < window.rank(); ++i) {
    if (ranked && x.tensor.dims[i + 2].is_constant()) {
      sizes.push_back(x.tensor.dims[i + 2].value());
    } else if (window.strides[i] == 1) {
      sizes.push_back(1);
    }
  }
  return sizes;
}

}  // namespace

ops::Window import_window(const OnnxNode& node, std::vector<int64_t> kernel, const Type& x) {
  ops::Window window;
  const size_t rank = kernel.size();
  window.kernel = std::move(kernel);
  window.strides = node.integers("strides");
  window.dilations = node.integers("dilations");
  window.ceil_mode = node.integer("ceil_mode", 0) != 0;
  const std::string auto_pad = node.text("auto_pad", "NOTSET");
  if (auto_pad == "NOTSET" || auto_pad.empty()) {
    const std::vector<int64_t> pads = node.integers("pads");
    if (!pads.empty() && pads.size() != 2 * rank) {
      fail(ErrorCode::invalid_model, "pads has {} numbers, expected {}", pads.size(), 2 * rank);
    }
    const auto middle = pads.begin() + static_cast<ptrdiff_t>(pads.size() / 2);
    window.pads_begin.assign(pads.begin(), middle);
    window.pads_end.assign(middle, pads.end());
  } else if (auto_pad == "VALID") {
    window.ceil_mode = false;
  } else if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    window.auto_pad =
        auto_pad == "SAME_UPPER" ? ops::AutoPad::same_upper : ops::AutoPad::same_lower;
    window.ceil_mode = false;
  } else {
    fail(ErrorCode::invalid_model,
         "auto_pad is '{}', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", auto_pad);
  }
  window = ops::checked_window(std::move(window));
  if (window.auto_pad != ops::AutoPad::pads) {
    const std::vector<int64_t> sizes = sizes_for_padding(window, x);
    if (sizes.size() == rank) window.resolve_pads(sizes);
  }
  return window;
}

std::vector<int64_t> import_kernel(const OnnxNode& node, const Type& w) {
  const std::vector<int64_t> given = node.integers("kernel_shape");
  const bool ranked = w.is_tensor() && w.tensor.ranked;
  if (!ranked) {
    if (given.empty()) fail(ErrorCode::unsupported, "w's rank is not known");
    return given;
  }
  if (w.tensor.rank() < 3) {
    fail(ErrorCode::invalid_model, "w has rank {}, expected at least 3", w.tensor.rank());
  }
  std::vector<int64_t> kernel;
  for (size_t i = 2; i < w.tensor.dims.size(); ++i) {
    const Dim& dim = w.tensor.dims[i];
    if (!dim.is_constant() && given.size() != w.tensor.dims.size() - 2) {
      fail(ErrorCode::unsupported, "w's dimension {} is not known", i);
    }
    kernel.push_back(dim.is_constant() ? dim.value() : given[i - 2]);
  }
  if (!given.empty() && given != kernel) {
    fail(ErrorCode::invalid_model, "kernel_shape is [{}], w has [{}]", fmt::join(given, ", "),
         fmt::join(kernel, ", "));
  }
  return kernel;
}

}  // namespace drawbar::onnx
