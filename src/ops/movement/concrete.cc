#include "ops/movement/concrete.h"

namespace drawbar::ops {

ConcreteInputs::ConcreteInputs(const Evaluation& e) {
  types_.resize(e.inputs());
  for (size_t i = 0; i < e.inputs(); ++i) {
    Infer::Input input;
    if (e.has(i)) {
      types_[i] = Type::of(e.input(i));
      input.type = &types_[i];
      input.constant = &e.input(i);
    }
    inputs_.push_back(input);
  }
}

Infer ConcreteInputs::infer(size_t outputs) const { return Infer("run", inputs_, outputs); }

void rethrow_as_argument(const Error& error) {
  if (error.code() == ErrorCode::invalid_model) {
    throw Error(ErrorCode::invalid_argument, error.message());
  }
  throw error;
}

Shape static_shape(const Infer::Output& output, size_t i) {
  if (!output.type.is_static()) {
    fail(ErrorCode::invalid_argument, "output {} would be {}: too many dimensions or parts", i,
         to_string(output.type));
  }
  return output.type.tensor.shape();
}

}  // namespace drawbar::ops
