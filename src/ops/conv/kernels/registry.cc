#include <algorithm>
#include <array>

#include "base/error.h"
#include "ops/conv/kernels/factories.h"
#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/split.h"

namespace drawbar::cpu {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<ConvKernel> (*make)(const ConvShape&, Isa);
};

constexpr std::array kEntries = {
    Entry{"pointwise", make_pointwise},
    Entry{"igemm", make_igemm},
    Entry{"row_merged", make_row_merged},
    Entry{"depthwise", make_depthwise},
    Entry{"winograd2", make_winograd2},
    Entry{"winograd4", make_winograd4},
    Entry{"winograd6", make_winograd6},
    Entry{"winograd2_lean", make_winograd2_lean},
    Entry{"winograd4_lean", make_winograd4_lean},
    Entry{"winograd2_slices", make_winograd2_slices},
    Entry{"winograd4_slices", make_winograd4_slices},
    Entry{"winograd6_slices", make_winograd6_slices},
    Entry{"small_groups", make_small_groups},
    Entry{"grouped", make_grouped},
};

bool takes(const Entry& entry, const ConvShape& shape) {
  if (shape.pool != 1 && !entry.name.starts_with("winograd")) return false;
  return !shape.x_planar || entry.make == make_row_merged;
}

}  // namespace

void ConvKernel::run_lines(const float*, int64_t, const float*, float*, const Epilogue&, void*,
                           Lines) const {
  fail(ErrorCode::internal, "{} does not compute lines apart", name());
}

double multiply_seconds(int64_t m, int64_t n, int64_t taps, int64_t k, Isa isa, ElementType b,
                        bool exact) {
  const int64_t columns = divide_up(n, lanes(isa)) * lanes(isa);
  const int64_t rows = std::max<int64_t>(m, 4);
  const double steps = static_cast<double>(taps) * (static_cast<double>(k) + 1.5) + 8;
  const int64_t parts = PackedMatrix{.element = b, .exact = exact}.tile_parts();
  const double split = !split_pays(m, n, taps * k, isa, parts) ? 1 : parts == 3 ? 0.75 : 0.4;
  return split * static_cast<double>(rows * columns) * steps / rates(isa).multiply_adds;
}

double product_seconds(int64_t m, int64_t n, int64_t taps, int64_t k, Isa isa, ElementType b,
                       bool exact) {
  const int64_t columns = divide_up(n, lanes(isa)) * lanes(isa);
  const double weights = bits(b) / 8.0 * static_cast<double>(taps * k * columns);
  return overlapped(multiply_seconds(m, n, taps, k, isa, b, exact), weights / rates(isa).bytes);
}

const std::vector<std::string_view>& conv_kernel_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> list;
    for (const Entry& entry : kEntries) list.push_back(entry.name);
    return list;
  }();
  return names;
}

std::unique_ptr<ConvKernel> make_conv_kernel(std::string_view name, const ConvShape& shape,
                                             Isa isa) {
  for (const Entry& entry : kEntries) {
    if (entry.name == name) return takes(entry, shape) ? entry.make(shape, isa) : nullptr;
  }
  return nullptr;
}

std::vector<std::unique_ptr<ConvKernel>> conv_kernels(const ConvShape& shape, Isa isa,
                                                      int threads) {
  std::vector<std::unique_ptr<ConvKernel>> kernels;
  for (const Entry& entry : kEntries) {
    if (!takes(entry, shape)) continue;
    if (auto kernel = entry.make(shape, isa)) kernels.push_back(std::move(kernel));
  }
  std::stable_sort(kernels.begin(), kernels.end(), [&](const auto& a, const auto& b) {
    return a->estimate_seconds(threads) < b->estimate_seconds(threads);
  });
  return kernels;
}

}  // namespace drawbar::cpu
