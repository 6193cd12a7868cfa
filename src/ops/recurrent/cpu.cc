#include <algorithm>
#include <array>

#include "ops/recurrent/kernels/gates.h"
#include "ops/recurrent/kernels/packed_gates.h"
#include "ops/recurrent/op.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Cell;
using ops::Recurrent;

constexpr int64_t projection_bytes = 8 << 20;  // of x·W that are kept at once
constexpr int64_t shared_work = 200'000;       // multiply-adds of a step worth sharing
constexpr int64_t piece_bytes = 256 << 10;     // of a step's weights

/// The piece at place i of `count` that `threads` share: every other step runs backwards through
/// each share, so that it begins with the weights that the step before left in the cache.
int64_t to_and_fro(int64_t step, int64_t i, int64_t count, int64_t threads) {
  if (step % 2 == 0) return i;
  const int64_t share = std::max<int64_t>(1, count / threads);
  const int64_t first = std::min(i / share, threads - 1) * share;
  const int64_t end = first / share + 1 < threads ? first + share : count;
  return first + end - 1 - i;
}

bool has_input(const Problem& problem, size_t i) {
  return i < problem.inputs.size() && problem.inputs[i].present;
}

/// All steps of all directions: x·W for many steps at once, then step by step h·R and the gates,
/// the hidden units shared among the threads.
class RecurrentKernel final : public Kernel {
 public:
  explicit RecurrentKernel(const Problem& problem)
      : sizes_(problem), op_(*problem.op.as<Recurrent>()) {
    const Isa isa = problem.isa;
    resets_ = op_.cell == Cell::gru && !op_.linear_before_reset;
    w_ = PackedGates(problem, Recurrent::w, sizes_, 0, sizes_.gates);
    if (resets_) {
      r_ = PackedGates(problem, Recurrent::r, sizes_, 0, 2);
      r_last_ = PackedGates(problem, Recurrent::r, sizes_, 2, 1);
      gates_ = gru_reset_gates(isa);
      update_ = gru_update_gates(isa);
    } else {
      r_ = PackedGates(problem, Recurrent::r, sizes_, 0, sizes_.gates);
      gates_ = op_.cell == Cell::lstm                       ? lstm_gates(isa)
               : op_.cell == Cell::gru                      ? gru_linear_gates(isa)
               : ops::activations(op_, 0)[0].name == "relu" ? rnn_relu_gates(isa)
                                                            : rnn_tanh_gates(isa);
    }
    bias_ = gate_bias(problem, sizes_);
    const int64_t row = sizes_.directions * sizes_.batch * sizes_.columns();
    chunk_ = std::clamp<int64_t>(projection_bytes / 4 / std::max<int64_t>(1, row), 1,
                                 std::max<int64_t>(1, sizes_.steps));
    const int64_t work = sizes_.directions * sizes_.batch * sizes_.columns() * sizes_.hidden;
    shares_steps_ = problem.threads > 1 && work >= shared_work;
    const int64_t bytes = bits(problem.inputs[Recurrent::r].type) / 8;
    pieces_ = std::max<int64_t>(1, bytes * sizes_.columns() * sizes_.hidden / piece_bytes);
    // Directions in one loop wait for each other half as often; one after the other, a thread's
    // share of the weights may stay in its cache from step to step.
    const int64_t weights = bytes * sizes_.directions * sizes_.columns() * sizes_.hidden;
    at_once_ = weights <= problem.threads * cache_sizes().l2 ? sizes_.directions : 1;
    if (shares_steps_) pieces_ = std::max(pieces_, 4 * problem.threads / at_once_);
    // A piece begins at a panel: two units.
    piece_units_ = (sizes_.units() + 2 * pieces_ - 1) / (2 * pieces_) * 2;
    pieces_ = (sizes_.units() + piece_units_ - 1) / piece_units_;
  }

