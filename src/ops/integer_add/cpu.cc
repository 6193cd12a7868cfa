#include "ops/integer_add/cpu_lines.h"
#include "ops/integer_add/op.h"
#include "targets/cpu/byte_product.h"

namespace drawbar::cpu {
namespace {

using ops::QLinearAdd;

DRAWBAR_CPU_LAYOUT(QLinearAdd, any);

constexpr int64_t kPiece = 32 << 10;  // elements a worker takes at a time

bool applies(const Problem& p) {
  const Layout layout = p.outputs[0].layout;
  return p.inputs[0].layout == layout && p.inputs[3].layout == layout;
}

double seconds(const Problem& p) {
  return 1e-6 + static_cast<double>(p.outputs[0].size()) / (8e9 * p.threads);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const ElementType a = p.inputs[0].type, b = p.inputs[3].type, y = p.outputs[0].type;
  const AddBytes add = add_bytes(a, b, y);
  const int64_t size = p.outputs[0].size();
  return make_kernel([=](const KernelRun& run) {
    const auto term = [&](size_t i, ElementType type) {
      return ByteTerm{*run.in<float>(i), byte_at(run.inputs[i + 1], type, 0)};
    };
    const ByteSum sum = byte_sum(term(1, a), term(4, b), term(6, y));
    run.pool.parallel_for(size, kPiece, [&](int64_t begin, int64_t end, int) {
      add(sum, run.in<std::byte>(0) + begin, run.in<std::byte>(3) + begin,
          run.out<std::byte>(0) + begin, end - begin);
    });
  });
}

}  // namespace

DRAWBAR_CPU_TACTIC(add, .op = "QLinearAdd", .name = "add_bytes", .applies = applies,
                   .seconds = seconds, .make = make, .in_place = 0);

}  // namespace drawbar::cpu
