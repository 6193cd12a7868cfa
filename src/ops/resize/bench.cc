#include "ops/resize/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Resize;
using ops::ResizeCoordinates;
using ops::ResizeMode;
using ops::ResizeRounding;

BenchInput channels_last(Shape shape) {
  return {std::move(shape), false, ElementType::f32, Layout::channels_last};
}

BenchInput scales(float height, float width) {
  return {{4},
          true,
          ElementType::f32,
          Layout::row_major,
          Tensor::from<float>({4}, {1, 1, height, width})};
}

const BenchInput absent{{-1}};

const BenchCase cases[] = {
    {"pyramid 256@50 x 68, twice",
     Resize{.coordinates = ResizeCoordinates::asymmetric, .rounding = ResizeRounding::floor},
     {channels_last({1, 256, 50, 68}), absent, scales(2, 2)}},
    {"image 640 x 480 by 1.67",
     Resize{.mode = ResizeMode::linear},
     {channels_last({1, 3, 480, 640}), absent, scales(1.67f, 1.67f)}},
    {"segmentation 21@64, 8 times",
     Resize{.mode = ResizeMode::linear},
     {channels_last({1, 21, 64, 64}), absent, scales(8, 8)}},
    {"features 128@32, twice",
     Resize{.mode = ResizeMode::linear},
     {channels_last({1, 128, 32, 32}), absent, scales(2, 2)}},
};

[[maybe_unused]] const bool registered = register_benches("Resize", cases);

}  // namespace
}  // namespace drawbar::cpu
