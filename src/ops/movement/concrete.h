#pragma once

#include <vector>

#include "ir/evaluate.h"
#include "ir/infer.h"

namespace drawbar::ops {

/// What shape inference sees while running: the inputs' concrete types and contents.
class ConcreteInputs {
 public:
  explicit ConcreteInputs(const Evaluation& e);
  Infer infer(size_t outputs) const;

 private:
  std::vector<Type> types_;
  std::vector<Infer::Input> inputs_;
};

/// Rethrows what inference says about inputs at hand: they are the caller's, not the model's.
[[noreturn]] void rethrow_as_argument(const Error& error);
Shape static_shape(const Infer::Output& output, size_t i);

/// The shape of output `i` by the operator's own inference, for references. Throws INVALID_ARGUMENT
/// where the inputs contradict the operator.
template <class T>
Shape concrete_shape(const T& op, const Evaluation& e, size_t i = 0) {
  const ConcreteInputs inputs(e);
  Infer context = inputs.infer(e.outputs() > i ? e.outputs() : i + 1);
  try {
    infer(op, context);
  } catch (const Error& error) {
    rethrow_as_argument(error);
  }
  return static_shape(context.results()[i], i);
}

}  // namespace drawbar::ops
