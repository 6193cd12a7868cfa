#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/tensor.h"
#include "cli/image.h"

namespace drawbar::cli {

/// How an image becomes a model's input, in this order: resize the short side (bilinear, as Pillow
/// does it), or letterbox; crop the centre; put the channels in order; (x - mean) / std.
/// Text: "resize=256,crop=224,mean=127,std=128,order=rgb"; mean and std may be a/b/c per channel;
/// "letterbox=416,pad=114" scales the long side and fills; "layout=nhwc" keeps channels last. Or
/// one of the names in `named_preprocessing`.
struct Preprocess {
  int resize = 0, crop = 0, letterbox = 0;
  double pad = 114;
  std::array<double, 3> mean{0, 0, 0}, std{1, 1, 1};
  bool bgr = false, nhwc = false;

  static Preprocess parse(const std::string& text);  // throws INVALID_ARGUMENT
};

/// [1, 3, h, w] (or [1, h, w, 3]) of numbers of a type.
Tensor preprocess(const Image& image, const Preprocess& how,
                  ElementType element = ElementType::f32);

}  // namespace drawbar::cli
