#include <algorithm>
#include <vector>

#include "ops/recurrent/op.h"

namespace drawbar::ops {
namespace {

using Vector = std::vector<double>;

Vector read_all(const Tensor& tensor) {
  Vector result(static_cast<size_t>(tensor.size()));
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = read_number(tensor, static_cast<int64_t>(i));
  }
  return result;
}

/// One direction, one sequence at a time.
class Direct {
 public:
  Direct(const Recurrent& op, Evaluation& e, int64_t d) : op_(op), functions_(activations(op, d)) {
    const Tensor& r = e.input(Recurrent::r);
    hidden_ = r.dim(2);
    inputs_ = e.input(Recurrent::w).dim(2);
    const auto part = [&](size_t i, int64_t length) -> Vector {
      if (!e.has(i)) return Vector(static_cast<size_t>(length));
      const Vector all = read_all(e.input(i));
      return {all.begin() + d * length, all.begin() + (d + 1) * length};
    };
    const int64_t rows = op.gates() * hidden_;
    w_ = part(Recurrent::w, rows * inputs_);
    r_ = part(Recurrent::r, rows * hidden_);
    bias_ = part(Recurrent::bias, 2 * rows);
    if (op.cell == Cell::lstm) peepholes_ = part(Recurrent::peepholes, 3 * hidden_);
  }

  /// One step: changes the state h (and c) of a sequence.
  void step(const double* x, Vector& h, Vector& c) const {
    switch (op_.cell) {
      case Cell::rnn:
        return rnn(x, h);
      case Cell::gru:
        return gru(x, h);
      case Cell::lstm:
        return lstm(x, h, c);
    }
  }

 private:
  double clipped(double value) const {
    const auto limit = static_cast<double>(op_.clip);
    return limit > 0 ? std::clamp(value, -limit, limit) : value;
  }
  /// Row `row` of w times x, with its bias.
  double from_input(int64_t row, const double* x) const {
    double sum = bias_[static_cast<size_t>(row)];
    for (int64_t k = 0; k < inputs_; ++k) sum += w_[static_cast<size_t>(row * inputs_ + k)] * x[k];
    return sum;
  }
  double from_state(int64_t row, const Vector& h) const {
    double sum = bias_[static_cast<size_t>(op_.gates() * hidden_ + row)];
    for (int64_t k = 0; k < hidden_; ++k) {
      sum += r_[static_cast<size_t>(row * hidden_ + k)] * h[static_cast<size_t>(k)];
    }
    return sum;
  }
  double gate(int64_t which, int64_t j, const double* x, const Vector& h) const {
    return from_input(which * hidden_ + j, x) + from_state(which * hidden_ + j, h);
  }

  void rnn(const double* x, Vector& h) const {
    Vector next(h.size());
    for (int64_t j = 0; j < hidden_; ++j) {
      next[static_cast<size_t>(j)] = functions_[0](clipped(gate(0, j, x, h)));
    }
    h = next;
  }

  void gru(const double* x, Vector& h) const {
    Vector z(h.size()), r(h.size()), reset(h.size()), next(h.size());
    for (size_t j = 0; j < h.size(); ++j) {
      const auto at = static_cast<int64_t>(j);
      z[j] = functions_[0](clipped(gate(0, at, x, h)));
      r[j] = functions_[0](clipped(gate(1, at, x, h)));
      reset[j] = r[j] * h[j];
    }
    for (size_t j = 0; j < h.size(); ++j) {
      const auto row = 2 * hidden_ + static_cast<int64_t>(j);
      const double state =
          op_.linear_before_reset ? r[j] * from_state(row, h) : from_state(row, reset);
      const double fresh = functions_[1](clipped(from_input(row, x) + state));
      next[j] = (1 - z[j]) * fresh + z[j] * h[j];
    }
    h = next;
  }

