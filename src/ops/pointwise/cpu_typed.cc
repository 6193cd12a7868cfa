#include <algorithm>

#include "ops/pointwise/broadcast.h"
#include "ops/pointwise/integer.h"
#include "ops/pointwise/op.h"
#include "targets/cpu/kernel.h"

// Typed loops for what is not f32: arithmetic and comparisons of i32 and i64 (indices, shapes,
// token numbers), logic of bool, and Where on any type of 1, 4 or 8 bytes.

namespace drawbar::cpu {
namespace {

using ops::BroadcastPlan;
using ops::Elementwise;
using ops::Function;
using ops::FunctionTypes;
namespace integer = ops::integer;

BroadcastPlan plan(const Problem& problem) {
  std::vector<Shape> shapes, strides;
  for (const Operand& input : problem.inputs) {
    shapes.push_back(input.shape);
    strides.push_back(input.strides());
  }
  const Operand& output = problem.outputs[0];
  return ops::plan_broadcast(shapes, strides, output.shape, output.strides());
}

/// body(offsets of the operands and, last, the output; count) for pieces of lines, in parallel.
template <class Body>
std::unique_ptr<Kernel> kernel_of_lines(BroadcastPlan plan, Body body) {
  constexpr int64_t piece = 8192;
  const int64_t pieces = (plan.inner() + piece - 1) / piece;
  const int64_t units = plan.lines() * pieces;
  const int64_t grain =
      std::max<int64_t>(1, 32768 / std::max<int64_t>(1, std::min(piece, plan.inner())));
  return make_kernel([=, plan = std::move(plan)](const KernelRun& run) {
    run.pool.parallel_for(units, grain, [&](int64_t begin, int64_t end, int) {
      int64_t offsets[4], line_offsets[4];
      const size_t operands = plan.strides.size();
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t first = unit % pieces * piece;
        if (unit == begin || first == 0) {
          plan.offsets(unit / pieces, std::span(line_offsets, operands));
        }
        for (size_t i = 0; i < operands; ++i)
          offsets[i] = line_offsets[i] + first * plan.strides[i].back();
        body(run, offsets, std::min(piece, plan.inner() - first));
      }
    });
  });
}

template <class T, class R, class F>
std::unique_ptr<Kernel> unary(const Problem& problem, F f) {
  BroadcastPlan walk = plan(problem);
  const int64_t step = walk.strides[0].back();
  return kernel_of_lines(std::move(walk), [=](const KernelRun& run, const int64_t* at, int64_t n) {
    const T* x = run.in<T>(0) + at[0];
    R* y = run.out<R>(0) + at[1];
    if (step == 1) {
      for (int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) y[i] = f(x[i * step]);
    }
  });
}

template <class T, class R, class F>
std::unique_ptr<Kernel> binary(const Problem& problem, F f) {
  BroadcastPlan walk = plan(problem);
  const int64_t a_step = walk.strides[0].back(), b_step = walk.strides[1].back();
  return kernel_of_lines(std::move(walk), [=](const KernelRun& run, const int64_t* at, int64_t n) {
    const T *a = run.in<T>(0) + at[0], *b = run.in<T>(1) + at[1];
    R* y = run.out<R>(0) + at[2];
    if (a_step == 1 && b_step == 1) {
      for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
    } else if (a_step == 1 && b_step == 0) {
      const T other = *b;
      for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], other);
    } else {
      for (int64_t i = 0; i < n; ++i) y[i] = f(a[i * a_step], b[i * b_step]);
    }
  });
}

template <class T>
std::unique_ptr<Kernel> arithmetic(const Problem& problem, Function function) {
  switch (function) {
    case Function::Neg:
      return unary<T, T>(problem, integer::neg<T>);
    case Function::Abs:
      return unary<T, T>(problem, [](T x) { return x < 0 ? integer::neg(x) : x; });
    case Function::Relu:
      return unary<T, T>(problem, [](T x) { return x < 0 ? T{0} : x; });
    case Function::Sign:
      return unary<T, T>(problem, [](T x) { return static_cast<T>((x > 0) - (x < 0)); });
    case Function::Add:
      return binary<T, T>(problem, [](T x, T y) { return integer::add(x, y); });
    case Function::Sub:
      return binary<T, T>(problem, [](T x, T y) { return integer::sub(x, y); });
    case Function::Mul:
      return binary<T, T>(problem, [](T x, T y) { return integer::mul(x, y); });
    case Function::Div:
      return binary<T, T>(problem, [](T x, T y) { return integer::div(x, y); });
    case Function::Mod:
      return binary<T, T>(problem, [](T x, T y) { return integer::mod(x, y); });
    case Function::Fmod:
      return binary<T, T>(problem, [](T x, T y) { return integer::fmod(x, y); });
    case Function::Min:
      return binary<T, T>(problem, [](T x, T y) { return x < y ? x : y; });
    case Function::Max:
      return binary<T, T>(problem, [](T x, T y) { return x > y ? x : y; });
    case Function::BitwiseAnd:
      return binary<T, T>(problem, [](T x, T y) { return static_cast<T>(x & y); });
    case Function::BitwiseOr:
      return binary<T, T>(problem, [](T x, T y) { return static_cast<T>(x | y); });
    case Function::BitwiseXor:
      return binary<T, T>(problem, [](T x, T y) { return static_cast<T>(x ^ y); });
    case Function::Equal:
      return binary<T, bool>(problem, [](T x, T y) { return x == y; });
    case Function::Greater:
      return binary<T, bool>(problem, [](T x, T y) { return x > y; });
    case Function::GreaterOrEqual:
      return binary<T, bool>(problem, [](T x, T y) { return x >= y; });
    case Function::Less:
      return binary<T, bool>(problem, [](T x, T y) { return x < y; });
    case Function::LessOrEqual:
      return binary<T, bool>(problem, [](T x, T y) { return x <= y; });
    default:
      return nullptr;
  }
}

