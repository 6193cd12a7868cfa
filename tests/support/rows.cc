#include <cstring>

#include "tests/support/one_node.h"

namespace drawbar {
namespace {

bool has_rows(const Tensor& tensor, int64_t count) {
  return tensor.has_value() && tensor.kind() == Tensor::Kind::tensor && tensor.rank() > 0 &&
         tensor.dim(0) == count && tensor.type() != ElementType::string &&
         bits(tensor.type()) % 8 == 0;
}

Tensor row(const Tensor& tensor, int64_t i) {
  Shape shape = tensor.shape();
  shape[0] = 1;
  Tensor result = Tensor::allocate(tensor.type(), std::move(shape));
  std::memcpy(result.raw(), static_cast<const std::byte*>(tensor.raw()) + i * result.bytes(),
              static_cast<size_t>(result.bytes()));
  return result;
}

std::vector<Infer::Input> infer_inputs(const std::vector<Tensor>& operands,
                                       std::vector<Type>& types) {
  std::vector<Infer::Input> inputs;
  for (const Tensor& operand : operands) {
    types.push_back(operand.has_value() ? Type::of(operand) : Type());
  }
  for (size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].has_value()) {
      inputs.push_back({&types[i], &operands[i], nullptr});
    } else {
      inputs.emplace_back();
    }
  }
  return inputs;
}

bool keeps_rows(const OpCase& op_case, const std::vector<Tensor>& operands,
                const std::vector<bool>& batched) {
  std::vector<Type> types;
  types.reserve(operands.size());
  const Infer context(op_case.name, infer_inputs(operands, types), op_case.outputs);
  return op_case.op.keeps_rows(context, batched);
}

}  // namespace

void expect_rows_apart(const OpCase& op_case, const OneNode& one, double rtol, double atol) {
  if (!op_case.op.schema().keeps_rows || one.outputs.empty()) return;
  if (one.outputs[0].kind() != Tensor::Kind::tensor || one.outputs[0].rank() == 0) return;
  const int64_t count = one.outputs[0].dim(0);
  std::vector<size_t> candidates;
  for (size_t i = 0; i < one.operands.size(); ++i) {
    if (has_rows(one.operands[i], count)) candidates.push_back(i);
  }
  if (count < 2 || candidates.size() > 6) return;
  for (const Tensor& output : one.outputs) {
    if (!has_rows(output, count)) return;
  }
  for (size_t chosen = 1; chosen < size_t{1} << candidates.size(); ++chosen) {
    std::vector<bool> batched(one.operands.size(), false);
    for (size_t i = 0; i < candidates.size(); ++i) batched[candidates[i]] = (chosen >> i) & 1;
    if (!keeps_rows(op_case, one.operands, batched)) continue;
    for (int64_t i = 0; i < count; ++i) {
      std::vector<Tensor> operands = one.operands;
      for (size_t k = 0; k < operands.size(); ++k) {
        if (batched[k]) operands[k] = row(operands[k], i);
      }
      if (!keeps_rows(op_case, operands, batched)) continue;
      std::vector<Tensor> results;
      try {
        results = run_reference(op_case.op, operands, op_case.outputs);
      } catch (const Error&) {
        continue;  // a shape among the inputs that names the batch
      }
      for (size_t k = 0; k < results.size(); ++k) {
        const Tensor want = row(one.outputs[k], i);
        if (results[k].shape() != want.shape()) continue;  // likewise
        expect_close(results[k], want, rtol, atol,
                     fmt::format("{}: row {} of output {} alone", op_case.name, i, k));
      }
    }
  }
}

}  // namespace drawbar
