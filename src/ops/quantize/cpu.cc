#include <algorithm>

#include "ops/quantize/cpu_lines.h"
#include "ops/quantize/op.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

using ops::DequantizeLinear;
using ops::DynamicQuantizeLinear;
using ops::QuantizeLinear;
using ops::ScaleMap;

constexpr int64_t piece = 16384;  // elements a worker takes at a time

DRAWBAR_CPU_LAYOUT(QuantizeLinear, any);
DRAWBAR_CPU_LAYOUT(DequantizeLinear, any);
DRAWBAR_CPU_LAYOUT(DynamicQuantizeLinear, any);

bool row_major(const Problem& problem) {
  return problem.inputs[0].layout == Layout::row_major &&
         problem.outputs[0].layout == Layout::row_major;
}

bool is_of_channels(const Problem& problem, int64_t axis) {
  const auto rank = std::ssize(problem.inputs[0].shape);
  return problem.inputs[1].shape.size() == 1 && (axis < 0 ? axis + rank : axis) == 1;
}

/// In any order where one scale holds for all or for each channel.
bool scaled_by_f32(const Problem& problem, int64_t axis) {
  const Operand& scale = problem.inputs[1];
  if (!scale.present || scale.type != ElementType::f32) return false;
  return row_major(problem) || (problem.inputs[0].layout == problem.outputs[0].layout &&
                                (scale.size() == 1 || is_of_channels(problem, axis)));
}

/// The scales along the elements as they lie in memory.
ScaleMap map_of(const Problem& problem, int64_t axis, int64_t block_size) {
  const Shape& x = problem.inputs[0].shape;
  if (row_major(problem)) return ops::scale_map(x, problem.inputs[1].shape, axis, block_size);
  if (problem.inputs[1].size() == 1) return {.inner = problem.inputs[0].size()};
  return {.outer = x[1] == 0 ? 0 : problem.inputs[0].size() / x[1], .axis = x[1], .scale_axis = 1};
}

/// A piece of x that one scale holds for, or whose elements have neighbouring scales.
struct Piece {
  int64_t x, scale, count;
};

/// x cut into pieces: along lines or blocks of one scale, or of neighbouring scales.
class Pieces {
 public:
  explicit Pieces(const ScaleMap& map)
      : map_(map),
        blocked_(map.scale_inner != 0),
        per_element_(map.scale_axis != 0 && (map.inner == 1) != blocked_) {
    const bool along_axis = map.inner == 1 && map.scale_axis != 0;
    length_ = !along_axis ? map.inner : blocked_ ? std::min(map.block, map.axis) : map.axis;
    const int64_t blocks = map.axis / map.block + (map.axis % map.block != 0);
    per_outer_ = !along_axis ? map.axis : blocked_ ? blocks : 1;
    lines_ = length_ == 0 ? 0 : map.outer * per_outer_;
    per_line_ = (length_ + piece - 1) / piece;
  }
  bool per_element() const { return per_element_; }
  int64_t count() const { return lines_ * per_line_; }
  int64_t grain() const { return std::max<int64_t>(1, piece / std::max<int64_t>(1, length_)); }
  Piece operator[](int64_t i) const {
    const int64_t line = i / per_line_, first = i % per_line_ * piece;
    const int64_t o = line / per_outer_, at = line % per_outer_;
    if (blocked_ && !per_element_) {  // the last block may be shorter
      const int64_t left = std::min(length_, map_.axis - at * length_) - first;
      return {o * map_.axis + at * length_ + first, o * map_.scale_outer + at,
              std::clamp<int64_t>(left, 0, piece)};
    }
    const int64_t neighbour = per_element_ ? first : 0;
    const int64_t scale = map_.inner == 1 ? 0 : map_.index(o, at, 0);
    return {line * length_ + first, scale + neighbour, std::min(piece, length_ - first)};
  }

 private:
  ScaleMap map_;
  bool blocked_, per_element_;
  int64_t length_, per_outer_, lines_, per_line_;
};

double line_seconds(const Problem& problem) {
  int64_t bytes = 0;
  for (const Operand& x : problem.inputs)
    if (x.present) bytes += storage_bytes(x.type, x.size());
  bytes += storage_bytes(problem.outputs[0].type, problem.outputs[0].size());
  return 1e-6 + static_cast<double>(bytes) / (6e9 * problem.threads);
}

template <class T>
const T* at(const T* data, int64_t elements, int64_t width) {
  return data ? data + elements * width : nullptr;
}

