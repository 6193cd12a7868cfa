#pragma once

#include <functional>
#include <limits>

#include "ops/matmul/cuda_product.h"

namespace drawbar::cuda {

/// left [parts or one][rows, depth] times right [parts][.., depth]ᵀ → y [parts][rows, columns].
struct ProductFactors {
  int64_t rows, columns, depth, parts;
  int64_t left_part, right_part, right_first;  // elements
  Argument left, right, y;
};

/// The way that is said to be fastest, and its seconds.
struct ProductWay {
  double seconds = std::numeric_limits<double>::infinity();
  std::function<std::unique_ptr<Kernel>()> make;
};
ProductWay best_way(const ProductFactors& factors, const Problem& problem);

}  // namespace drawbar::cuda
