#pragma once

#include "ops/integer_conv/op.h"

namespace drawbar::ops {

/// A quantised convolution and the QLinearAdd that alone reads it, so that a target need not write
/// the tensor between them: add(conv(x, …), other), or with `other_first` add(other, conv(x, …)).
///
/// QLinearConv's nine inputs (no b: absent), other, other_scale, other_zero_point, QLinearAdd's
/// scale and zero point of the convolution's result, y_scale, y_zero_point → y [N, M, o1…on] of
/// y_zero_point's type. The attributes are Conv's and other_first. Only targets put it into graphs.
struct QLinearConvAdd {
  static constexpr std::string_view name = "QLinearConvAdd";
  QLinearConv conv;
  bool other_first = false;
  void fields(auto&& field) {
    conv.fields(field);
    field("other_first", other_first);
  }
};

/// Where its inputs lie behind the convolution's.
namespace conv_add {
enum Input : size_t { other = 9, other_scale, other_zero, q_scale, q_zero, y_scale, y_zero, count };
}

void infer(const QLinearConvAdd&, Infer&);
void reference(const QLinearConvAdd&, Evaluation&);
Dim operations(const QLinearConvAdd&, const Infer&);
bool keeps_rows(const QLinearConvAdd&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops
