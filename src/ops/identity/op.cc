#include "ops/identity/op.h"

namespace drawbar::ops {

DRAWBAR_OP(Identity);

void infer(const Identity&, Infer& context) {
  context.expect_inputs(1, 1);
  context.output(0, context.type(0));
  if (!context.type(0).is_tensor()) return;
  if (auto content = context.content(0)) context.output_content(0, *content);
}

bool keeps_rows(const Identity&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

void reference(const Identity&, Evaluation& e) { e.set_output(0, e.input(0)); }

Dim operations(const Identity&, const Infer&) { return 0; }

}  // namespace drawbar::ops
