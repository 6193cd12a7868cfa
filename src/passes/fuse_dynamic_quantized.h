#pragma once

#include "ir/rewrite.h"

namespace drawbar {

/// Integer products whose scales are known while running only, as dynamic quantisation writes them:
///
///     %q, %s, %z = DynamicQuantizeLinear(%x)        %q, %s, %z = DynamicQuantizeLinear(%x)
///     %i = MatMulInteger(%q, %w, %z, %wz)           %y = QLinearMatMul(%q, %s, %z, %w, %ws, %wz,
///     %f = Cast(%i) {to = f32}                  →                      _, _, %b)
///     %t = Mul(%s, %ws)
///     %m = Mul(%f, %t)
///     %y = Add(%m, %b)
///
/// and ConvInteger as QLinearConv. Weights, their zero points and the bias are constants; the scale
/// of x is one number, that of w one or one for each output channel, and either may be left out. A
/// constant in i32 that is added to the sums is the bias as well.
Patch fuse_dynamic_quantized(const Graph& graph, NodeId id);

}  // namespace drawbar
