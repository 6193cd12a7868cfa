#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Runs its subgraph on `rows` entries of the first axis at a time, in any order or at once. The
/// first `batched` inputs are [n · rows, …], and the subgraph gets [rows, …] of each; the other
/// inputs are given whole. Outputs: what the subgraph gives, [rows, …], one after the other along
/// the first axis. Element types of whole bytes. Only targets put it into graphs, around nodes that
/// keep rows apart (Op::keeps_rows).
struct MapRows {
  static constexpr std::string_view name = "MapRows";
  int64_t rows = 1, batched = 1;
  void fields(auto&& field) {
    field("rows", rows);
    field("batched", batched);
  }
};

void infer(const MapRows&, Infer&);
void reference(const MapRows&, Evaluation&);

}  // namespace drawbar::ops
