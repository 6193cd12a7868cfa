#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace drawbar {

/// One line of an operator's table of cases. Inputs are types ("f32[3, 7]", drawn from [low, high)
/// with a printed seed), constants ("i64[2] = [1, 2]", "const f32[64, 64, 3, 3]" drawn but
/// constant), or "_" (absent).
struct OpCase {
  std::string name;
  Op op;
  std::vector<std::string> inputs;
  size_t outputs = 1;
  double low = -1, high = 1;
  double rtol = 1e-4, atol = 1e-5;  // f32; other types have their own (docs/numerics.md)
};

/// What inference must refuse, and words its message must hold.
struct Rejection {
  std::string name;
  Op op;
  std::vector<std::string> inputs;
  std::string words;
  size_t outputs = 1;
};

/// Runs every case on every target and instruction set this machine has, in every layout the target
/// knows, and compares with the operator's reference.
void expect_targets_agree(std::span<const OpCase> cases);
void expect_rejected(std::span<const Rejection> cases);
/// The reference's answer for concrete inputs (null: absent).
std::vector<Tensor> run_reference(const Op& op, const std::vector<Tensor>& inputs,
                                  size_t outputs = 1);
/// Equal within tolerances (not-a-number equals itself); reports the worst element.
void expect_close(const Tensor& got, const Tensor& want, double rtol, double atol,
                  const std::string& what);
/// A tensor of `type` ("f32[2, 3]", or with values "i64[2] = [1, 2]").
Tensor draw(const std::string& type, uint64_t seed, double low = -1, double high = 1);
/// Whether `rewrite` turns graph text `before` into `after` ("unchanged": leaves it alone). Names
/// do not matter, nor do the contents of floating-point constants of more than one element; instead
/// both graphs must give the same results for drawn inputs (symbols are bound to small numbers).
void expect_rewrite(const std::function<void(Graph&)>& rewrite, const std::string& before,
                    const std::string& after, double rtol = 1e-4, double atol = 1e-5);
/// The graph's structure as expect_rewrite compares it, one node per line.
std::string structure_of(const Graph& graph);

}  // namespace drawbar