  uint32_t packed_inputs() const override { return 1U << Recurrent::w | 1U << Recurrent::r; }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(projection_floats() + gate_floats() + 4 * state_floats()) * 4;
  }

  void run(const KernelRun& run) const override {
    const Buffers buffers(*this, run);
    load_states(run, buffers);
    for (int64_t begin = 0; begin < sizes_.steps; begin += chunk_) {
      const int64_t end = std::min(sizes_.steps, begin + chunk_);
      for (int64_t d = 0; d < sizes_.directions; ++d) project(run, buffers, d, begin, end);
      if (shares_steps_) {
        for (int64_t d = 0; d < sizes_.directions; d += at_once_) {
          for (int64_t s = begin; s < end; ++s) {
            for (int phase = 0; phase < phases(); ++phase) {
              share_step(run, buffers, d, s, phase, begin, end);
            }
          }
        }
      } else {
        run.pool.parallel_for(sizes_.directions, 1, [&](int64_t first, int64_t last, int) {
          for (int64_t d = first; d < last; ++d) {
            for (int64_t s = begin; s < end; ++s) {
              for (int phase = 0; phase < phases(); ++phase) {
                for (int64_t i = 0; i < pieces_; ++i) {
                  step(run, buffers, d, s, phase, to_and_fro(s, i, pieces_, 1), begin, end);
                }
              }
            }
          }
        });
      }
    }
    store_states(run, buffers);
  }

 private:
  struct Buffers {
    float* projection;        // [D][rows of the chunk][columns]
    float* gates;             // [D][B][columns]
    std::array<float*, 2> h;  // [D][B][padded], in turns
    float *c, *reset;         // the same
    const int32_t* lengths = nullptr;

    Buffers(const RecurrentKernel& kernel, const KernelRun& run) {
      projection = static_cast<float*>(run.scratch);
      gates = projection + kernel.projection_floats();
      h[0] = gates + kernel.gate_floats();
      h[1] = h[0] + kernel.state_floats();
      c = h[1] + kernel.state_floats();
      reset = c + kernel.state_floats();
      if (run.inputs.size() > Recurrent::sequence_lens) {
        lengths = run.in<int32_t>(Recurrent::sequence_lens);
      }
    }
  };

  int64_t projection_floats() const {
    return sizes_.directions * chunk_ * sizes_.batch * sizes_.columns();
  }
  int64_t gate_floats() const { return sizes_.directions * sizes_.batch * sizes_.columns(); }
  int64_t state_floats() const { return sizes_.directions * sizes_.batch * sizes_.padded; }
  int phases() const { return resets_ ? 2 : 1; }

  void load_states(const KernelRun& run, const Buffers& buffers) const {
    const auto load = [&](size_t input, float* to) {
      std::fill_n(to, state_floats(), 0.0f);
      const float* from = input < run.inputs.size() ? run.in<float>(input) : nullptr;
      for (int64_t i = 0; from && i < sizes_.directions * sizes_.batch; ++i) {
        const int64_t d = i / sizes_.batch, b = i % sizes_.batch;
        std::copy_n(from + sizes_.state_row(d, b), sizes_.hidden, to + i * sizes_.padded);
      }
    };
    load(Recurrent::initial_h, buffers.h[0]);
    std::fill_n(buffers.h[1], state_floats(), 0.0f);
    std::fill_n(buffers.reset, state_floats(), 0.0f);
    load(op_.cell == Cell::lstm ? size_t{Recurrent::initial_c} : run.inputs.size(), buffers.c);
    for (int64_t b = 0; buffers.lengths && b < sizes_.batch; ++b) {
      if (buffers.lengths[b] < 0 || buffers.lengths[b] > sizes_.steps) {
        fail(ErrorCode::invalid_argument, "sequence_lens[{}] is {}, expected 0 to {}", b,
             buffers.lengths[b], sizes_.steps);
      }
    }
  }

  void store_states(const KernelRun& run, const Buffers& buffers) const {
    const auto store = [&](size_t output, const float* from) {
      float* to = output < run.outputs.size() ? run.out<float>(output) : nullptr;
      for (int64_t i = 0; to && i < sizes_.directions * sizes_.batch; ++i) {
        const int64_t d = i / sizes_.batch, b = i % sizes_.batch;
        std::copy_n(from + i * sizes_.padded, sizes_.hidden, to + sizes_.state_row(d, b));
      }
    };
    store(Recurrent::last_h, buffers.h[static_cast<size_t>(sizes_.steps % 2)]);
    if (op_.cell == Cell::lstm) store(Recurrent::last_c, buffers.c);
  }

  /// The first time step in memory of steps [begin, end).
  int64_t first_time(int64_t d, int64_t begin, int64_t end) const {
    return op_.backwards(d) ? sizes_.steps - end : begin;
  }

  void project(const KernelRun& run, const Buffers& buffers, int64_t d, int64_t begin,
               int64_t end) const {
    Epilogue epilogue;
    epilogue.bias = bias_.input.data() + d * sizes_.columns();
    const int64_t count = end - begin, time = first_time(d, begin, end);
    float* to = buffers.projection + d * chunk_ * sizes_.batch * sizes_.columns();
    const float* x = run.in<float>(Recurrent::x);
    const int64_t products = sizes_.batch_first ? sizes_.batch : 1;
    const int64_t rows = sizes_.batch_first ? count : count * sizes_.batch;
    for (int64_t i = 0; i < products; ++i) {
      const int64_t row = sizes_.batch_first ? i * sizes_.steps + time : time * sizes_.batch;
      gemm(rows, x + row * sizes_.inputs, sizes_.inputs, w_.whole(d),
           to + i * count * sizes_.columns(), sizes_.columns(), epilogue, &run.pool);
    }
  }

  /// Step s of `at_once_` directions from d on, its pieces shared among the threads.
  void share_step(const KernelRun& run, const Buffers& buffers, int64_t d, int64_t s, int phase,
                  int64_t begin, int64_t end) const {
    const int64_t count = at_once_ * pieces_;
    run.pool.parallel_for(count, 1, [&](int64_t first, int64_t last, int) {
      for (int64_t i = first; i < last; ++i) {
        const int64_t at = to_and_fro(s, i, count, run.pool.threads());
        step(run, buffers, d + at / pieces_, s, phase, at % pieces_, begin, end);
      }
    });
  }

  /// One piece of the hidden units in step s of direction d; [begin, end) are the projected steps.
  void step(const KernelRun& run, const Buffers& buffers, int64_t d, int64_t s, int phase,
            int64_t piece, int64_t begin, int64_t end) const {
    const int64_t t = op_.backwards(d) ? sizes_.steps - 1 - s : s;
    const int64_t unit = sizes_.unit, columns = sizes_.columns();
    const int64_t first = piece * piece_units_;
    const int64_t last = std::min(sizes_.units(), first + piece_units_);
    const int64_t gates = resets_ ? (phase == 0 ? 2 : 1) : sizes_.gates;
    const int64_t states = d * sizes_.batch * sizes_.padded;
    const float* h = buffers.h[static_cast<size_t>(s % 2)] + states;
    float* next = buffers.h[static_cast<size_t>((s + 1) % 2)] + states;
    float* from_state = buffers.gates + d * sizes_.batch * columns;
    const int64_t from = first * unit * gates, to = last * unit * gates;
    const PackedGates& weights = phase == 0 ? r_ : r_last_;
    Epilogue epilogue;
    if (!bias_.state.empty()) epilogue.bias = bias_.state.data() + d * columns + from;
    gemm(sizes_.batch, phase == 0 ? h : buffers.reset + states, sizes_.padded,
         weights.part(d, from, to), from_state + from, columns, epilogue, nullptr);

    const int64_t count = end - begin, step_in_chunk = t - first_time(d, begin, end);
    const float* projection = buffers.projection + d * chunk_ * sizes_.batch * columns;
    const int64_t hidden = (last - first) * unit;
    for (int64_t b = 0; b < sizes_.batch; ++b) {
      const int64_t row =
          sizes_.batch_first ? b * count + step_in_chunk : step_in_chunk * sizes_.batch + b;
      const int64_t state = b * sizes_.padded + first * unit;
      const bool runs = !buffers.lengths || t < buffers.lengths[b];
      const bool final_phase = phase + 1 == phases();
      if (runs) {
        const GateBlock block{
            .from_input = projection + row * columns + first * unit * sizes_.gates,
            .from_state = from_state + b * columns + from,
            .h = h + state,
            .c = buffers.c + states + state,
            .next_h = (final_phase ? next : buffers.reset + states) + state,
            .hidden = hidden,
            .unit = unit};
        (final_phase && resets_ ? update_ : gates_)(block);
      } else if (final_phase) {
        std::copy_n(h + state, hidden, next + state);
      }
      float* y = run.outputs.empty() ? nullptr : run.out<float>(Recurrent::y);
      if (!final_phase || !y) continue;
      y += sizes_.y_row(d, t, b) + first * unit;
      const int64_t own = std::min(hidden, sizes_.hidden - first * unit);
      if (runs) {
        std::copy_n(next + state, own, y);
      } else {
        std::fill_n(y, own, 0.0f);
      }
    }
  }

  RecurrentSizes sizes_;
  Recurrent op_;
  bool resets_ = false, shares_steps_ = false;
  PackedGates w_, r_, r_last_;
  GateFunction gates_ = nullptr, update_ = nullptr;
  GateBias bias_;
  int64_t chunk_ = 1, at_once_ = 1, pieces_ = 1, piece_units_ = 2;
};

