// Bytes per second (read and written) of the copying kernels, beside memcpy of the same size.
#include <benchmark/benchmark.h>
#include <cstring>
#include <memory>
#include <string>

#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::row_major_strides;
using ops::StridedCopy;

struct Order {
  const char* name;
  Shape shape;  // of the source
  std::vector<size_t> permutation;
};

const Order orders[] = {
    {"nchw_to_nhwc_3x224x224", {1, 3, 224, 224}, {0, 2, 3, 1}},
    {"nhwc_to_nchw_224x224x3", {1, 224, 224, 3}, {0, 3, 1, 2}},
    {"nchw_to_nhwc_64x56x56", {1, 64, 56, 56}, {0, 2, 3, 1}},
    {"nhwc_to_nchw_56x56x64", {1, 56, 56, 64}, {0, 3, 1, 2}},
    {"nchw_to_nhwc_512x7x7", {1, 512, 7, 7}, {0, 2, 3, 1}},
    {"nhwc_to_nchw_7x7x512", {1, 7, 7, 512}, {0, 3, 1, 2}},
    {"nchw_to_nhwc_8x256x56x56", {8, 256, 56, 56}, {0, 2, 3, 1}},
    {"nhwc_to_nchw_8x56x56x256", {8, 56, 56, 256}, {0, 3, 1, 2}},
    {"matrix_1024x1024", {1024, 1024}, {1, 0}},
    {"matrix_1000x4000", {1000, 4000}, {1, 0}},
    {"heads_apart_384x12x64", {1, 384, 12, 64}, {0, 2, 1, 3}},
    {"heads_transposed_384x12x64", {1, 384, 12, 64}, {0, 2, 3, 1}},
    {"windows_8x7x8x7x96", {1, 8, 7, 8, 7, 96}, {0, 1, 3, 2, 4, 5}},
    {"shuffle_2x58x28x28", {1, 2, 58, 28, 28}, {0, 2, 1, 3, 4}},
};

StridedCopy transposition(const Order& order) {
  const Shape strides = row_major_strides(order.shape);
  StridedCopy copy;
  for (size_t axis : order.permutation) {
    copy.shape.push_back(order.shape[axis]);
    copy.from_strides.push_back(strides[axis]);
  }
  copy.to_strides = row_major_strides(copy.shape);
  return copy;
}

void run_copy(benchmark::State& state, const StridedCopy& copy, ElementType type) {
  ThreadPool pool(1);
  CopyKernel kernel;
  kernel.add(copy, type, 0, 0);
  Tensor from = Tensor::allocate(type, {copy.size()}), to = Tensor::allocate(type, {copy.size()});
  std::memset(from.raw(), 1, static_cast<size_t>(from.bytes()));
  std::memset(to.raw(), 1, static_cast<size_t>(to.bytes()));
  const void* in = from.raw();
  void* out = to.raw();
  for (auto _ : state) {
    kernel.run({{&in, 1}, {&out, 1}, nullptr, pool});
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 2 * from.bytes());
  state.SetLabel(std::string(PlannedCopy(copy, bits(type) / 8).method()));
}

/// Channels-last tensors one after the other along the channels.
void concat_channels(benchmark::State& state) {
  ThreadPool pool(1);
  const int64_t pixels = 56 * 56, count = state.range(0), channels = 32;
  CopyKernel kernel;
  std::vector<Tensor> parts;
  std::vector<const void*> inputs;
  for (int64_t i = 0; i < count; ++i) {
    kernel.add({{pixels, channels}, {channels, 1}, {channels * count, 1}, 0, i * channels},
               ElementType::f32, static_cast<size_t>(i), 0);
    parts.push_back(Tensor::allocate(ElementType::f32, {pixels, channels}));
    std::memset(parts.back().raw(), 1, static_cast<size_t>(parts.back().bytes()));
    inputs.push_back(parts.back().raw());
  }
  Tensor to = Tensor::allocate(ElementType::f32, {pixels, channels * count});
  void* out = to.raw();
  for (auto _ : state) {
    kernel.run({inputs, {&out, 1}, nullptr, pool});
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 2 * to.bytes());
}
BENCHMARK(concat_channels)->Name("copy/concat_channels_last_56x56x32")->Arg(2)->Arg(4)->Arg(8);

const bool registered = [] {
  for (const Order& order : orders) {
    for (const ElementType type : {ElementType::f32, ElementType::u8}) {
      benchmark::RegisterBenchmark(
          ("copy/" + std::string(order.name) + "/" + std::string(name(type))).c_str(),
          [&order, type](benchmark::State& state) { run_copy(state, transposition(order), type); });
    }
    benchmark::RegisterBenchmark(("copy/" + std::string(order.name) + "/memcpy_f32").c_str(),
                                 [&order](benchmark::State& state) {
                                   const int64_t size = transposition(order).size();
                                   run_copy(state, {{size}, {1}, {1}}, ElementType::f32);
                                 });
  }
  return true;
}();

}  // namespace
}  // namespace drawbar::cpu
