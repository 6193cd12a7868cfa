#include "ops/movement/index.h"

namespace drawbar::ops {

void expect_indices(const Infer& context, size_t i, std::string_view what) {
  const ElementType type = context.element(i);
  if (type != ElementType::i32 && type != ElementType::i64)
    fail(ErrorCode::invalid_model, "{} are {}, expected i64 or i32", what, name(type));
}

std::vector<int64_t> checked_indices(const Tensor& indices, int64_t size) {
  std::vector<int64_t> result = read_integers(indices);
  for (int64_t& index : result) index = checked_index(index, size);
  return result;
}

}  // namespace drawbar::ops