bool has_usual_activations(const Recurrent& op) {
  const Recurrent usual{.cell = op.cell, .direction = op.direction};
  for (int64_t d = 0; d < op.directions(); ++d) {
    const auto own = ops::activations(op, d);
    const bool relu =
        op.cell == Cell::rnn && own[0].name == "relu" && ops::activations(op, 0)[0].name == "relu";
    if (!relu && own != ops::activations(usual, d)) return false;
  }
  return true;
}

bool applies(const Problem& problem) {
  const Recurrent& op = *problem.op.as<Recurrent>();
  if (op.clip > 0 || op.input_forget || !has_usual_activations(op)) return false;
  if (op.cell == Cell::rnn && op.directions() == 2 &&
      ops::activations(op, 0) != ops::activations(op, 1)) {
    return false;
  }
  if (has_input(problem, Recurrent::peepholes)) return false;
  for (size_t i = 0; i < problem.inputs.size(); ++i) {
    const Operand& operand = problem.inputs[i];
    if (!operand.present) continue;
    const bool weights = i == Recurrent::w || i == Recurrent::r || i == Recurrent::bias;
    const ElementType wanted = i == Recurrent::sequence_lens ? ElementType::i32 : ElementType::f32;
    const bool half = (half_weights(op) >> i & 1) != 0 && is_half(operand.type);
    if ((operand.type != wanted && !half) || (weights && !operand.constant)) return false;
  }
  return problem.inputs[Recurrent::x].size() > 0 && problem.inputs[Recurrent::r].size() > 0;
}

double seconds(const Problem& problem) {
  const RecurrentSizes sizes(problem);
  const double bytes = bits(problem.inputs[Recurrent::r].type) / 8.0;
  const double weights = bytes * static_cast<double>(sizes.directions * sizes.columns()) *
                         static_cast<double>(sizes.hidden);
  const double work = 2.0 * static_cast<double>(sizes.steps * sizes.batch * sizes.directions) *
                      static_cast<double>(sizes.columns()) *
                      static_cast<double>(sizes.inputs + sizes.hidden);
  return work / (50e9 * problem.threads) +
         static_cast<double>(sizes.steps) * (2e-6 + weights / (20e9 * problem.threads));
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  return std::make_unique<RecurrentKernel>(problem);
}

DRAWBAR_CPU_TACTIC(rnn, "RNN", "recurrent_f32", applies, seconds, make);
DRAWBAR_CPU_TACTIC(gru, "GRU", "recurrent_f32", applies, seconds, make);
DRAWBAR_CPU_TACTIC(lstm, "LSTM", "recurrent_f32", applies, seconds, make);

}  // namespace
}  // namespace drawbar::cpu
