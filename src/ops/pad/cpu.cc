#include <algorithm>
#include <array>
#include <cstdlib>

#include "ops/pad/op.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

constexpr size_t most_copies = 1024;

/// Neighbours of the result that come from places `step` apart, or (from < 0) are the value.
struct Segment {
  int64_t to, from, size, step;
};

std::vector<Segment> segments(const ops::PadAxis& axis) {
  std::vector<Segment> result;
  for (int64_t i = 0; i < axis.total;) {
    const int64_t at = i - axis.lead, from = axis.source(i);
    const int64_t outside = at < 0 ? -at : axis.total - i;
    Segment segment{i, from, outside, 0};  // an edge or the value goes on till x begins or for good
    if (at >= 0 && at < axis.kept) {
      segment = {i, from, axis.kept - at, 1};
    } else if (axis.mode == ops::PadMode::wrap) {
      segment = {i, from, axis.kept - (from - axis.cut), 1};
    } else if (axis.mode == ops::PadMode::reflect && axis.kept > 1) {
      const int64_t next = i + 1 < axis.total ? axis.source(i + 1) : from - 1;
      const bool rising = next > from;
      const int64_t reach = rising ? axis.kept - 1 - (from - axis.cut) : from - axis.cut;
      segment = {i, from, std::max<int64_t>(reach, 1), rising ? 1 : -1};
    }
    segment.size = std::min(segment.size, axis.total - i);
    i += segment.size;
    result.push_back(segment);
    if (result.size() > most_copies) break;
  }
  return result;
}

std::vector<std::vector<Segment>> all_segments(const Problem& p) {
  const auto list = [&](size_t i) {
    const bool there = i < p.inputs.size() && p.inputs[i].present;
    return there ? read_integers(p.inputs[i].constant->tensor()) : std::vector<int64_t>{};
  };
  std::vector<std::vector<Segment>> result;
  for (const auto& axis :
       ops::pad_axes(p.op.as<ops::Pad>()->mode, p.inputs[0].shape, list(1), list(3)))
    result.push_back(segments(axis));
  return result;
}

bool applies(const Problem& p) {
  const auto known = [&](size_t i) {
    return i >= p.inputs.size() || !p.inputs[i].present || p.inputs[i].constant;
  };
  if (!all_copyable(p.inputs.first(1), p.outputs[0]) || !known(1) || !known(3)) return false;
  try {
    size_t copies = 1;
    for (const auto& axis : all_segments(p)) {
      copies *= axis.size();
      if (copies > most_copies) return false;  // short patterns repeated often
    }
  } catch (const Error&) {
    return false;  // pads that do not fit, which the reference will say
  }
  return true;
}

double seconds(const Problem& p) {
  return copy_seconds(2 * storage_bytes(p.outputs[0].type, p.outputs[0].size()), 9);
}

/// One copy or fill for every combination of the axes' segments.
std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const Shape from_strides = x.strides(), to_strides = y.strides();
  const auto axes = all_segments(p);
  const bool has_value = p.inputs.size() > 2 && p.inputs[2].present;
  const std::array<std::byte, 16> zero{};
  auto kernel = std::make_unique<CopyKernel>();
  const auto add = [&](const auto& self, ops::StridedCopy copy, bool value) -> void {
    const size_t axis = copy.shape.size();
    if (axis < axes.size()) {
      for (const Segment& segment : axes[axis]) {
        ops::StridedCopy next = copy;
        next.shape.push_back(segment.size);
        next.from_strides.push_back(segment.step * from_strides[axis]);
        next.to_strides.push_back(to_strides[axis]);
        next.from_offset += std::max<int64_t>(segment.from, 0) * from_strides[axis];
        next.to_offset += segment.to * to_strides[axis];
        self(self, std::move(next), value || segment.from < 0);
      }
      return;
    }
    if (!value) return kernel->add(copy, y.type, 0, 0);
    copy.from_strides.assign(axes.size(), 0);
    copy.from_offset = 0;
    if (has_value) {
      kernel->add(copy, y.type, 2, 0);
    } else {
      kernel->add_fill(copy, y.type, zero.data(), 0);
    }
  };
  add(add, {}, false);
  return kernel;
}

}  // namespace

DRAWBAR_CPU_LAYOUT(Pad, any);
DRAWBAR_CPU_TACTIC(pad_copy, .op = "Pad", .name = "copy", .applies = applies, .seconds = seconds,
                   .make = make);

}  // namespace drawbar::cpu
