#pragma once

#include "ir/graph.h"
#include "targets/cuda/gpu.h"

namespace drawbar::cuda {

/// The same graph of concrete shapes with values in f16 or bf16 in the place of f32, wherever some
/// kernel takes the node so; kernels compute in f32 and round what they write. Inputs and outputs
/// keep their types: casts stand at the borders.
///
///     %y = Conv(%x, %w)            %h: f16[…] = Cast(%x)
///     return %y             →      %c: f16[…] = Conv(%h, %w')
///                                  %y = Cast(%c)
///
/// A node with a constant that f16 does not hold (beyond 65504) stays in f32.
Graph narrow(const Graph& graph, ElementType half, const GpuInfo& gpu);

}  // namespace drawbar::cuda
