#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "ops/movement/cuda_copy.h"
#include "ops/resize/taps.h"

// A thread computes some neighbours of y that no axis resizes, from the taps along all resized axes
// at once. Which elements those are, and their weights, is made here as tables that kernels read:
// so they are those of the reference to the last bit.

namespace drawbar::cuda {
namespace {

using ops::ResizeAxis;
using ops::ResizeMode;
using ops::ResizeTaps;

constexpr int64_t block_threads = 256;

/// What the axes do, when that is known beforehand.
std::optional<std::vector<ResizeAxis>> known_axes(const Problem& problem) {
  std::array<ops::PlannedInput, 3> inputs;
  for (size_t i = 1; i < problem.inputs.size() && i <= inputs.size(); ++i) {
    const Operand& input = problem.inputs[i];
    inputs[i - 1] = {input.present, input.constant ? &input.constant->tensor() : nullptr};
  }
  try {
    return ops::planned_axes(*problem.op.as<ops::Resize>(), problem.inputs[0].shape,
                             problem.outputs[0].shape, inputs);
  } catch (const Error&) {
    return std::nullopt;  // the reference says what is wrong
  }
}

bool applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  const auto& op = *problem.op.as<ops::Resize>();
  if (!x.present || x.type != y.type) return false;
  const bool moves = op.mode == ResizeMode::nearest;
  // 16-byte elements have no literal for what lies outside.
  const bool known_type = moves ? is_copyable(x.type) && bits(x.type) <= 64
                                : has_code_name(x.type) && x.type != ElementType::boolean;
  if (!known_type) return false;
  const auto axes = known_axes(problem);
  if (!axes) return false;
  for (size_t i = 0; i < axes->size(); ++i) {
    if ((*axes)[i].outputs != y.shape[i] || x.shape[i] >= int64_t{1} << 31) return false;
  }
  return true;
}

double seconds(const Problem& problem) {
  const double per_output[] = {0, 16, 64};
  const auto mode = static_cast<size_t>(problem.op.as<ops::Resize>()->mode);
  return streaming_seconds(problem,
                           per_output[mode] * static_cast<double>(problem.outputs[0].size()));
}

/// The bits of the extrapolation value in x's type, as device code.
std::string outside_literal(const ops::Resize& op, ElementType type) {
  Tensor value = Tensor::allocate(type, {1});
  std::memset(value.raw(), 0, static_cast<size_t>(value.bytes()));
  if (kind(type) != ElementKind::complex)
    write_number(value, 0, static_cast<double>(op.extrapolation_value));
  uint64_t bits = 0;
  std::memcpy(&bits, value.raw(), static_cast<size_t>(value.bytes()));
  return fmt::format("{:#x}ull", bits);
}

PackedBuffer buffer_of(const void* data, size_t bytes) {
  const std::shared_ptr<std::byte[]> copy(new std::byte[std::max<size_t>(bytes, 1)]);
  std::memcpy(copy.get(), data, bytes);
  return {std::shared_ptr<const std::byte>(copy, copy.get()), bytes};
}

/// An axis that changes, with the place of its taps in the tables.
struct Resized {
  size_t axis;
  int64_t taps, table;
};

class Code {
 public:
  explicit Code(const Problem& problem)
      : problem_(problem), op_(*problem.op.as<ops::Resize>()), axes_(*known_axes(problem)) {
    for (size_t i = 0; i < axes_.size(); ++i) add_axis(i);
    x_strides_ = problem.inputs[0].strides();
    y_strides_ = problem.outputs[0].strides();
    for (size_t i = 0; i < axes_.size(); ++i) order_.push_back(i);
    std::stable_sort(order_.begin(), order_.end(),
                     [&](size_t a, size_t b) { return y_strides_[a] > y_strides_[b]; });
    width_ = width();
  }

