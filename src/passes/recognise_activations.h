#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Finds activations that a model spells out in several pointwise nodes, such as
///
///     %a = Div(%x, 1.4142135); %b = Erf(%a); %c = Add(%b, 1)
///     %d = Mul(%x, %c); %y = Mul(%d, 0.5)                        →     %y = Gelu(%x)
///
/// by what they compute, not by how they are written: the nodes between %x and %y become a program
/// of one variable, which is compared with the known functions (Gelu, GeluTanh, Swish, HardSwish,
/// HardSigmoid, Mish, Softplus, Softsign, Relu, LeakyRelu, Clip) at points between -12 and 12. Only
/// where nothing else reads the values in between.
Patch recognise_activations(const Graph& graph, NodeId node);

}  // namespace drawbar
