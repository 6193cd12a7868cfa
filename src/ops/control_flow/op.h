#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// One of two subgraphs. Inputs: condition (one boolean), what the first subgraph reads, what the
/// second reads; the first runs when the condition holds. Outputs: those of the subgraph that ran.
/// A dimension in which the branches differ is a fresh symbol, a rank in which they differ unknown.
/// Source: ONNX If-21.
struct If {
  static constexpr std::string_view name = "If";
  int64_t then_inputs = 0;  // how many inputs the first subgraph reads
  void fields(auto&& field) { field("then_inputs", then_inputs); }
};

/// Repeats a subgraph. Inputs: trip count (or absent), condition (or absent), `carried` values,
/// what each of the `appended` outputs begins with, and what else the body reads. The body gets the
/// iteration's number i64[], the condition bool[], the carried values and the rest; it gives the
/// next condition, the next carried values, pieces of the appended and slices of the stacked
/// outputs. Outputs: the last carried values, the pieces one after the other along the first axis
/// (behind what they begin with), then the slices stacked along a new first axis. Carried values
/// may change their shape. Source: ONNX Loop-21, which appends to nothing (passes find that).
struct Loop {
  static constexpr std::string_view name = "Loop";
  int64_t carried = 0, appended = 0;
  /// What a stacked output is when no iteration runs: "f32[0, 3]".
  std::vector<std::string> empty_stacks;
  void fields(auto&& field) {
    field("carried", carried);
    field("appended", appended);
    field("empty_stacks", empty_stacks);
  }
};

/// Runs a subgraph along an axis of its scanned inputs. Inputs: `states` values, `scanned` values,
/// and what else the body reads; when `batched` the lengths of the batch's sequences (or absent)
/// stand before them and every other value has the batch as its first axis. The body gets the
/// states, a slice of each scanned input and the rest; it gives the next states and slices of the
/// outputs. Outputs: the last states, then the slices stacked along their axis. Directions: 1 runs
/// backwards. Source: ONNX Scan-8 (batched) and Scan-21.
struct Scan {
  static constexpr std::string_view name = "Scan";
  int64_t states = 0, scanned = 0;
  std::vector<int64_t> input_axes, output_axes;  // empty: 0; not counting the batch
  std::vector<int64_t> input_directions, output_directions;
  bool batched = false;
  std::vector<std::string> empty_stacks;
  void fields(auto&& field) {
    field("states", states);
    field("scanned", scanned);
    field("input_axes", input_axes);
    field("output_axes", output_axes);
    field("input_directions", input_directions);
    field("output_directions", output_directions);
    field("batched", batched);
    field("empty_stacks", empty_stacks);
  }
};

void infer(const If&, Infer&);
void infer(const Loop&, Infer&);
void infer(const Scan&, Infer&);
void reference(const If&, Evaluation&);
void reference(const Loop&, Evaluation&);
void reference(const Scan&, Evaluation&);

}  // namespace drawbar::ops