std::unique_ptr<Kernel> logic(const Problem& problem, Function function) {
  using T = uint8_t;
  const auto truth = [](bool value) { return static_cast<T>(value); };
  switch (function) {
    case Function::Not:
      return unary<T, T>(problem, [=](T x) { return truth(x == 0); });
    case Function::And:
      return binary<T, T>(problem, [=](T x, T y) { return truth((x != 0) & (y != 0)); });
    case Function::Or:
      return binary<T, T>(problem, [=](T x, T y) { return truth((x | y) != 0); });
    case Function::Xor:
      return binary<T, T>(problem, [=](T x, T y) { return truth((x != 0) != (y != 0)); });
    case Function::Equal:
      return binary<T, T>(problem, [=](T x, T y) { return truth((x != 0) == (y != 0)); });
    default:
      return nullptr;
  }
}

template <class T>
std::unique_ptr<Kernel> select(const Problem& problem) {
  BroadcastPlan walk = plan(problem);
  const int64_t step[3] = {walk.strides[0].back(), walk.strides[1].back(), walk.strides[2].back()};
  return kernel_of_lines(std::move(walk), [=](const KernelRun& run, const int64_t* at, int64_t n) {
    const uint8_t* condition = run.in<uint8_t>(0) + at[0];
    const T *a = run.in<T>(1) + at[1], *b = run.in<T>(2) + at[2];
    T* y = run.out<T>(0) + at[3];
    for (int64_t i = 0; i < n; ++i) y[i] = condition[i * step[0]] ? a[i * step[1]] : b[i * step[2]];
  });
}

/// The kernel for a problem, or nothing where this file has none.
std::unique_ptr<Kernel> make(const Problem& problem) {
  const Function function = problem.op.as<Elementwise>()->function;
  for (const Operand& input : problem.inputs) {
    if (!input.present) return nullptr;
  }
  if (function == Function::Where) {
    const ElementType type = problem.outputs[0].type;
    if (type == ElementType::string) return nullptr;
    switch (bits(type)) {
      case 8:
        return select<uint8_t>(problem);
      case 32:
        return select<uint32_t>(problem);
      case 64:
        return select<uint64_t>(problem);
      default:
        return nullptr;
    }
  }
  if (info(function).types == FunctionTypes::powers) return nullptr;
  switch (problem.inputs[0].type) {
    case ElementType::i32:
      return arithmetic<int32_t>(problem, function);
    case ElementType::i64:
      return arithmetic<int64_t>(problem, function);
    case ElementType::boolean:
      return logic(problem, function);
    default:
      return nullptr;
  }
}

/// Operand 0 may give its memory to the output: then the elements must lie in the same order.
bool applies(const Problem& problem) {
  const Operand &first = problem.inputs[0], &output = problem.outputs[0];
  if (first.layout != output.layout && first.type == output.type && first.size() == output.size())
    return false;
  return make(problem) != nullptr;
}

double seconds(const Problem& problem) {
  int64_t bytes = 0;
  for (const Operand& input : problem.inputs) bytes += storage_bytes(input.type, input.size());
  const int64_t size = problem.outputs[0].size();
  bytes += storage_bytes(problem.outputs[0].type, size);
  const bool division = problem.op.as<Elementwise>()->function == Function::Div;
  const double work =
      static_cast<double>(bytes) / 8e9 + static_cast<double>(size) * (division ? 4e-9 : 0.5e-9);
  return 1e-6 + work / problem.threads;
}

bool register_members() {
  for (int i = 1; i < ops::function_count(); ++i) {
    const ops::FunctionInfo& form = info(static_cast<Function>(i));
    const bool same_type = form.types == FunctionTypes::numbers ||
                           form.types == FunctionTypes::bits || form.types == FunctionTypes::logic;
    if (!same_type && form.types != FunctionTypes::comparisons &&
        form.types != FunctionTypes::selection) {
      continue;
    }
    register_tactic({.op = form.name,
                     .name = "pointwise_typed",
                     .applies = applies,
                     .seconds = seconds,
                     .make = make,
                     .in_place = same_type ? 0 : -1});
  }
  return true;
}
[[maybe_unused]] const bool registered_members = register_members();

}  // namespace
}  // namespace drawbar::cpu
