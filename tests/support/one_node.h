#pragma once

#include "tests/support/op_case.h"

namespace drawbar {

/// A case as a graph of one node, the values of its graph inputs, and what the reference says.
struct OneNode {
  Graph graph;
  NodeId node = no_id;
  std::vector<Tensor> inputs;    // of the graph: what is neither constant nor absent
  std::vector<Tensor> operands;  // of the node, constants included
  std::vector<Tensor> outputs;   // the reference's
};

OneNode make_one_node(const OpCase& op_case, uint64_t seed);

/// Runs every CPU tactic that applies, in every layout and instruction set, with one and two
/// threads, and where it may work in place; compares with `one.outputs`.
void expect_tactics_agree(const OpCase& op_case, const OneNode& one, double rtol, double atol);

/// A case with what its results are held against.
struct CheckedCase {
  const OpCase& op_case;
  OneNode one;
  double rtol, atol;
};

/// A further target that all cases of a table are tried on at once; its file registers it.
using TargetCheck = void (*)(std::span<const CheckedCase> cases);
bool register_target_check(TargetCheck check);

/// Where the operator says that it keeps rows apart, whichever of its operands are batched: every
/// row alone gives its row of `one.outputs`.
void expect_rows_apart(const OpCase& op_case, const OneNode& one, double rtol, double atol);

}  // namespace drawbar
