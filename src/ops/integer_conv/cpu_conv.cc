#include "ops/integer_conv/cpu_conv.h"

#include <cstring>

#include "ops/conv/kernels/factories.h"

namespace drawbar::cpu {
namespace {

/// The zero points of a group's m channels.
Operand zero_of_group(Operand zero, int64_t group, int64_t m) {
  if (!zero.present || zero.size() <= 1 || zero.size() == m) return zero;
  const Tensor& all = zero.constant->tensor();
  Tensor part = Tensor::allocate(all.type(), {m});
  std::memcpy(part.raw(), static_cast<const std::byte*>(all.raw()) + group * m,
              static_cast<size_t>(m));
  zero.shape = {m};
  zero.constant = std::make_shared<const Constant>(std::move(part));
  return zero;
}

/// What merged taps are made multiples of: 4 where rows then need no copy and the steps that are
/// more take less time than that. (Steps of pairs do not: level, or 2 % of ResNet50 lost.)
int64_t merged_multiple(const Problem& p, ElementType x) {
  return byte_unit(p.isa) == ByteUnit::dots && x == ElementType::u8 ? 4 : 1;
}

/// The weights [m, c, taps] of a group as [taps · c][m], for rows of so many runs, behind each of
/// which there may be zeros to `run`.
ByteProduct product_of(const Problem& p, const ByteConvolution& at, const ConvShape& shape,
                       int64_t group, int64_t runs, int64_t run) {
  const int64_t taps = shape.kh * shape.kw, c = shape.c / shape.groups, m = shape.m / shape.groups;
  const int64_t numbers = taps * c / runs;  // of a run
  const auto index = [=](int64_t row, int64_t j) {
    if (row % run >= numbers) return ByteProduct::kZero;
    const int64_t i = row / run * numbers + row % run;
    return ((group * m + j) * c + i % c) * taps + i / c;
  };
  std::string form = fmt::format("taps={}", taps);
  if (shape.groups > 1) form += fmt::format(" group={}", group);
  const Operand zero = zero_of_group(at.w_zero(p), group, m);
  return {p, p.inputs[at.w_input], zero, runs * run, m, runs, form, index, at.x, at.y};
}

}  // namespace

ByteConv::ByteConv(const Problem& p)
    : at_(p), shape_(at_.shape(p)), image_(shape_, merged_multiple(p, at_.x)), threads_(p.threads) {
  for (int64_t g = 0; g < shape_.groups; ++g)
    products_.push_back(product_of(p, at_, shape_, g, image_.taps(), image_.tap_bytes()));
  if (products_[0].reads_runs() && ByteImage::can_share(shape_)) image_.share();
}

size_t ByteConv::scratch_bytes() const {
  int64_t most = 0;  // groups may differ in their unit
  for (const ByteProduct& product : products_) {
    const int64_t bytes =
        product.scratch_bytes(image_.rows(), image_.taps(), image_.tap_bytes(), threads_);
    most = std::max(most, bytes);
  }
  return static_cast<size_t>(products_at() + most);
}

void ByteConv::run(const KernelRun& run, const AddedBytes* added) const {
  auto* memory = static_cast<std::byte*>(run.scratch);
  auto** runs = reinterpret_cast<const std::byte**>(memory + runs_at());
  ByteScales scales = at_.scales(run);
  const auto* x = run.in<std::byte>(ByteOperands::kX);
  image_.prepare(x, static_cast<std::byte>(scales.x_zero), memory, run.pool);
  const int64_t m = shape_.m / shape_.groups, y_bytes = bits(at_.y) / 8;
  auto* y = run.out<std::byte>(0);
  for (const ByteProduct& product : products_) {
    const auto fill = [&](int64_t begin, int64_t count, const std::byte** list) {
      image_.fill(x, memory, begin, count, list);
    };
    const std::byte* begin = image_.begin(x, memory);
    const ByteLines lines = image_.lines(x, memory, runs);
    const ByteRows rows{.taps = image_.taps(),
                        .k = image_.tap_bytes(),
                        .is_signed = at_.x == ElementType::i8,
                        .fill = fill,
                        .begin = begin,
                        .end = begin + image_.readable_bytes(),
                        .lines = image_.has_lines() ? &lines : nullptr,
                        .gaps = image_.gaps()};
    product.run(image_.rows(), rows, scales, y, shape_.y_pixel_stride, memory + products_at(),
                run.pool, added);
    x += image_.tap_bytes();
    y += m * y_bytes;
    if (scales.w_scales > 1) scales.w_scale += m;
    if (scales.bias != nullptr) scales.bias += m;
    if (scales.addend != nullptr) scales.addend += m;
  }
}

int64_t ByteConv::runs_at() const { return image_.bytes(); }
int64_t ByteConv::products_at() const { return runs_at() + align_up(image_.taps() * 8, 64); }

}  // namespace drawbar::cpu
