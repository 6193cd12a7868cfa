#include "ops/window/import.h"

#include "ops/pool/op.h"

namespace drawbar::onnx {
namespace {

std::vector<int64_t> kernel_shape(const OnnxNode& node) {
  std::vector<int64_t> kernel = node.integers("kernel_shape");
  if (kernel.empty()) fail(ErrorCode::invalid_model, "kernel_shape is missing");
  return kernel;
}

/// LpPool-1 and GlobalLpPool-1 have p as a float.
int64_t import_p(const OnnxNode& node) {
  return node.opset() < 2 ? static_cast<int64_t>(node.number("p", 2)) : node.integer("p", 2);
}

void import_pool(OnnxNode& node, ops::PoolKind kind) {
  ops::Pool pool{.kind = kind};
  pool.kernel = kernel_shape(node);
  const ops::Window window = import_window(node, pool.kernel, node.value(node.input(0)).type);
  assign_window(pool, window);
  pool.ceil_mode = window.ceil_mode;
  if (kind == ops::PoolKind::average) {
    pool.count_include_pad = node.integer("count_include_pad", 0) != 0;
  } else if (kind == ops::PoolKind::maximum) {
    pool.column_major = node.integer("storage_order", 0) != 0;
  } else {
    pool.p = import_p(node);
  }
  node.replace_with(pool, {node.input(0)});
}

}  // namespace

ONNX_OP(MaxPool) { import_pool(node, ops::PoolKind::maximum); }
ONNX_OP(AveragePool) { import_pool(node, ops::PoolKind::average); }
ONNX_OP(LpPool) { import_pool(node, ops::PoolKind::lp); }

ONNX_OP(GlobalMaxPool) {
  node.replace_with(ops::GlobalPool{ops::PoolKind::maximum}, {node.input(0)});
}
ONNX_OP(GlobalAveragePool) {
  node.replace_with(ops::GlobalPool{ops::PoolKind::average}, {node.input(0)});
}
ONNX_OP(GlobalLpPool) {
  node.replace_with(ops::GlobalPool{ops::PoolKind::lp, import_p(node)}, {node.input(0)});
}

ONNX_OP(MaxUnpool) {
  ops::MaxUnpool unpool{.kernel = kernel_shape(node)};
  const ops::Window window = import_window(node, unpool.kernel, node.value(node.input(0)).type);
  unpool.strides = window.strides;
  unpool.pads_begin = window.pads_begin;
  unpool.pads_end = window.pads_end;
  node.replace_with(unpool, node.all_inputs());
}

}  // namespace drawbar::onnx
