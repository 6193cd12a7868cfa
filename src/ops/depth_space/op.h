#pragma once

#include "ir/op.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

/// x [N, C·b², H, W] → [N, C, H·b, W·b]: each pixel's channels become a block of b x b pixels. The
/// channels count rows of the block, its columns, then C; or C first with `channels_first` (mode
/// CRD). Any element type. Source: ONNX DepthToSpace-13.
struct DepthToSpace {
  static constexpr std::string_view name = "DepthToSpace";
  int64_t block_size = 1;
  bool channels_first = false;
  void fields(auto&& field) {
    field("block_size", block_size);
    field("channels_first", channels_first);
  }
};

/// The inverse: x [N, C, H·b, W·b] → [N, C·b², H, W]. Source: ONNX SpaceToDepth-13.
struct SpaceToDepth {
  static constexpr std::string_view name = "SpaceToDepth";
  int64_t block_size = 1;
  bool channels_first = false;
  void fields(auto&& field) {
    field("block_size", block_size);
    field("channels_first", channels_first);
  }
};

/// The copy from the deep tensor (of shape `deep`) to the wide one; exchange from and to for the
/// other way.
StridedCopy depth_to_space_copy(int64_t block_size, bool channels_first, const Shape& deep,
                                const Shape& deep_strides, const Shape& wide_strides);

void infer(const DepthToSpace&, Infer&);
void infer(const SpaceToDepth&, Infer&);
void reference(const DepthToSpace&, Evaluation&);
void reference(const SpaceToDepth&, Evaluation&);
Dim operations(const DepthToSpace&, const Infer&);
bool keeps_rows(const DepthToSpace&, const Infer&, const std::vector<bool>& batched);
Dim operations(const SpaceToDepth&, const Infer&);
bool keeps_rows(const SpaceToDepth&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops
