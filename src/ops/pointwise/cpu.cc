#include <algorithm>

#include "ops/pointwise/broadcast.h"
#include "ops/pointwise/cpu_program.h"
#include "ops/pointwise/op.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

using ops::BroadcastPlan;
using ops::Elementwise;
using ops::Function;
using ops::FunctionTypes;
using ops::Pointwise;
using ops::Program;

constexpr int64_t scratch_floats = 6144;  // on the worker's stack, within every L1 cache
constexpr int64_t most_axes = 64;
constexpr int64_t narrow = 16;  // rows of fewer elements are not worth a loop of their own

/// How an operand comes into a tile.
enum class Feed : uint8_t {
  direct,    // read where it lies
  uniform,   // one value per row
  copied,    // written out as f32, as long as the tile
  periodic,  // the same line again and again, written out once
};

struct Source {
  size_t operand;
  bool is_bool;
  int64_t inner_stride;
  Feed feed;
  int buffer = -1;  // which tile of scratch
};

/// One kernel for every program: the output is computed tile by tile, each of some rows (along the
/// last axis but one of the plan) of some columns. Where rows are narrow, or few before the next
/// axis wraps around, tiles are runs of whole lines instead, and operands that broadcast are
/// written out.
class PointwiseKernel final : public Kernel {
 public:
  PointwiseKernel(const Program& program, BroadcastPlan plan, std::span<const Operand> inputs,
                  bool bool_output)
      : steps_(program), plan_(std::move(plan)), bool_output_(bool_output) {
    const size_t axes = plan_.sizes.size();
    const int64_t inner = plan_.inner();
    rows_ = axes > 1 ? plan_.sizes[axes - 2] : 1;
    runs_of_lines_ = axes > 1 && (inner < narrow || (axes > 2 && inner * rows_ < 512));
    int buffers = steps_.temporaries();
    for (size_t i = 0; i < inputs.size(); ++i) {
      Source source{i, inputs[i].type == ElementType::boolean, plan_.strides[i].back(), feed(i)};
      if (source.is_bool && source.feed != Feed::periodic) source.feed = Feed::copied;
      if (source.feed >= Feed::copied) source.buffer = buffers++;
      sources_.push_back(source);
    }
    if (bool_output_) result_buffer_ = buffers++;
    tile_ = buffers == 0 ? 8192 : std::min<int64_t>(2048, scratch_floats / buffers / 16 * 16);
    width_ = std::min(tile_, std::max<int64_t>(1, inner));
    height_ = std::max<int64_t>(1, tile_ / width_);
    if (runs_of_lines_) {
      units_ = (plan_.lines() + height_ - 1) / height_;
    } else {
      height_ = std::min(height_, std::max<int64_t>(1, rows_));
      bands_ = (rows_ + height_ - 1) / height_;
      pieces_ = (inner + width_ - 1) / width_;
      units_ = plan_.lines() == 0 ? 0 : plan_.lines() / rows_ * bands_ * pieces_;
    }
    grain_ = std::max<int64_t>(
        1, static_cast<int64_t>(32768 / (1 + steps_.cost() / 8)) / (width_ * height_));
  }

  void run(const KernelRun& run) const override {
    run.pool.parallel_for(units_, grain_, [&](int64_t begin, int64_t end, int) {
      if (runs_of_lines_) {
        run_lines(run, begin * height_, std::min(end * height_, plan_.lines()));
      } else {
        run_tiles(run, begin, end);
      }
    });
  }

 private:
  static constexpr size_t most_operands = Program::most_inputs + 1;

  Feed feed(size_t i) const {
    const Shape &strides = plan_.strides[i], &output = plan_.strides.back();
    const int64_t inner = strides.back();
    if (!runs_of_lines_) {
      return inner == 0 ? Feed::uniform : inner == 1 ? Feed::direct : Feed::copied;
    }
    if (strides == output) return Feed::direct;
    const auto none = [](int64_t stride) { return stride == 0; };
    if (!std::all_of(strides.begin(), strides.end() - 1, none)) return Feed::copied;
    return inner == 0 ? Feed::uniform : Feed::periodic;
  }

  /// `count` elements of an operand from `offset` on, as floats.
  static void copy(const Source& source, const void* data, int64_t offset, int64_t count,
                   float* to) {
    const int64_t stride = source.inner_stride;
    if (source.is_bool) {
      const auto* from = static_cast<const uint8_t*>(data) + offset;
      if (stride == 1) return convert_bool_to_f32(from, to, count);
      if (stride == 0) return static_cast<void>(std::fill_n(to, count, *from ? 1.0f : 0.0f));
      for (int64_t k = 0; k < count; ++k) to[k] = from[k * stride] ? 1.0f : 0.0f;
      return;
    }
    const float* from = static_cast<const float*>(data) + offset;
    if (stride == 0) {
      std::fill_n(to, count, *from);
    } else if (stride == 1) {
      std::copy_n(from, count, to);
    } else {
      for (int64_t k = 0; k < count; ++k) to[k] = from[k * stride];
    }
  }

