#include "ops/triangle/op.h"

#include <algorithm>

#include "ops/movement/elements.h"
#include "ops/movement/index.h"

namespace drawbar::ops {

DRAWBAR_OP(Trilu);

void infer(const Trilu&, Infer& context) {
  context.expect_inputs(1, 2);
  if (context.element(0) == ElementType::string)
    fail(ErrorCode::invalid_model, "x is string, expected numbers");
  if (context.ranked(0) && context.rank(0) < 2)
    fail(ErrorCode::invalid_model, "x has rank {}, expected at least 2", context.rank(0));
  if (context.has(1)) {
    expect_indices(context, 1, "k");
    if (context.ranked(1)) {
      const Dim size = context.tensor(1).size();
      if (size.is_constant() && size.value() != 1)
        fail(ErrorCode::invalid_model, "k has {} elements, expected 1", size.value());
    }
  }
  context.output(0, context.type(0));
}

void reference(const Trilu& op, Evaluation& e) {
  const Tensor x = unpacked(e.input(0));
  if (x.rank() < 2 || (e.has(1) && e.input(1).size() != 1))
    fail(ErrorCode::invalid_argument, "x has rank {}, k {} elements", x.rank(),
         e.has(1) ? e.input(1).size() : 1);
  const int64_t rows = x.dim(x.rank() - 2), columns = x.dim(x.rank() - 1);
  const int64_t k = std::clamp(e.has(1) ? read_integer(e.input(1), 0) : 0, -rows - 1, columns + 1);
  move_into(e, 0, e.input(0).type(), x.shape(), [&](Tensor& y) {
    with_storage_type(y.type(), [&](auto zero) {
      using T = decltype(zero);
      const T* from = static_cast<const T*>(x.raw());
      T* to = static_cast<T*>(y.raw());
      for (int64_t line = 0; columns > 0 && line < x.size() / columns; ++line) {
        // Columns before the diagonal are zero (upper), or those from behind it on.
        const int64_t row = line % rows;
        const int64_t border = std::clamp<int64_t>(row + k + (op.upper ? 0 : 1), 0, columns);
        const T *source = from + line * columns, *end = source + columns;
        T* target = to + line * columns;
        if (op.upper) {
          std::copy(source + border, end, std::fill_n(target, border, T{}));
        } else {
          std::fill_n(std::copy_n(source, border, target), columns - border, T{});
        }
        if (line % 1024 == 0) e.checkpoint();
      }
    });
  });
}

Dim operations(const Trilu&, const Infer&) { return 0; }

}  // namespace drawbar::ops
