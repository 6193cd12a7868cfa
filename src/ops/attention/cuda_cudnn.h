#pragma once

#include <optional>

#include "targets/cuda/libraries/cudnn_node.h"

namespace drawbar::cuda {

/// Attention as cuDNN's graph of scaled dot-product attention: halves, no second output, no cap, no
/// windows, no lengths; causal with a constant offset of at least 0, or not; a mask only where it
/// is constant, added and leaves every query a key. Nothing for other problems. Asks no library.
std::optional<CudnnNode> cudnn_attention(const Problem& problem);

}  // namespace drawbar::cuda
