#include "ops/integer_pool/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Pool;
using ops::PoolKind;
using ops::QLinearAveragePool;

std::vector<BenchInput> bytes(Shape shape) {
  const BenchInput scale{{}, true}, zero{{}, true, ElementType::u8};
  return {
      {std::move(shape), false, ElementType::u8, Layout::channels_last}, scale, zero, scale, zero};
}

const BenchCase cases[] = {
    {"inception 192@35",
     QLinearAveragePool{Pool{
         .kind = PoolKind::average, .kernel = {3, 3}, .pads_begin = {1, 1}, .pads_end = {1, 1}}},
     bytes({1, 192, 35, 35})},
    {"densenet 512@28 2 x 2 / 2",
     QLinearAveragePool{Pool{.kind = PoolKind::average, .kernel = {2, 2}, .strides = {2, 2}}},
     bytes({1, 512, 28, 28})},
    {"global 2048@7", QLinearAveragePool{}, bytes({1, 2048, 7, 7})},
    {"global 96@112", QLinearAveragePool{}, bytes({1, 96, 112, 112})},
};

[[maybe_unused]] const bool registered = register_benches("QLinearAveragePool", cases);

}  // namespace
}  // namespace drawbar::cpu
