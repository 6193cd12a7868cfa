#include <algorithm>
#include <array>
#include <cstring>

#include "ops/movement/index.h"
#include "ops/scatter/op.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::ScatterReduction;

bool applies_with(const Problem& p, ScatterReduction reduction) {
  const bool plain = std::all_of(p.inputs.begin(), p.inputs.end(), [](const Operand& o) {
    return o.layout == Layout::row_major && o.rank() <= 32;
  });
  const ElementType indices = p.inputs[1].type, type = p.inputs[0].type;
  return plain && p.outputs[0].layout == Layout::row_major && is_copyable(type) &&
         (indices == ElementType::i64 || indices == ElementType::i32) &&
         (reduction == ScatterReduction::none || type == ElementType::f32);
}

bool elements_apply(const Problem& p) {
  return p.inputs[0].rank() > 0 && applies_with(p, p.op.as<ops::ScatterElements>()->reduction);
}

bool nd_applies(const Problem& p) { return applies_with(p, p.op.as<ops::ScatterND>()->reduction); }

double seconds(const Problem& p) {
  return copy_seconds(storage_bytes(p.inputs[0].type, 2 * p.inputs[0].size())) +
         copy_seconds(storage_bytes(p.inputs[2].type, 2 * p.inputs[2].size())) +
         1e-9 * static_cast<double>(p.inputs[1].size());
}

int64_t read_index(const void* indices, ElementType type, int64_t i, int64_t size) {
  return ops::checked_index(type == ElementType::i64 ? static_cast<const int64_t*>(indices)[i]
                                                     : static_cast<const int32_t*>(indices)[i],
                            size);
}

/// y = x, unless they share memory.
void copy_whole(const KernelRun& run, int64_t bytes) {
  const auto* x = run.in<std::byte>(0);
  auto* y = run.out<std::byte>(0);
  if (x == y) return;
  run.pool.parallel_for(bytes, 64 << 10, [&](int64_t begin, int64_t end, int) {
    std::memcpy(y + begin, x + begin, static_cast<size_t>(end - begin));
  });
}

template <class F>
void reduce_floats(float* target, const float* update, int64_t count, F&& f) {
  for (int64_t i = 0; i < count; ++i) target[i] = f(target[i], update[i]);
}

/// One update of `bytes` bytes, which are floats where they are reduced.
void apply(ScatterReduction reduction, std::byte* target, const std::byte* update, int64_t bytes) {
  if (reduction == ScatterReduction::none) {
    std::memcpy(target, update, static_cast<size_t>(bytes));
    return;
  }
  auto* to = reinterpret_cast<float*>(target);
  const auto* from = reinterpret_cast<const float*>(update);
  const int64_t count = bytes / 4;
  switch (reduction) {
    case ScatterReduction::add:
      return reduce_floats(to, from, count, [](float a, float b) { return a + b; });
    case ScatterReduction::mul:
      return reduce_floats(to, from, count, [](float a, float b) { return a * b; });
    case ScatterReduction::max:
      return reduce_floats(to, from, count,
                           [](float a, float b) { return b > a || b != b ? b : a; });
    default:
      return reduce_floats(to, from, count,
                           [](float a, float b) { return b < a || b != b ? b : a; });
  }
}

/// The updates follow one another on one thread: where two meet, their order counts.
struct ScatterSlices {
  ScatterReduction reduction;
  ElementType index_type;
  int64_t lines, k, slice_bytes, whole_bytes;
  Shape shape, strides;  // of x's first k dimensions, strides in bytes

  void operator()(const KernelRun& run) const {
    copy_whole(run, whole_bytes);
    const auto* updates = run.in<std::byte>(2);
    auto* y = run.out<std::byte>(0);
    for (int64_t line = 0; line < lines; ++line) {
      int64_t at = 0;
      for (int64_t i = 0; i < k; ++i) {
        const auto d = static_cast<size_t>(i);
        at += strides[d] * read_index(run.inputs[1], index_type, line * k + i, shape[d]);
      }
      apply(reduction, y + at, updates + line * slice_bytes, slice_bytes);
    }
  }
};

