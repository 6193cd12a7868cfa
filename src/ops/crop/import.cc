#include <limits>

#include "import/onnx/node.h"
#include "ops/crop/op.h"
#include "ops/slice/op.h"

namespace drawbar::onnx {

ONNX_OP(CenterCropPad) {
  node.replace_with(ops::CenterCropPad{node.integers("axes")}, {node.input(0), node.input(1)});
}

/// Old files' images [N, C, H, W] without `border` (left, top, right, bottom), or, with `scale`,
/// so many lines and columns behind the left and top border.
ONNX_OP(Crop) {
  const std::vector<int64_t> border = node.integers("border"), size = node.integers("scale");
  if (border.size() != 4 || (!size.empty() && size.size() != 2)) {
    fail(ErrorCode::invalid_model, "border has {} numbers and scale {}, expected 4 and none or 2",
         border.size(), size.size());
  }
  for (const std::vector<int64_t>* list : {&border, &size}) {
    for (int64_t number : *list) {
      if (number < 0 || number > std::numeric_limits<int32_t>::max()) {
        fail(ErrorCode::invalid_model, "border or scale holds {}, expected 0 to 2^31 - 1", number);
      }
    }
  }
  const int64_t left = border[0], top = border[1];
  const auto end = [](int64_t behind) {
    return behind == 0 ? std::numeric_limits<int64_t>::max() : -behind;
  };
  const int64_t bottom = size.empty() ? end(border[3]) : top + size[0];
  const int64_t right = size.empty() ? end(border[2]) : left + size[1];
  node.replace_with(ops::Slice{},
                    {node.input(0), node.constant_list({top, left}),
                     node.constant_list({bottom, right}), node.constant_list({2, 3})});
}

}  // namespace drawbar::onnx