  /// Computes a tile of the output, whose rows lie one behind the other or are `stride` apart.
  void compute(const KernelRun& run, const TileSteps::Operand* values, int64_t to, int64_t stride,
               int64_t rows, int64_t columns, float* scratch) const {
    if (!bool_output_) {
      steps_.run(values, run.out<float>(0) + to, stride, rows, columns, scratch, tile_);
      return;
    }
    float* result = scratch + result_buffer_ * tile_;
    steps_.run(values, result, columns, rows, columns, scratch, tile_);
    for (int64_t r = 0; r < rows; ++r) {
      convert_f32_to_bool(result + r * columns, run.out<uint8_t>(0) + to + r * stride, columns);
    }
  }

  void run_tiles(const KernelRun& run, int64_t begin, int64_t end) const {
    alignas(64) float scratch[scratch_floats];
    int64_t offsets[most_operands];
    TileSteps::Operand values[most_operands];
    const size_t operands = plan_.strides.size(), axes = plan_.sizes.size();
    const auto row_stride = [&](size_t i) { return axes > 1 ? plan_.strides[i][axes - 2] : 0; };
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t column = unit % pieces_ * width_, band = unit / pieces_;
      const int64_t row = band % bands_ * height_;
      plan_.offsets(band / bands_ * rows_ + row, std::span(offsets, operands));
      const int64_t rows = std::min(height_, rows_ - row);
      const int64_t columns = std::min(width_, plan_.inner() - column);
      for (const Source& source : sources_) {
        const size_t i = source.operand;
        const int64_t from = offsets[i] + column * source.inner_stride;
        if (source.feed != Feed::copied) {
          values[i] = {run.in<float>(i) + from, row_stride(i), source.feed == Feed::uniform};
          continue;
        }
        float* buffer = scratch + source.buffer * tile_;
        if (source.inner_stride == 1 && row_stride(i) == columns) {
          copy(source, run.inputs[i], from, rows * columns, buffer);
        } else {
          for (int64_t r = 0; r < rows; ++r) {
            copy(source, run.inputs[i], from + r * row_stride(i), columns, buffer + r * columns);
          }
        }
        values[i] = {buffer, columns, false};
      }
      compute(run, values, offsets[operands - 1] + column, row_stride(operands - 1), rows, columns,
              scratch);
    }
  }

  /// Whole lines [begin, end), several in a tile, as if they were one.
  void run_lines(const KernelRun& run, int64_t begin, int64_t end) const {
    alignas(64) float scratch[scratch_floats];
    TileSteps::Operand values[most_operands];
    const int64_t inner = plan_.inner();
    for (int64_t line = begin; line < end; line += height_) {
      const int64_t lines = std::min(height_, end - line), n = lines * inner;
      for (const Source& source : sources_) {
        const size_t i = source.operand;
        float* buffer = source.buffer < 0 ? nullptr : scratch + source.buffer * tile_;
        if (!buffer) {
          const bool uniform = source.feed == Feed::uniform;
          values[i] = {run.in<float>(i) + (uniform ? 0 : line * inner), 0, uniform};
          continue;
        }
        if (source.feed == Feed::periodic) {
          for (int64_t k = 0; line == begin && k < lines; ++k)
            copy(source, run.inputs[i], 0, inner, buffer + k * inner);
        } else {
          gather(run, source, line, lines, buffer);
        }
        values[i] = {buffer, 0, false};
      }
      compute(run, values, line * inner, 0, 1, n, scratch);
    }
  }

  void gather(const KernelRun& run, const Source& source, int64_t line, int64_t lines,
              float* buffer) const {
    const int64_t inner = plan_.inner();
    const size_t outer = plan_.sizes.size() - 1;
    const Shape& strides = plan_.strides[source.operand];
    int64_t index[most_axes], offset = 0, rest = line;
    for (size_t axis = outer; axis-- > 0;) {
      index[axis] = rest % plan_.sizes[axis];
      rest /= plan_.sizes[axis];
      offset += index[axis] * strides[axis];
    }
    for (int64_t i = 0; i < lines; ++i) {
      copy(source, run.inputs[source.operand], offset, inner, buffer + i * inner);
      for (size_t axis = outer; axis-- > 0;) {
        offset += strides[axis];
        if (++index[axis] < plan_.sizes[axis]) break;
        offset -= strides[axis] * plan_.sizes[axis];
        index[axis] = 0;
      }
    }
  }

  TileSteps steps_;
  BroadcastPlan plan_;
  bool bool_output_, runs_of_lines_ = false;
  int result_buffer_ = -1;
  int64_t tile_ = 0, width_ = 1, height_ = 1;  // elements of a tile, at most; columns and rows
  int64_t rows_ = 1, bands_ = 1, pieces_ = 1;  // rows before the next axis; tiles over them
  int64_t units_ = 0, grain_ = 1;
  std::vector<Source> sources_;
};