std::unique_ptr<Kernel> make_nd(const Problem& p) {
  const Operand &x = p.inputs[0], &indices = p.inputs[1];
  const int64_t element = bits(x.type) / 8, k = indices.shape.back();
  const Shape strides = x.strides();
  ScatterSlices scatter{p.op.as<ops::ScatterND>()->reduction,
                        indices.type,
                        1,
                        k,
                        element,
                        x.size() * element,
                        {},
                        {}};
  for (size_t i = 0; i + 1 < indices.shape.size(); ++i) scatter.lines *= indices.shape[i];
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (i >= static_cast<size_t>(k)) {
      scatter.slice_bytes *= x.shape[i];
    } else {
      scatter.shape.push_back(x.shape[i]);
      scatter.strides.push_back(strides[i] * element);
    }
  }
  return make_kernel(std::move(scatter));
}

struct ScatterEach {
  ScatterReduction reduction;
  ElementType index_type;
  int64_t element, whole_bytes, count, axis_stride, axis_size;
  Shape region, strides;  // of the updates; x's strides in bytes, 0 along the axis

  void operator()(const KernelRun& run) const {
    copy_whole(run, whole_bytes);
    const auto* updates = run.in<std::byte>(2);
    auto* y = run.out<std::byte>(0);
    const size_t last = region.size() - 1;
    std::array<int64_t, 33> position{};
    int64_t base = 0;
    for (int64_t i = 0; i < count; i += region[last]) {
      line(run, i, updates + i * element, y + base);
      for (size_t k = last; k-- > 0;) {
        base += strides[k];
        if (++position[k] < region[k]) break;
        base -= strides[k] * region[k];
        position[k] = 0;
      }
    }
  }

 private:
  /// Updates that are neighbours and go to neighbours are applied at once.
  void line(const KernelRun& run, int64_t first, const std::byte* update, std::byte* y) const {
    const int64_t size = region.back(), stride = strides.back();
    for (int64_t j = 0; j < size;) {
      const int64_t index = read_index(run.inputs[1], index_type, first + j, axis_size);
      int64_t together = 1;
      if (stride == element) together = equal_indices(run.inputs[1], first + j, size - j);
      apply(reduction, y + j * stride + index * axis_stride, update + j * element,
            together * element);
      j += together;
    }
  }

  /// How many of the next indices are the same.
  int64_t equal_indices(const void* indices, int64_t first, int64_t most) const {
    const auto count_equal = [most](const auto* index) {
      int64_t n = 1;
      while (n < most && index[n] == index[0]) ++n;
      return n;
    };
    return index_type == ElementType::i64
               ? count_equal(static_cast<const int64_t*>(indices) + first)
               : count_equal(static_cast<const int32_t*>(indices) + first);
  }
};

std::unique_ptr<Kernel> make_elements(const Problem& p) {
  const Operand &x = p.inputs[0], &indices = p.inputs[1];
  const auto& op = *p.op.as<ops::ScatterElements>();
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, x.rank()));
  const int64_t element = bits(x.type) / 8;
  Shape strides = x.strides();
  for (int64_t& stride : strides) stride *= element;
  const int64_t axis_stride = std::exchange(strides[axis], 0);
  return make_kernel(ScatterEach{op.reduction, indices.type, element, x.size() * element,
                                 indices.size(), axis_stride, x.shape[axis], indices.shape,
                                 strides});
}

}  // namespace

DRAWBAR_CPU_TACTIC(scatter_slices, .op = "ScatterND", .name = "slices", .applies = nd_applies,
                   .seconds = seconds, .make = make_nd, .in_place = 0);
DRAWBAR_CPU_TACTIC(scatter_each, .op = "ScatterElements", .name = "each", .applies = elements_apply,
                   .seconds = seconds, .make = make_elements, .in_place = 0);

}  // namespace drawbar::cpu
