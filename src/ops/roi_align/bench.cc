#include "ops/roi_align/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::RoiAlign;

/// Regions of 40 to 230 pixels a side all over an image of 800 x 1088.
BenchInput regions(int64_t count) {
  Tensor rois = Tensor::allocate(ElementType::f32, {count, 4});
  for (int64_t i = 0; i < count; ++i) {
    const auto x = static_cast<float>(i * 131 % 800), y = static_cast<float>(i * 71 % 560);
    float* roi = rois.data<float>() + i * 4;
    roi[0] = x;
    roi[1] = y;
    roi[2] = x + static_cast<float>(40 + i * 17 % 190);
    roi[3] = y + static_cast<float>(40 + i * 29 % 190);
  }
  return {{count, 4}, false, ElementType::f32, Layout::row_major, rois};
}

BenchInput images(int64_t count) {
  return {{count},
          false,
          ElementType::i64,
          Layout::row_major,
          Tensor::from<int64_t>({count}, std::vector<int64_t>(static_cast<size_t>(count)))};
}

const BenchCase cases[] = {
    {"boxes: 1000 regions, 256@200 x 272",
     RoiAlign{.output_height = 7,
              .output_width = 7,
              .sampling_ratio = 2,
              .spatial_scale = 0.25f,
              .half_pixel = false},
     {{{1, 256, 200, 272}, false, ElementType::f32, Layout::channels_last},
      regions(1000),
      images(1000)}},
    {"masks: 100 regions, 256@50 x 68",
     RoiAlign{.output_height = 14,
              .output_width = 14,
              .sampling_ratio = 2,
              .spatial_scale = 0.0625f,
              .half_pixel = false},
     {{{1, 256, 50, 68}, false, ElementType::f32, Layout::channels_last},
      regions(100),
      images(100)}},
};

[[maybe_unused]] const bool registered = register_benches("RoiAlign", cases);

}  // namespace
}  // namespace drawbar::cpu