  void lstm(const double* x, Vector& h, Vector& c) const {
    Vector next(h.size());
    for (size_t j = 0; j < h.size(); ++j) {
      const auto at = static_cast<int64_t>(j);
      const auto peephole = [&](int64_t which) {
        return peepholes_[static_cast<size_t>(which * hidden_ + at)];
      };
      const double i = functions_[0](clipped(gate(0, at, x, h) + peephole(0) * c[j]));
      const double f =
          op_.input_forget ? 1 - i : functions_[0](clipped(gate(2, at, x, h) + peephole(2) * c[j]));
      c[j] = f * c[j] + i * functions_[1](clipped(gate(3, at, x, h)));
      const double o = functions_[0](clipped(gate(1, at, x, h) + peephole(1) * c[j]));
      next[j] = o * functions_[2](c[j]);
    }
    h = next;
  }

  const Recurrent& op_;
  int64_t hidden_ = 0, inputs_ = 0;
  std::vector<RecurrentActivation> functions_;
  Vector w_, r_, bias_, peepholes_;
};

}  // namespace

void reference(const Recurrent& op, Evaluation& e) {
  const Tensor& x = e.input(Recurrent::x);
  const int64_t steps = x.dim(op.batch_first ? 1 : 0), batch = x.dim(op.batch_first ? 0 : 1);
  const int64_t inputs = x.dim(2), hidden = e.input(Recurrent::r).dim(2);
  const int64_t directions = op.directions();
  const Shape state_shape =
      op.batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  Tensor& y = e.output(Recurrent::y, x.type(),
                       op.batch_first ? Shape{batch, steps, directions, hidden}
                                      : Shape{steps, directions, batch, hidden});
  const auto state_output = [&](size_t i) {
    return e.outputs() > i ? &e.output(i, x.type(), state_shape) : nullptr;
  };
  Tensor* last_h = state_output(Recurrent::last_h);
  Tensor* last_c = op.cell == Cell::lstm ? state_output(Recurrent::last_c) : nullptr;

  Vector row(static_cast<size_t>(inputs));
  for (int64_t d = 0; d < directions; ++d) {
    const Direct direct(op, e, d);
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t state_at = (op.batch_first ? b * directions + d : d * batch + b) * hidden;
      Vector h(static_cast<size_t>(hidden)), c(static_cast<size_t>(hidden));
      const auto load = [&](size_t i, Vector& to) {
        if (!e.has(i)) return;
        for (int64_t j = 0; j < hidden; ++j) {
          to[static_cast<size_t>(j)] = read_number(e.input(i), state_at + j);
        }
      };
      load(Recurrent::initial_h, h);
      if (op.cell == Cell::lstm) load(Recurrent::initial_c, c);
      int64_t length = steps;
      if (e.has(Recurrent::sequence_lens)) {
        length = read_integer(e.input(Recurrent::sequence_lens), b);
        if (length < 0 || length > steps) {
          fail(ErrorCode::invalid_argument, "sequence_lens[{}] is {}, expected 0 to {}", b, length,
               steps);
        }
      }
      const auto y_at = [&](int64_t t) {
        return (op.batch_first ? (b * steps + t) * directions + d
                               : (t * directions + d) * batch + b) *
               hidden;
      };
      for (int64_t s = 0; s < steps; ++s) {
        const int64_t t = op.backwards(d) && s < length ? length - 1 - s : s;
        if (s < length) {
          const int64_t from = (op.batch_first ? b * steps + t : t * batch + b) * inputs;
          for (int64_t k = 0; k < inputs; ++k) {
            row[static_cast<size_t>(k)] = read_number(x, from + k);
          }
          direct.step(row.data(), h, c);
        }
        for (int64_t j = 0; j < hidden; ++j) {
          write_number(y, y_at(t) + j, s < length ? h[static_cast<size_t>(j)] : 0);
        }
        e.checkpoint();
      }
      for (int64_t j = 0; j < hidden; ++j) {
        if (last_h) write_number(*last_h, state_at + j, h[static_cast<size_t>(j)]);
        if (last_c) write_number(*last_c, state_at + j, c[static_cast<size_t>(j)]);
      }
    }
  }
}

}  // namespace drawbar::ops
