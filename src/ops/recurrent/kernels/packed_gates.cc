#include "ops/recurrent/kernels/packed_gates.h"

#include <algorithm>
#include <cstring>

namespace drawbar::cpu {

using ops::Recurrent;

RecurrentSizes::RecurrentSizes(const Problem& problem) {
  const auto& op = *problem.op.as<Recurrent>();
  const Operand& x = problem.inputs[Recurrent::x];
  batch_first = op.batch_first;
  steps = x.dim(batch_first ? 1 : 0);
  batch = x.dim(batch_first ? 0 : 1);
  inputs = x.dim(2);
  hidden = problem.inputs[Recurrent::r].dim(2);
  directions = op.directions();
  gates = op.gates();
  unit = lanes(problem.isa);
  padded = (hidden + unit - 1) / unit * unit;
}

PackedGates::PackedGates(const Problem& problem, size_t input, const RecurrentSizes& sizes,
                         int64_t first, int64_t count)
    : k_(problem.inputs[input].dim(2)),
      n_(count * sizes.padded),
      isa_(problem.isa),
      element_(problem.inputs[input].type) {
  bytes_ = (packed_bytes(k_, n_, isa_, element_) + 63) / 64 * 64;
  const std::string form = fmt::format("recurrent {} gates={}+{}of{} unit={}", name(isa_), first,
                                       count, sizes.gates, sizes.unit);
  packed_ = problem.packed.get(
      problem.inputs[input].constant, form, static_cast<size_t>(bytes_ * sizes.directions),
      [&](const Tensor& source, void* packed) {
        const int64_t row_bytes = k_ * (bits(element_) / 8);
        std::vector<std::byte> rows(static_cast<size_t>(n_ * row_bytes));
        for (int64_t d = 0; d < sizes.directions; ++d) {
          std::fill(rows.begin(), rows.end(), std::byte{0});
          for (int64_t gate = 0; gate < count; ++gate) {
            for (int64_t j = 0; j < sizes.hidden; ++j) {
              const int64_t from = (d * sizes.gates + first + gate) * sizes.hidden + j;
              std::memcpy(rows.data() + sizes.column(count, gate, j) * row_bytes,
                          static_cast<const std::byte*>(source.raw()) + from * row_bytes,
                          static_cast<size_t>(row_bytes));
            }
          }
          void* to = static_cast<std::byte*>(packed) + d * bytes_;
          if (element_ == ElementType::f32) {
            pack(reinterpret_cast<const float*>(rows.data()), k_, true, k_, n_, isa_,
                 static_cast<float*>(to));
          } else {
            pack_halves(element_, reinterpret_cast<const uint16_t*>(rows.data()), k_, true, k_, n_,
                        isa_, to);
          }
        }
      });
}

PackedMatrix PackedGates::part(int64_t d, int64_t begin, int64_t end) const {
  PackedMatrix result{packed_.get() + d * bytes_ + begin * k_ * (bits(element_) / 8), k_,
                      end - begin, isa_};
  result.element = element_;
  return result;
}

GateBias gate_bias(const Problem& problem, const RecurrentSizes& sizes) {
  const auto& op = *problem.op.as<Recurrent>();
  const bool linear = op.cell == ops::Cell::gru && op.linear_before_reset;
  const auto all = static_cast<size_t>(sizes.directions * sizes.columns());
  GateBias result;
  result.input.assign(all, 0);
  if (linear) result.state.assign(all, 0);
  if (problem.inputs.size() <= Recurrent::bias || !problem.inputs[Recurrent::bias].present) {
    return result;
  }
  const float* bias = problem.inputs[Recurrent::bias].constant->tensor().data<float>();
  const int64_t rows = sizes.gates * sizes.hidden;
  for (int64_t d = 0; d < sizes.directions; ++d) {
    for (int64_t gate = 0; gate < sizes.gates; ++gate) {
      for (int64_t j = 0; j < sizes.hidden; ++j) {
        const auto to =
            static_cast<size_t>(d * sizes.columns() + sizes.column(sizes.gates, gate, j));
        const float* from = bias + d * 2 * rows + gate * sizes.hidden + j;
        const bool apart = linear && gate == 2;
        result.input[to] = from[0] + (apart ? 0 : from[rows]);
        if (apart) result.state[to] = from[rows];
      }
    }
  }
  return result;
}

}  // namespace drawbar::cpu
