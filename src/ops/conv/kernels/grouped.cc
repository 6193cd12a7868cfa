// Grouped convolution: each group through the best kernel for its share of the channels. Where
// there are groups enough the threads divide them, else they divide each group in turn.
#include <array>

#include "ops/conv/kernels/factories.h"

namespace drawbar::cpu {
namespace {

class Grouped final : public ConvKernel {
 public:
  Grouped(const ConvShape& shape, std::unique_ptr<ConvKernel> group)
      : shape_(shape),
        group_(std::move(group)),
        packed_floats_(align_up(group_->packed_bytes(), 64) / 4) {}

  std::string_view name() const override { return "grouped"; }
  int64_t packed_bytes() const override { return packed_floats_ * 4 * shape_.groups; }

  void pack(const float* weights, float* packed, ThreadPool* pool) const override {
    const int64_t floats =
        shape_.m / shape_.groups * (shape_.c / shape_.groups) * shape_.kh * shape_.kw;
    for (int64_t g = 0; g < shape_.groups; ++g) {
      group_->pack(weights + g * floats, packed + g * packed_floats_, pool);
    }
  }

  int64_t scratch_bytes(int threads) const override {
    return divides_groups(threads) ? threads * worker_bytes() : group_->scratch_bytes(threads);
  }

  void run(const float* x, const float* packed, float* y, const Epilogue& epilogue, void* scratch,
           ThreadPool* pool) const override {
    const bool divides = pool != nullptr && divides_groups(pool->threads());
    const auto body = [&](int64_t begin, int64_t end, int worker) {
      char* own = static_cast<char*>(scratch) + (divides ? worker * worker_bytes() : 0);
      for (int64_t g = begin; g < end; ++g) {
        run_group(g, x, packed, y, epilogue, own, divides ? nullptr : pool);
      }
    };
    if (divides) {
      pool->parallel_for(shape_.groups, 1, body);
    } else {
      body(0, shape_.groups, 0);
    }
  }

  std::optional<double> executed_operations() const override {
    const auto of_group = group_->executed_operations();
    if (!of_group) return std::nullopt;
    return *of_group * static_cast<double>(shape_.groups);
  }

  double estimate_seconds(int threads) const override {
    return static_cast<double>(shape_.groups) * group_->estimate_seconds(1) / threads;
  }

 private:
  bool divides_groups(int threads) const { return threads > 1 && shape_.groups >= 2 * threads; }
  int64_t worker_bytes() const { return align_up(group_->scratch_bytes(1), 64); }

  void run_group(int64_t g, const float* x, const float* packed, float* y, const Epilogue& epilogue,
                 void* scratch, ThreadPool* pool) const {
    const int64_t column = g * (shape_.m / shape_.groups);
    Epilogue part = epilogue;
    if (part.bias != nullptr) part.bias += column;
    if (part.residual != nullptr) part.residual += column;
    auto shifted = [&](float* c, int64_t ldc, int64_t row, int64_t col, int64_t rows,
                       int64_t cols) { (*epilogue.hook)(c, ldc, row, col + column, rows, cols); };
    const TileHook hook(shifted);
    if (part.hook != nullptr) part.hook = &hook;
    group_->run(x + g * (shape_.c / shape_.groups), packed + g * packed_floats_, y + column, part,
                scratch, pool);
  }

  ConvShape shape_;
  std::unique_ptr<ConvKernel> group_;
  int64_t packed_floats_;
};

}  // namespace

std::unique_ptr<ConvKernel> make_grouped(const ConvShape& shape, Isa isa) {
  if (shape.groups <= 1 || shape.c % shape.groups != 0 || shape.m % shape.groups != 0) {
    return nullptr;
  }
  ConvShape group = shape;
  group.c /= shape.groups;
  group.m /= shape.groups;
  group.groups = 1;
  group.weights = ElementType::f32;
  return std::make_unique<Grouped>(shape, std::move(conv_kernels(group, isa, 1).front()));
}

}  // namespace drawbar::cpu
