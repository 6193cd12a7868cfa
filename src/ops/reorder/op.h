#pragma once

#include "ir/op.h"

namespace drawbar {

template <>
struct EnumNames<Layout> {
  static constexpr std::string_view names[] = {"row_major", "channels_last"};
};

namespace ops {

/// x [N, C, d1…dn] in either memory order → the same tensor stored in the order `to`. The logical
/// shape and elements stay. Only targets put it into graphs.
struct Reorder {
  static constexpr std::string_view name = "Reorder";
  Layout to = Layout::row_major;
  void fields(auto&& field) { field("to", to); }
};

void infer(const Reorder&, Infer&);
void reference(const Reorder&, Evaluation&);
Dim operations(const Reorder&, const Infer&);
bool keeps_rows(const Reorder&, const Infer&, const std::vector<bool>& batched);

}  // namespace ops
}  // namespace drawbar
