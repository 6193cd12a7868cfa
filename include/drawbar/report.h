#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace drawbar {

/// One line of a program's explanation.
struct StepReport {
  std::string node;  // the node's name
  std::string op;
  std::string tactic;              // "reference" where no kernel applies
  std::string target;              // of a program for several targets: which of them runs it
  std::string shapes;              // "1x64x56x56, 64x64x3x3 -> 1x64x56x56"
  int64_t operations = 0;          // nominal: what the operator's definition counts
  double executed_operations = 0;  // what its kernel executes for them: fewer by Winograd's way
  bool of_bytes = false;           // operations are on u8 or i8: its first input is
  int64_t bytes = 0;               // read and written, weights included
  // Measured by a profiled run, else 0. Steps that ran on parts of a batch, many at once, share the
  // time of all parts and stand one after the other.
  double start = 0;  // seconds since the run began
  double seconds = 0;
};

/// A node that an accelerator left to the host, and why.
struct LeftToHost {
  std::string node, op, reason;
};

/// How a program runs inputs of certain shapes.
struct PlanReport {
  std::string shapes;  // "x=f32[1, 3, 224, 224]"
  int threads = 1;
  int64_t arena_bytes = 0;   // activations and scratch
  int64_t packed_bytes = 0;  // weights in the form kernels read
  std::vector<StepReport> steps;
  std::vector<LeftToHost> left_behind;  // of a program for several targets
};

}  // namespace drawbar
