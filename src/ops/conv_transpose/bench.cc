#include "ops/conv_transpose/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::ConvTranspose;

BenchInput channels_last(Shape shape) {
  return {std::move(shape), false, ElementType::f32, Layout::channels_last};
}

const BenchCase cases[] = {
    {"mask rcnn 256@14, 100 regions",
     ConvTranspose{.strides = {2, 2}},
     {channels_last({100, 256, 14, 14}), {{256, 256, 2, 2}, true}}},
    {"u-net 512-256@28",
     ConvTranspose{.strides = {2, 2}},
     {channels_last({1, 512, 28, 28}), {{512, 256, 2, 2}, true}}},
    {"generator 128-64@64, 4 x 4",
     ConvTranspose{.strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}},
     {channels_last({1, 128, 64, 64}), {{128, 64, 4, 4}, true}}},
};

[[maybe_unused]] const bool registered = register_benches("ConvTranspose", cases);

}  // namespace
}  // namespace drawbar::cpu
