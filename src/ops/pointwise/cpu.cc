#include <algorithm>
#include <cstring>

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
constexpr int64_t shortest_line = 256;    // shorter innermost axes are taken several at a time

/// How an operand comes into a tile.
enum class Feed : uint8_t {
  direct,     // read where it lies
  uniform,    // one value for the tile
  converted,  // bool, as long as the tile
  gathered,   // written out line by line
  periodic,   // the same line again and again, written out once
};

struct Source {
  size_t operand;
  bool is_bool;
  int64_t inner_stride;
  Feed feed;
  int buffer = -1;  // which tile of scratch
};

/// One kernel for every program: the output is computed tile by tile, contiguously. Tiles are
/// pieces of a line along the innermost axis, or several whole lines when those are short.
class PointwiseKernel final : public Kernel {
 public:
  PointwiseKernel(const Program& program, BroadcastPlan plan, std::span<const Operand> inputs,
                  bool bool_output)
      : steps_(program), plan_(std::move(plan)), bool_output_(bool_output) {
    const int64_t inner = plan_.inner();
    whole_lines_ = inner < shortest_line && plan_.lines() > 1;
    int buffers = steps_.temporaries();
    for (size_t i = 0; i < inputs.size(); ++i) {
      Source source{i, inputs[i].type == ElementType::boolean, plan_.strides[i].back(), feed(i)};
      if (source.is_bool && source.feed == Feed::direct) source.feed = Feed::converted;
      if (source.feed >= Feed::converted || (source.is_bool && source.feed == Feed::uniform)) {
        source.buffer = buffers++;
      }
      sources_.push_back(source);
    }
    if (bool_output_) result_buffer_ = buffers++;
    tile_ = buffers == 0 ? 8192 : std::min<int64_t>(2048, scratch_floats / buffers / 16 * 16);
    if (whole_lines_) {
      lines_per_tile_ = std::max<int64_t>(1, tile_ / inner);
      units_ = (plan_.lines() + lines_per_tile_ - 1) / lines_per_tile_;
    } else {
      tiles_per_line_ = (inner + tile_ - 1) / tile_;
      units_ = plan_.lines() * tiles_per_line_;
    }
    const int64_t unit = whole_lines_ ? lines_per_tile_ * inner : std::min(tile_, inner);
    grain_ = std::max<int64_t>(1, static_cast<int64_t>(32768 / (1 + steps_.cost() / 8)) / unit);
  }

  void run(const KernelRun& run) const override {
    run.pool.parallel_for(units_, grain_, [&](int64_t begin, int64_t end, int) {
      if (whole_lines_) {
        run_lines(run, begin * lines_per_tile_, std::min(end * lines_per_tile_, plan_.lines()));
      } else {
        run_pieces(run, begin, end);
      }
    });
  }

 private:
  static constexpr size_t most_operands = Program::most_inputs + 1;

  Feed feed(size_t i) const {
    const Shape &strides = plan_.strides[i], &output = plan_.strides.back();
    const size_t inner = strides.size() - 1;
    const auto none = [](int64_t stride) { return stride == 0; };
    if (!whole_lines_) {
      return strides[inner] == 0   ? Feed::uniform
             : strides[inner] == 1 ? Feed::direct
                                   : Feed::gathered;
    }
    if (strides == output) return Feed::direct;
    if (std::all_of(strides.begin(), strides.end(), none)) return Feed::uniform;
    const bool repeats = std::all_of(strides.begin(), strides.end() - 1, none);
    return repeats ? Feed::periodic : Feed::gathered;
  }

  /// `count` elements of an operand from `offset` on, as floats.
  static void copy(const Source& source, const void* data, int64_t offset, int64_t count,
                   float* to) {
    const int64_t stride = source.inner_stride;
    if (source.is_bool) {
      const auto* from = static_cast<const uint8_t*>(data) + offset;
      if (stride == 1) return convert_bool_to_f32(from, to, count);
      for (int64_t k = 0; k < count; ++k) to[k] = from[k * stride] ? 1.0f : 0.0f;
      return;
    }
    const float* from = static_cast<const float*>(data) + offset;
    if (stride == 0) {
      std::fill_n(to, count, *from);
    } else if (stride == 1) {
      std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
    } else {
      for (int64_t k = 0; k < count; ++k) to[k] = from[k * stride];
    }
  }

