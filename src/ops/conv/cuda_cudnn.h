#pragma once

#include <optional>

#include "targets/cuda/libraries/cudnn_node.h"

namespace drawbar::cuda {

/// A convolution with what follows it, as cuDNN's graph: x of f32, f16 or bf16 with one to three
/// spatial dimensions, y in x's memory order, a post program of functions that cuDNN has. Nothing
/// for other problems. Asks no library.
std::optional<CudnnNode> cudnn_convolution(const Problem& problem);

/// Its weights where the graph does not have them as they came: of x's type, channels-last where x
/// is.
std::vector<PackedBuffer> cudnn_convolution_weights(const Problem& problem);

}  // namespace drawbar::cuda
