#include "base/checked.h"
#include "import/onnx/node.h"
#include "ops/resize/op.h"

namespace drawbar::onnx {
namespace {

template <class E>
E named(const std::string& text, std::string_view what) {
  for (size_t i = 0; i < std::size(EnumNames<E>::names); ++i) {
    if (EnumNames<E>::names[i] == text) return static_cast<E>(i);
  }
  fail(ErrorCode::invalid_model, "{} is '{}', which is none of its values", what, text);
}

ops::ResizeMode import_mode(const OnnxNode& node) {
  const std::string mode = node.text("mode", "nearest");
  if (mode == "bilinear") return ops::ResizeMode::linear;  // Upsample-1
  return named<ops::ResizeMode>(mode, "mode");
}

/// An input that is there and not known to be empty.
ValueId filled_input(const OnnxNode& node, size_t i) {
  if (!node.has_input(i)) return no_id;
  const Type& type = node.value(node.input(i)).type;
  const bool empty = type.is_static() && element_count(type.tensor.shape()) == 0;
  return empty ? no_id : node.input(i);
}

/// Before opset 11: x / scale, the fraction dropped; upwards when nearest makes smaller, as
/// onnxruntime has it.
ops::Resize import_old(const OnnxNode& node, const Tensor* scales) {
  ops::Resize op{.mode = import_mode(node), .coordinates = ops::ResizeCoordinates::asymmetric};
  op.rounding = ops::ResizeRounding::floor;
  for (int64_t i = 0; scales && i < scales->size(); ++i) {
    if (read_number(*scales, i) < 1) op.rounding = ops::ResizeRounding::ceil;
  }
  if (op.mode == ops::ResizeMode::cubic) {
    fail(ErrorCode::invalid_model, "mode is 'cubic', expected 'nearest' or 'linear'");
  }
  return op;
}

}  // namespace

ONNX_OP(Upsample) {
  if (node.opset() >= 9) {
    const ops::Resize op = import_old(node, node.constant(1));
    return node.replace_with(op, {node.input(0), no_id, node.input(1)});
  }
  std::vector<float> scales = node.numbers("scales");
  if (node.opset() < 7) {
    scales = {1, 1, static_cast<float>(node.number("height_scale", 0)),
              static_cast<float>(node.number("width_scale", 0))};
  }
  const Tensor tensor =
      Tensor::from<float>({static_cast<int64_t>(scales.size())}, std::span<const float>(scales));
  const ops::Resize op = import_old(node, &tensor);
  node.replace_with(op, {node.input(0), no_id, node.constant_value(tensor)});
}

ONNX_OP(Resize) {
  if (node.opset() < 11) {
    const ops::Resize op = import_old(node, node.constant(1));
    return node.replace_with(op, {node.input(0), no_id, node.input(1)});
  }
  ops::Resize op{.mode = import_mode(node)};
  op.coordinates = named<ops::ResizeCoordinates>(
      node.text("coordinate_transformation_mode", "half_pixel"), "coordinate_transformation_mode");
  if (op.mode == ops::ResizeMode::nearest) {
    op.rounding =
        named<ops::ResizeRounding>(node.text("nearest_mode", "round_prefer_floor"), "nearest_mode");
  } else {
    op.antialias = node.integer("antialias", 0) != 0;
    op.exclude_outside = node.integer("exclude_outside", 0) != 0;
  }
  if (op.mode == ops::ResizeMode::cubic) {
    op.cubic_coeff_a = static_cast<float>(node.number("cubic_coeff_a", -0.75));
  }
  const bool crops = op.coordinates == ops::ResizeCoordinates::tf_crop_and_resize;
  if (crops) op.extrapolation_value = static_cast<float>(node.number("extrapolation_value", 0));
  op.axes = node.integers("axes");
  const ValueId sizes = filled_input(node, 3);
  const ValueId scales = sizes == no_id || node.constant(2) ? filled_input(node, 2) : no_id;
  if (sizes != no_id) {
    op.policy = named<ops::ResizePolicy>(node.text("keep_aspect_ratio_policy", "stretch"),
                                         "keep_aspect_ratio_policy");
  }
  node.replace_with(op, {node.input(0), crops ? filled_input(node, 1) : no_id, scales, sizes});
}

}  // namespace drawbar::onnx