  /// Computes `n` outputs from `to` on.
  void compute(const KernelRun& run, const TileSteps::Operand* values, int64_t to, int64_t n,
               float* scratch) const {
    if (bool_output_) {
      float* result = scratch + result_buffer_ * tile_;
      steps_.run(values, result, n, scratch, tile_);
      convert_f32_to_bool(result, run.out<uint8_t>(0) + to, n);
    } else {
      steps_.run(values, run.out<float>(0) + to, n, scratch, tile_);
    }
  }

  /// Units [begin, end) that are pieces of lines.
  void run_pieces(const KernelRun& run, int64_t begin, int64_t end) const {
    alignas(64) float scratch[scratch_floats];
    int64_t offsets[most_operands];
    TileSteps::Operand values[most_operands];
    const size_t operands = plan_.strides.size();
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t piece = unit % tiles_per_line_;
      if (unit == begin || piece == 0) {
        plan_.offsets(unit / tiles_per_line_, std::span(offsets, operands));
      }
      const int64_t first = piece * tile_, n = std::min(tile_, plan_.inner() - first);
      for (const Source& source : sources_) {
        const void* data = run.inputs[source.operand];
        const int64_t from = offsets[source.operand] + first * source.inner_stride;
        float* buffer = source.buffer < 0 ? nullptr : scratch + source.buffer * tile_;
        if (buffer) copy(source, data, from, source.feed == Feed::uniform ? 1 : n, buffer);
        values[source.operand] = {buffer ? buffer : static_cast<const float*>(data) + from,
                                  source.feed == Feed::uniform};
      }
      compute(run, values, offsets[operands - 1] + first, n, scratch);
    }
  }

  /// Whole lines [begin, end), several in a tile.
  void run_lines(const KernelRun& run, int64_t begin, int64_t end) const {
    alignas(64) float scratch[scratch_floats];
    TileSteps::Operand values[most_operands];
    const int64_t inner = plan_.inner();
    for (int64_t line = begin; line < end; line += lines_per_tile_) {
      const int64_t lines = std::min(lines_per_tile_, end - line), n = lines * inner;
      bool any_gathered = false;
      for (const Source& source : sources_) {
        const void* data = run.inputs[source.operand];
        float* buffer = source.buffer < 0 ? nullptr : scratch + source.buffer * tile_;
        const bool uniform = source.feed == Feed::uniform;
        if (source.feed == Feed::gathered) {
          any_gathered = true;
        } else if (source.feed == Feed::periodic) {
          for (int64_t i = 0; line == begin && i < lines; ++i)
            copy(source, data, 0, inner, buffer + i * inner);
        } else if (buffer) {
          copy(source, data, uniform ? 0 : line * inner, uniform ? 1 : n, buffer);
        }
        const int64_t from = uniform ? 0 : line * inner;
        values[source.operand] = {buffer ? buffer : static_cast<const float*>(data) + from,
                                  uniform};
      }
      if (any_gathered) gather(run, line, lines, scratch);
      compute(run, values, line * inner, n, scratch);
    }
  }

  void gather(const KernelRun& run, int64_t line, int64_t lines, float* scratch) const {
    const int64_t inner = plan_.inner();
    const size_t outer = plan_.sizes.size() - 1;
    for (const Source& source : sources_) {
      if (source.feed != Feed::gathered) continue;
      const Shape& strides = plan_.strides[source.operand];
      int64_t index[64], offset = 0, rest = line;
      for (size_t axis = outer; axis-- > 0;) {
        index[axis] = rest % plan_.sizes[axis];
        rest /= plan_.sizes[axis];
        offset += index[axis] * strides[axis];
      }
      float* buffer = scratch + source.buffer * tile_;
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
  }

  TileSteps steps_;
  BroadcastPlan plan_;
  bool bool_output_, whole_lines_ = false;
  int result_buffer_ = -1;
  int64_t tile_ = 0, lines_per_tile_ = 1, tiles_per_line_ = 1, units_ = 0, grain_ = 1;
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
  if (!is_program_type(problem.outputs[0].type) || problem.outputs[0].rank() > 64) return false;
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
