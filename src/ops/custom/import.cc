#include "import/onnx/node.h"
#include "ops/custom/op.h"

namespace drawbar::onnx {

/// Every operator that a loaded plug-in knows.
DRAWBAR_ONNX_OP(custom, any_plugin, any_plugin) {
  node.replace_with(ops::Custom{node.domain() + "." + node.type(), node.plain_attributes()},
                    node.all_inputs());
}

}  // namespace drawbar::onnx
