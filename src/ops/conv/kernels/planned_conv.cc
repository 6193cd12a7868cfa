#include "ops/conv/kernels/planned_conv.h"

#include <cstdlib>
#include <cstring>

#include "base/half_tensor.h"
#include "base/memory.h"
#include "ops/conv/kernels/factories.h"
#include "targets/cpu/half.h"

namespace drawbar::cpu {

std::string conv_packed_form(const ConvKernel& kernel, const ConvShape& s, Isa isa) {
  const std::string_view name = kernel.name();
  std::string form = fmt::format("conv {} {} m={} c={} k={}x{} groups={}", name, cpu::name(isa),
                                 s.m, s.c, s.kh, s.kw, s.groups);
  if (kernel.on_tiles()) form += " tiles";
  if (name == "depthwise") form += " by vectors";  // earlier engines have them tap by tap
  if (name == "grouped") {                         // the kernel of a group depends on everything
    form += fmt::format(" n={} x={}x{} y={}x{} stride={}x{} dilation={}x{} pad={}x{}", s.n, s.h,
                        s.w, s.oh, s.ow, s.stride_h, s.stride_w, s.dilation_h, s.dilation_w,
                        s.pad_top, s.pad_left);
    if (s.strict) form += " strict";
  }
  return form;
}

ConvShape conv_shape(const Problem& problem) {
  const auto& op = *problem.op.as<ops::Conv>();
  ConvShape shape = conv_shape(ops::convolution_window(op, problem.inputs[1].shape), op.group,
                               problem.inputs[0], problem.outputs[0]);
  shape.strict = problem.strict;
  shape.weights = problem.inputs[1].type;
  return shape;
}

ConvShape conv_shape(ops::Window window, int64_t groups, const Operand& x, const Operand& y) {
  window.resolve_pads(std::span(x.shape).subspan(2));
  const size_t last = window.rank() - 1;  // the axis called w; the one before is h
  ConvShape shape;
  shape.n = x.dim(0);
  shape.c = shape.x_pixel_stride = x.dim(1);
  shape.m = y.dim(1);
  shape.y_pixel_stride = y.pixel_stride();
  shape.w = x.shape.back();
  shape.ow = y.shape.back();
  shape.kw = window.kernel[last];
  shape.stride_w = window.strides[last];
  shape.dilation_w = window.dilations[last];
  shape.pad_left = window.pads_begin[last];
  shape.groups = groups;
  if (last == 0) return shape;
  shape.h = x.shape[last + 1];
  shape.oh = y.shape[last + 1];
  shape.kh = window.kernel[last - 1];
  shape.stride_h = window.strides[last - 1];
  shape.dilation_h = window.dilations[last - 1];
  shape.pad_top = window.pads_begin[last - 1];
  return shape;
}

Operand conv_result(const ops::Conv& conv, const Operand& x, const Operand& w) {
  const ops::Window3 window(ops::convolution_window(conv, w.shape), x.shape);
  return {.type = x.type,
          .shape = {x.dim(0), w.dim(0), window.output[1], window.output[2]},
          .layout = Layout::channels_last,
          .present = true};
}

std::span<const Operand> conv_extras(const Problem& problem) {
  return problem.inputs.size() > 3 ? problem.inputs.subspan(3) : std::span<const Operand>();
}

bool has_conv_operands(const Problem& problem, Layout x_layout, Layout y_layout) {
  const Operand &x = problem.inputs[0], &w = problem.inputs[1], &y = problem.outputs[0];
  const bool biased = problem.inputs.size() > 2 && problem.inputs[2].present;
  const bool stored_half = is_half(w.type) && w.constant;
  if (x.type != ElementType::f32 || (w.type != ElementType::f32 && !stored_half) ||
      w.layout != Layout::row_major) {
    return false;
  }
  if (x.layout != x_layout || y.layout != y_layout || w.size() == 0) return false;
  return !biased || problem.inputs[2].type == ElementType::f32;
}

std::span<const float* const> conv_extra_pointers(const KernelRun& run, ConvPointers& list) {
  size_t count = 0;
  for (size_t i = 3; i < run.inputs.size(); ++i) list[count++] = run.in<float>(i);
  return {list.data(), count};
}

/// Packs weights that were halves, as much in halves again as the kernel takes.
static void pack_from_halves(const ConvKernel& kernel, const Tensor& weights, ElementType half,
                             void* packed) {
  const auto bytes = static_cast<size_t>(kernel.packed_bytes());
  const int64_t halves = kernel.half_floats();
  if (halves == 0) {
    kernel.pack(weights.data<float>(), static_cast<float*>(packed), nullptr);
    return;
  }
  const std::unique_ptr<void, decltype(&std::free)> wide(allocate_memory(bytes), std::free);
  if (!wide) fail(ErrorCode::resource_exhausted, "no memory for {} bytes of packed weights", bytes);
  auto* floats = static_cast<float*>(wide.get());
  kernel.pack(weights.data<float>(), floats, nullptr);
  narrow(half, floats, packed, halves);
  std::memcpy(static_cast<std::byte*>(packed) + halves * 2, floats + halves,
              bytes - static_cast<size_t>(halves) * 4);
}

PlannedConv::PlannedConv(const Problem& problem, std::unique_ptr<ConvKernel> kernel,
                         ConvEpilogue epilogue)
    : kernel_(std::move(kernel)), epilogue_(std::move(epilogue)) {
  scratch_bytes_ = align_up(kernel_->scratch_bytes(problem.threads), 64);
  const ConstantPtr& weights = problem.inputs[1].constant;
  if (!weights) return;
  std::string form = conv_packed_form(*kernel_, conv_shape(problem), problem.isa);
  const auto bytes = static_cast<size_t>(kernel_->packed_bytes());
  if (weights->type() == ElementType::f32) {
    packed_ = problem.packed.get(weights, form, bytes, [&](const Tensor& source, void* packed) {
      kernel_->pack(source.data<float>(), static_cast<float*>(packed), nullptr);
    });
    return;
  }
  const auto halves = static_cast<size_t>(kernel_->half_floats());
  if (halves > 0) form += fmt::format(" {}", drawbar::name(weights->type()));
  packed_ = problem.packed.get(
      weights, form, bytes - halves * 2,
      [&](const Tensor& source, void* packed) {
        pack_from_halves(*kernel_, to_f32(source), weights->type(), packed);
      },
      halves > 0);
}

void PlannedConv::run(const float* x, const KernelRun& run, std::span<const float* const> extras,
                      float* y, void* scratch) const {
  const auto* packed = reinterpret_cast<const float*>(packed_.get());
  if (!packed_) {
    auto* own = reinterpret_cast<float*>(static_cast<std::byte*>(scratch) + scratch_bytes_);
    kernel_->pack(run.in<float>(1), own, &run.pool);
    packed = own;
  }
  const float* bias = run.inputs.size() > 2 ? run.in<float>(2) : nullptr;
  epilogue_.with(bias, extras, [&](const Epilogue& epilogue) {
    kernel_->run(x, packed, y, epilogue, scratch, &run.pool);
  });
}

void PlannedConv::run_lines(const float* x, int64_t ring, const float* bias,
                            std::span<const float* const> extras, float* y, void* scratch,
                            Lines lines) const {
  const auto* packed = reinterpret_cast<const float*>(packed_.get());
  epilogue_.with(bias, extras, [&](const Epilogue& epilogue) {
    kernel_->run_lines(x, ring, packed, y, epilogue, scratch, lines);
  });
}

}  // namespace drawbar::cpu
