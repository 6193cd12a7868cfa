#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Makes one transpose of two in a row:
///
///     %a = Transpose(%x) {permutation = [0, 2, 3, 1]}
///     %y = Transpose(%a) {permutation = [0, 3, 1, 2]}     →     %y = %x
Patch merge_transposes(const Graph& graph, NodeId node);

/// Lets transposes wander behind the operators that do not mind, so that they meet others or a
/// MatMul, and do not stand between an operator and its activation:
///
///     %a = Transpose(%x) {permutation = p}            %a = Relu(%x)
///     %y = Relu(%a)                             →     %y = Transpose(%a) {permutation = p}
///
/// Passes pointwise operators (whose other operands are constant, or transposed likewise), Softmax,
/// Concat, the product with one matrix, and Gather of one slice. Only where nothing else reads the
/// transposed value (or the slice needs no transpose).
Patch sink_transposes(const Graph& graph, NodeId node);

/// Absorbs the transpose of an operand's last two dimensions into the product:
///
///     %t = Transpose(%k) {permutation = [0, 1, 3, 2]}
///     %y = MatMul(%q, %t)                             →     %y = MatMul(%q, %k) {transpose_b =
///     true}
///
/// A permutation that also moves others is split so that the last dimension stays the last.
Patch absorb_transposes(const Graph& graph, NodeId node);

}  // namespace drawbar
