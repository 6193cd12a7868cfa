#include "import/onnx/node.h"
#include "ops/depth_space/op.h"

namespace drawbar::onnx {
namespace {

template <class T>
void import_blocks(OnnxNode& node) {
  const std::string mode = node.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    fail(ErrorCode::invalid_model, "mode is '{}', expected DCR or CRD", mode);
  node.replace_with(T{node.required_integer("blocksize"), mode == "CRD"}, {node.input(0)});
}

}  // namespace

ONNX_OP(DepthToSpace) { import_blocks<ops::DepthToSpace>(node); }
ONNX_OP(SpaceToDepth) { import_blocks<ops::SpaceToDepth>(node); }

}  // namespace drawbar::onnx