BroadcastPlan plan(const Problem& problem) {
  std::vector<Shape> shapes, strides;
  for (const Operand& input : problem.inputs) {
    shapes.push_back(input.shape);
    strides.push_back(input.strides());
  }
  const Operand& output = problem.outputs[0];
  return ops::plan_broadcast(shapes, strides, output.shape, output.strides());
}

bool is_program_type(ElementType type) {
  return type == ElementType::f32 || type == ElementType::boolean;
}

/// The first input's memory may become the output's, so its elements must lie in the same order.
bool same_order(const Problem& problem) {
  const Operand &first = problem.inputs[0], &output = problem.outputs[0];
  if (first.type != output.type || first.size() != output.size()) return true;
  const BroadcastPlan walk = plan(problem);
  return walk.strides.front() == walk.strides.back();
}

bool applies(const Problem& problem) {
  if (!is_program_type(problem.outputs[0].type) || problem.outputs[0].rank() > most_axes)
    return false;
  for (const Operand& input : problem.inputs) {
    if (!input.present || !is_program_type(input.type)) return false;
  }
  return same_order(problem);
}

double program_seconds(const Problem& problem, int64_t operations) {
  int64_t bytes = 0;
  for (const Operand& input : problem.inputs) bytes += storage_bytes(input.type, input.size());
  const int64_t size = problem.outputs[0].size();
  bytes += storage_bytes(problem.outputs[0].type, size);
  const double threads = problem.threads;
  return 1e-6 + static_cast<double>(bytes) / (8e9 + 2e9 * threads) +
         static_cast<double>(operations * size) / (16e9 * threads);
}

bool pointwise_applies(const Problem& problem) {
  return problem.outputs[0].type == ElementType::f32 && applies(problem);
}

double pointwise_seconds(const Problem& problem) {
  return program_seconds(problem, problem.op.as<Pointwise>()->program.operations());
}

std::unique_ptr<Kernel> make_pointwise(const Problem& problem) {
  return std::make_unique<PointwiseKernel>(problem.op.as<Pointwise>()->program, plan(problem),
                                           problem.inputs, false);
}

bool elementwise_applies(const Problem& problem) {
  const Elementwise& op = *problem.op.as<Elementwise>();
  std::vector<ElementType> types;
  for (const Operand& input : problem.inputs) types.push_back(input.type);
  return ops::fits_program(op, types) && applies(problem);
}

double elementwise_seconds(const Problem& problem) {
  return program_seconds(problem, info(problem.op.as<Elementwise>()->function).cost);
}

std::unique_ptr<Kernel> make_elementwise(const Problem& problem) {
  const Elementwise& op = *problem.op.as<Elementwise>();
  return std::make_unique<PointwiseKernel>(Program::of(op.function, op.p, op.q), plan(problem),
                                           problem.inputs,
                                           problem.outputs[0].type == ElementType::boolean);
}

DRAWBAR_CPU_TACTIC(pointwise, .op = "Pointwise", .name = "pointwise_f32",
                   .applies = pointwise_applies, .seconds = pointwise_seconds,
                   .make = make_pointwise, .in_place = 0);
DRAWBAR_CPU_LAYOUT(Pointwise, any);

bool register_members() {
  for (int i = 1; i < ops::function_count(); ++i) {
    const ops::FunctionInfo& form = info(static_cast<Function>(i));
    const bool changes_type =
        form.types == FunctionTypes::comparisons || form.types == FunctionTypes::tests;
    register_tactic({.op = form.name,
                     .name = "pointwise_f32",
                     .applies = elementwise_applies,
                     .seconds = elementwise_seconds,
                     .make = make_elementwise,
                     .in_place = changes_type ? -1 : 0});
    register_layout_rule(form.name, LayoutRule::any);
  }
  return true;
}
[[maybe_unused]] const bool registered_members = register_members();

}  // namespace
}  // namespace drawbar::cpu