  std::unique_ptr<Kernel> kernel() const {
    const Operand& y = problem_.outputs[0];
    const bool moves = op_.mode == ResizeMode::nearest;
    const int64_t bytes = bits(y.type) / 8, items = y.size() / width_;
    const std::string type =
        moves ? fmt::format("movement::element_t<{}>", bytes) : std::string(code_name(y.type));
    const std::string parameters =
        "const void* source, const int* __restrict__ index, [[maybe_unused]] const float* "
        "__restrict__ weight, void* destination";
    std::string body = fmt::format("  using T = {};\n", type);
    body += fmt::format(
        "  const T* __restrict__ x = static_cast<const T*>(source);\n"
        "  T* __restrict__ y = static_cast<T*>(destination);\n");
    body += position(items);
    body += moves ? nearest() : interpolation();
    Launch launch;
    launch.file = "ops/resize/cuda_resize.cuh";
    launch.call = "resize_" + hash_bytes(body).hex().substr(0, 16);
    launch.preface.push_back(fmt::format("__device__ __forceinline__ void {}({}) {{\n{}}}",
                                         launch.call, parameters, body));
    launch.grid = blocks_for(items, block_threads);
    launch.block.x = block_threads;
    launch.arguments = {input_bytes(0), packed(0, ElementType::i32), packed(1, ElementType::f32),
                        output_bytes(0)};
    std::vector<Launch> launches;
    launches.push_back(std::move(launch));
    return std::make_unique<LaunchedKernel>(
        std::move(launches), 0,
        std::vector<PackedBuffer>{buffer_of(index_.data(), index_.size() * sizeof(int32_t)),
                                  buffer_of(weight_.data(), weight_.size() * sizeof(float))});
  }

 private:
  void add_axis(size_t i) {
    if (axes_[i].identity(op_)) return;
    const ResizeTaps taps = ops::resize_taps(op_, axes_[i]);
    resized_.push_back({i, taps.count, static_cast<int64_t>(index_.size())});
    for (size_t k = 0; k < taps.index.size(); ++k) {
      const size_t o = k / static_cast<size_t>(taps.count);
      const bool outside = !taps.outside.empty() && taps.outside[o];
      has_outside_ |= outside;
      index_.push_back(outside ? -1 : static_cast<int32_t>(taps.index[k]));
      weight_.push_back(taps.weight[k]);
    }
  }

  bool is_resized(size_t axis) const {
    return std::any_of(resized_.begin(), resized_.end(),
                       [axis](const Resized& r) { return r.axis == axis; });
  }

  /// Neighbours that a thread computes: along an innermost axis that stays.
  int64_t width() const {
    if (order_.empty()) return 1;
    const size_t inner = order_.back();
    if (is_resized(inner) || x_strides_[inner] != 1 || y_strides_[inner] != 1) return 1;
    std::vector<int64_t> numbers = {axes_[inner].outputs};
    for (size_t i = 0; i < axes_.size(); ++i) {
      if (i != inner) numbers.insert(numbers.end(), {x_strides_[i], y_strides_[i]});
    }
    return widening(bits(problem_.outputs[0].type) / 8, numbers);
  }

  /// o0, o1, …: the position in y; `from`, `to`: offsets, without resized axes in x.
  std::string position(int64_t items) const {
    const std::string_view type =
        index_type(std::max(problem_.inputs[0].size(), problem_.outputs[0].size()));
    std::string text = fmt::format(
        "  const i64 item = global_thread();\n  if (item >= {}) return;\n  {} rest = "
        "static_cast<{}>(item), from = 0, to = 0;\n",
        items, type, type);
    for (size_t k = order_.size(); k-- > 0;) {
      const size_t axis = order_[k];
      const int64_t width = k + 1 == order_.size() ? width_ : 1;
      const int64_t size = axes_[axis].outputs / width;
      text += k == 0 ? fmt::format("  const {} o{} = rest;\n", type, axis)
                     : fmt::format("  const {} o{} = rest % {};\n  rest /= {};\n", type, axis, size,
                                   size);
      if (!is_resized(axis))
        text += fmt::format("  from += o{} * {};\n", axis, x_strides_[axis] * width);
      text += fmt::format("  to += o{} * {};\n", axis, y_strides_[axis] * width);
    }
    for (const Resized& r : resized_)
      text +=
          fmt::format("  const {} t{} = {} + o{} * {};\n", type, r.axis, r.table, r.axis, r.taps);
    return text;
  }

