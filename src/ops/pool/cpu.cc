#include "ops/pool/cpu_shape.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(MaxPool, channels_last);
DRAWBAR_CPU_LAYOUT(AveragePool, channels_last);
DRAWBAR_CPU_LAYOUT(GlobalMaxPool, channels_last);
DRAWBAR_CPU_LAYOUT(GlobalAveragePool, channels_last);

bool is_f32(const Operand& operand, Layout layout) {
  return operand.type == ElementType::f32 && operand.layout == layout;
}

double bytes_seconds(const Problem& problem) {
  return static_cast<double>(problem.inputs[0].size() + problem.outputs[0].size()) * 4 / 10e9 /
         problem.threads;
}

bool pool_applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  const bool indices = problem.outputs.size() > 1 && problem.outputs[1].present;
  return x.rank() == 4 && is_f32(x, Layout::channels_last) && is_f32(y, Layout::channels_last) &&
         !indices;
}

bool byte_pool_applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  const bool indices = problem.outputs.size() > 1 && problem.outputs[1].present;
  const bool byte = x.type == ElementType::u8 || x.type == ElementType::i8;
  return byte && !indices && x.rank() == 4 && x.layout == Layout::channels_last &&
         y.layout == Layout::channels_last;
}

std::unique_ptr<Kernel> make_pool(const Problem& problem) {
  return make_kernel(
      [shape = pool_shape(*problem.op.as<ops::Pool>(), problem)](const KernelRun& run) {
        run.pool.parallel_for(shape.rows(), 1, [&](int64_t begin, int64_t end, int) {
          pool_channels_last(shape, run.in<float>(0), run.out<float>(0), begin, end);
        });
      });
}

std::unique_ptr<Kernel> make_byte_pool(const Problem& problem) {
  const bool is_signed = problem.inputs[0].type == ElementType::i8;
  return make_kernel(
      [shape = pool_shape(*problem.op.as<ops::Pool>(), problem), is_signed](const KernelRun& run) {
        run.pool.parallel_for(shape.rows(), 1, [&](int64_t begin, int64_t end, int) {
          max_pool_bytes(shape, is_signed, run.inputs[0], run.outputs[0], begin, end);
        });
      });
}

double pool_seconds(const Problem& problem) {
  const auto& op = *problem.op.as<ops::Pool>();
  double taps = 1;
  for (int64_t k : op.kernel) taps *= static_cast<double>(k);
  return bytes_seconds(problem) +
         taps * static_cast<double>(problem.outputs[0].size()) / 20e9 / problem.threads;
}

template <Layout layout>
bool global_applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  const bool ranked = layout == Layout::row_major || x.rank() == 4;
  return ranked && is_f32(x, layout) && is_f32(y, layout);
}

/// In pieces of pixels, as threads have written them, and the pieces' results once more; how many
/// does not depend on the threads.
std::unique_ptr<Kernel> make_global_channels_last(const Problem& problem) {
  const bool average = problem.op.as<ops::GlobalPool>()->kind == ops::PoolKind::average;
  const Operand& x = problem.inputs[0];
  const int64_t images = x.dim(0), c = x.dim(1), pixels = x.dim(2) * x.dim(3);
  constexpr int64_t piece_floats = 16 << 10, most_pieces = 64;
  const int64_t pieces = std::clamp<int64_t>(pixels * c / piece_floats, 1, most_pieces);
  const int64_t grain = pieces > 1 ? 1 : 1 + piece_floats / (pixels * c + 1);
  const float scale = pixels > 0 ? 1.0f / static_cast<float>(pixels) : 0.0f;
  const auto run = [=](const KernelRun& run) {
    const float* from = run.in<float>(0);
    float* to = run.out<float>(0);
    float* parts = pieces == 1 ? to : static_cast<float*>(run.scratch);
    run.pool.parallel_for(images * pieces, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i % pieces * pixels / pieces;
        const int64_t last = (i % pieces + 1) * pixels / pieces;
        pool_all_channels_last(average, from + (i / pieces * pixels + first) * c, last - first, c,
                               pieces == 1 ? scale : 1, parts + i * c);
      }
    });
    for (int64_t i = 0; pieces > 1 && i < images; ++i) {
      pool_all_channels_last(average, parts + i * pieces * c, pieces, c, scale, to + i * c);
    }
  };
  return make_kernel(run, pieces == 1 ? 0 : static_cast<size_t>(images * pieces * c) * 4);
}

std::unique_ptr<Kernel> make_global_row_major(const Problem& problem) {
  const bool average = problem.op.as<ops::GlobalPool>()->kind == ops::PoolKind::average;
  const int64_t planes = problem.outputs[0].size();
  const int64_t length = planes == 0 ? 0 : problem.inputs[0].size() / planes;
  return make_kernel([=](const KernelRun& run) {
    run.pool.parallel_for(planes, 1 + 16384 / (length + 1), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        run.out<float>(0)[i] = pool_all_row_major(average, run.in<float>(0) + i * length, length);
      }
    });
  });
}

DRAWBAR_CPU_TACTIC(max_pool, .op = "MaxPool", .name = "max_pool_channels_last_f32",
                   .applies = pool_applies, .seconds = pool_seconds, .make = make_pool,
                   .writes_slices = true);
DRAWBAR_CPU_TACTIC(max_pool_bytes, .op = "MaxPool", .name = "max_pool_channels_last_bytes",
                   .applies = byte_pool_applies, .seconds = pool_seconds, .make = make_byte_pool,
                   .writes_slices = true);
DRAWBAR_CPU_TACTIC(average_pool, .op = "AveragePool", .name = "average_pool_channels_last_f32",
                   .applies = pool_applies, .seconds = pool_seconds, .make = make_pool,
                   .writes_slices = true);
DRAWBAR_CPU_TACTIC(global_max, "GlobalMaxPool", "global_max_pool_channels_last_f32",
                   global_applies<Layout::channels_last>, bytes_seconds, make_global_channels_last);
DRAWBAR_CPU_TACTIC(global_average, "GlobalAveragePool", "global_average_pool_channels_last_f32",
                   global_applies<Layout::channels_last>, bytes_seconds, make_global_channels_last);
DRAWBAR_CPU_TACTIC(global_max_rows, "GlobalMaxPool", "global_max_pool_f32",
                   global_applies<Layout::row_major>, bytes_seconds, make_global_row_major);
DRAWBAR_CPU_TACTIC(global_average_rows, "GlobalAveragePool", "global_average_pool_f32",
                   global_applies<Layout::row_major>, bytes_seconds, make_global_row_major);

}  // namespace
}  // namespace drawbar::cpu