bool quantize_applies(const Problem& problem) {
  const auto& op = *problem.op.as<QuantizeLinear>();
  return scaled_by_f32(problem, op.axis) && problem.inputs[0].type == ElementType::f32 &&
         op.precision == ElementType::f32 && quantize_line(op.to) &&
         (op.to != ElementType::f8e4m3fn || op.saturate);
}

std::unique_ptr<Kernel> make_quantize(const Problem& problem) {
  const auto& op = *problem.op.as<QuantizeLinear>();
  const QuantizeLine line = quantize_line(op.to);
  const Pieces pieces(map_of(problem, op.axis, op.block_size));
  return make_kernel([=](const KernelRun& run) {
    const char* zero = run.inputs.size() > 2 ? run.in<char>(2) : nullptr;
    run.pool.parallel_for(pieces.count(), pieces.grain(), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const Piece p = pieces[i];
        line(run.in<float>(0) + p.x, run.in<float>(1) + p.scale, at(zero, p.scale, 1),
             run.out<char>(0) + p.x, p.count, pieces.per_element());
      }
    });
  });
}

bool dequantize_applies(const Problem& problem) {
  const auto& op = *problem.op.as<DequantizeLinear>();
  // An i32 less another may need a bit more.
  if (problem.inputs[0].type == ElementType::i32 && problem.inputs.size() > 2 &&
      problem.inputs[2].present)
    return false;
  return scaled_by_f32(problem, op.axis) && op.to == ElementType::f32 &&
         dequantize_line(problem.inputs[0].type);
}

std::unique_ptr<Kernel> make_dequantize(const Problem& problem) {
  const auto& op = *problem.op.as<DequantizeLinear>();
  const ElementType type = problem.inputs[0].type;
  const DequantizeLine line = dequantize_line(type);
  const int64_t width = bits(type) / 8;
  const Pieces pieces(map_of(problem, op.axis, op.block_size));
  return make_kernel([=](const KernelRun& run) {
    const char* zero = run.inputs.size() > 2 ? run.in<char>(2) : nullptr;
    run.pool.parallel_for(pieces.count(), pieces.grain(), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const Piece p = pieces[i];
        line(run.in<char>(0) + p.x * width, run.in<float>(1) + p.scale, at(zero, p.scale, width),
             run.out<float>(0) + p.x, p.count, pieces.per_element());
      }
    });
  });
}

/// The range of every piece goes to scratch; the pieces are quantised once all are known.
std::unique_ptr<Kernel> make_dynamic(const Problem& problem) {
  const int64_t size = problem.inputs[0].size(), pieces = (size + piece - 1) / piece;
  const QuantizeLine line = quantize_line(ElementType::u8);
  const auto run_pieces = [=](const KernelRun& run, auto&& body) {
    run.pool.parallel_for(pieces, 2, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) body(i, std::min(piece, size - i * piece));
    });
  };
  const auto body = [=](const KernelRun& run) {
    const float* x = run.in<float>(0);
    auto* ranges = static_cast<float*>(run.scratch);
    run_pieces(run, [&](int64_t i, int64_t count) {
      range_of(x + i * piece, count, ranges[2 * i], ranges[2 * i + 1]);
    });
    float low = 0, high = 0;
    for (int64_t i = 0; i < pieces; ++i) {
      low = std::min(low, ranges[2 * i]);
      high = std::max(high, ranges[2 * i + 1]);
    }
    const ops::DynamicRange range = ops::dynamic_range(low, high);
    if (run.outputs.size() > 1 && run.outputs[1]) *run.out<float>(1) = range.scale;
    if (run.outputs.size() > 2 && run.outputs[2]) *run.out<uint8_t>(2) = range.zero_point;
    run_pieces(run, [&](int64_t i, int64_t count) {
      line(x + i * piece, &range.scale, &range.zero_point, run.out<char>(0) + i * piece, count,
           false);
    });
  };
  return make_kernel(body, static_cast<size_t>(pieces) * 2 * sizeof(float));
}

bool dynamic_applies(const Problem& problem) {
  return problem.inputs[0].layout == problem.outputs[0].layout;
}

DRAWBAR_CPU_TACTIC(quantize, .op = "QuantizeLinear", .name = "quantize_f32",
                   .applies = quantize_applies, .seconds = line_seconds, .make = make_quantize);
DRAWBAR_CPU_TACTIC(dequantize, .op = "DequantizeLinear", .name = "dequantize_f32",
                   .applies = dequantize_applies, .seconds = line_seconds, .make = make_dequantize);
DRAWBAR_CPU_TACTIC(dynamic_quantize, .op = "DynamicQuantizeLinear", .name = "dynamic_quantize_f32",
                   .applies = dynamic_applies, .seconds = line_seconds, .make = make_dynamic);

}  // namespace
}  // namespace drawbar::cpu