  std::string outside_condition() const {
    std::string text;
    for (const Resized& r : resized_)
      text += fmt::format("{}index[t{}] < 0", text.empty() ? "" : " || ", r.axis);
    return text;
  }

  std::string nearest() const {
    std::string text;
    if (has_outside_) {
      text +=
          fmt::format("  if ({}) return resize::fill<{}>(y + to, static_cast<T>({}));\n",
                      outside_condition(), width_, outside_literal(op_, problem_.inputs[0].type));
    }
    for (const Resized& r : resized_)
      text += fmt::format("  from += index[t{}] * {};\n", r.axis, x_strides_[r.axis]);
    return text + fmt::format("  resize::copy<{}>(y + to, x + from);\n", width_);
  }

  /// A loop over each axis's taps, the first axis innermost as the reference sums. Integers are
  /// truncated, so they are summed in double as there.
  std::string interpolation() const {
    const ElementType type = problem_.inputs[0].type;
    const bool doubles = type == ElementType::f64 || is_integer(type);
    std::string text = fmt::format("  using C = {};\n", doubles ? "double" : "float");
    if (has_outside_) {
      text +=
          fmt::format("  if ({}) return resize::fill<{}>(y + to, resize::stored<T>(C({:a})));\n",
                      outside_condition(), width_, static_cast<double>(op_.extrapolation_value));
    }
    text += fmt::format("  C sum[{}] = {{}};\n", width_);
    if (resized_.empty())
      text += fmt::format("  resize::add_elements<{}>(sum, C(1), x + from);\n", width_);
    std::string outer = "sum", base = "from";
    for (size_t i = resized_.size(); i-- > 0;) {
      const Resized& r = resized_[i];
      const std::string unroll = r.taps <= 4 ? "#pragma unroll\n" : "";
      text += fmt::format("{}  for (int k{} = 0; k{} < {}; ++k{}) {{\n", unroll, r.axis, r.axis,
                          r.taps, r.axis);
      text += fmt::format("  const auto f{} = {} + index[t{} + k{}] * {};\n", r.axis, base, r.axis,
                          r.axis, x_strides_[r.axis]);
      text += fmt::format("  const C w{} = weight[t{} + k{}];\n", r.axis, r.axis, r.axis);
      base = fmt::format("f{}", r.axis);
      if (i == 0) {
        text += fmt::format("  resize::add_elements<{}>({}, w{}, x + {});\n", width_, outer, r.axis,
                            base);
      } else {
        text += fmt::format("  C part{}[{}] = {{}};\n", r.axis, width_);
        outer = fmt::format("part{}", r.axis);
      }
    }
    for (size_t i = 0; i < resized_.size(); ++i) {
      if (i > 0) {
        const std::string into = i + 1 == resized_.size()
                                     ? std::string("sum")
                                     : fmt::format("part{}", resized_[i + 1].axis);
        text += fmt::format("  resize::add_sums<{}>({}, w{}, part{});\n", width_, into,
                            resized_[i].axis, resized_[i].axis);
      }
      text += "  }\n";
    }
    return text + fmt::format("  resize::store<{}>(y + to, sum);\n", width_);
  }

  const Problem& problem_;
  const ops::Resize& op_;
  std::vector<ResizeAxis> axes_;
  std::vector<Resized> resized_;
  std::vector<int32_t> index_;
  std::vector<float> weight_;
  bool has_outside_ = false;
  Shape x_strides_, y_strides_;
  std::vector<size_t> order_;  // axes as they lie in y, outermost first
  int64_t width_ = 1;
};

std::unique_ptr<Kernel> make(const Problem& problem) { return Code(problem).kernel(); }

DRAWBAR_CUDA_LAYOUT(Resize, any);
DRAWBAR_CUDA_TACTIC(resize, .op = "Resize", .name = "taps", .applies = applies, .seconds = seconds,
                    .make = make);

}  // namespace
}  // namespace drawbar::cuda
