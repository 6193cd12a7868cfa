#include "ops/pool/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::GlobalPool;
using ops::Pool;
using ops::PoolKind;

BenchInput channels_last(Shape shape) {
  return {std::move(shape), false, ElementType::f32, Layout::channels_last};
}

const BenchCase cases[] = {
    {"resnet 64@112 3 x 3 / 2",
     Pool{.kernel = {3, 3}, .strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}},
     {channels_last({1, 64, 112, 112})}},
    {"vgg 64@224 2 x 2 / 2",
     Pool{.kernel = {2, 2}, .strides = {2, 2}},
     {channels_last({1, 64, 224, 224})}},
    {"yolov4 512@13 13 x 13",
     Pool{.kernel = {13, 13}, .pads_begin = {6, 6}, .pads_end = {6, 6}},
     {channels_last({1, 512, 13, 13})}},
    {"inception 192@35 average",
     Pool{.kind = PoolKind::average, .kernel = {3, 3}, .pads_begin = {1, 1}, .pads_end = {1, 1}},
     {channels_last({1, 192, 35, 35})}},
    {"global 2048@7", GlobalPool{}, {channels_last({1, 2048, 7, 7})}},
    {"global 96@112", GlobalPool{}, {channels_last({1, 96, 112, 112})}},
    {"global 512@28, row-major", GlobalPool{}, {{{1, 512, 28, 28}}}},
};

[[maybe_unused]] const bool registered = register_benches("Pool", cases);

}  // namespace
}  // namespace drawbar::cpu
