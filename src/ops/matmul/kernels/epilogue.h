#pragma once

#include <array>
#include <optional>
#include <span>

#include "ops/matmul/op.h"
#include "ops/pointwise/tile.h"
#include "targets/cpu/gemm/gemm.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {

/// What a MatMul does behind the product, as the kernels of gemm.h take it: a bias per column, a
/// residual and an activation they know natively, or a hook that runs a program on finished tiles.
/// The result y is seen as one matrix [rows of all items, N]. Immutable, thread-safe.
class MatMulEpilogue {
 public:
  /// `alpha` is what is left to multiply by. Nothing when an operand lies in a way tiles cannot
  /// read.
  static std::optional<MatMulEpilogue> plan(const Problem& problem, float alpha);

  /// Calls body(const Epilogue&) for one run. The epilogue's residual, where there is one, belongs
  /// to y's first row.
  template <class Body>
  void with(const KernelRun& run, const Body& body) const {
    Epilogue epilogue;
    epilogue.bias = bias_input_ < 0 ? nullptr : run.in<float>(static_cast<size_t>(bias_input_));
    if (residual_input_ >= 0) {
      epilogue.residual = run.in<float>(static_cast<size_t>(residual_input_));
    }
    epilogue.residual_ld = columns_;
    epilogue.activation = activation_;
    epilogue.alpha = alpha_;
    epilogue.beta = beta_;
    if (program_.empty()) return body(epilogue);
    const auto apply = [&](float* c, int64_t, int64_t, int64_t, int64_t rows, int64_t columns) {
      this->apply(run, c, rows, columns);
    };
    const TileHook hook(apply);
    epilogue.hook = &hook;
    body(epilogue);
  }

 private:
  /// An operand of the program against y.
  struct Extra {
    size_t input;
    int64_t column = 0, row = 0;  // elements per step, 0: broadcast
    Shape item;                   // the same per batch dimension
  };

  static std::optional<Extra> place(const Operand& operand, size_t input, const Operand& y);
  void apply(const KernelRun& run, float* tile, int64_t rows, int64_t columns) const;

  int bias_input_ = -1, residual_input_ = -1;
  Activation activation_ = Activation::none;
  float alpha_ = 0, beta_ = 0;
  TileProgram program_;  // empty: everything is native
  std::vector<Extra> extras_;
  Shape batch_;
  int64_t columns_ = 1, item_rows_ = 1;
  bool by_item_ = false;  // an operand does not run on from one item to the next
};

}  // namespace drawbar::cpu
