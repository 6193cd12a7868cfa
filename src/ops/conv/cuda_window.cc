#include "ops/conv/cuda_window.h"

#include <algorithm>
#include <cstring>

namespace drawbar::cuda {
namespace {

constexpr int64_t direct_threads = 128;
constexpr size_t bias_input = 2, first_post_input = 3;
constexpr int64_t most_span = 12;  // inputs of a line that a thread of the depthwise kernel holds

bool is_last(const Operand& operand) { return operand.layout == Layout::channels_last; }

/// Whether the depth of products counts channels fastest: they are neighbours in x, or steps of the
/// depth are so within one tap.
bool taps_outer(const ConvolutionProblem& c) {
  return is_last(c.x()) || (c.w().constant && c.channels() % 32 == 0);
}

/// The weights' steps along a group, an output, a channel and a tap.
struct WeightSteps {
  int64_t group, output, channel, tap;
};

/// As they come: [M, C/group, taps], or [C, M/group, taps] where transposed.
WeightSteps plain_steps(const ConvolutionProblem& c) {
  const int64_t taps = c.window.taps();
  const int64_t group = c.channels() * c.outputs() * taps;
  if (c.transposed) return {group, taps, c.outputs() * taps, 1};
  return {group, c.channels() * taps, taps, 1};
}

/// Packed: outputs innermost, [groups, taps, channels, outputs] or [groups, channels, taps,
/// outputs]; for depthwise convolutions [taps, groups].
WeightSteps packed_steps(const ConvolutionProblem& c) {
  const int64_t taps = c.window.taps(), m = c.outputs(), channels = c.channels();
  if (m == 1 && channels == 1) return {1, 1, 1, c.groups};
  const int64_t group = channels * m * taps;
  if (taps_outer(c)) return {group, 1, m, channels * m};
  return {group, 1, taps * m, m};
}

PackedBuffer pack(const ConvolutionProblem& c, const WeightSteps& to) {
  const WeightSteps from = plain_steps(c);
  const auto width = static_cast<size_t>(bits(c.w().type) / 8);
  const int64_t groups = c.groups, outputs = c.outputs(), channels = c.channels(),
                taps = c.window.taps();
  const auto bytes = static_cast<size_t>(c.w().size()) * width;
  const std::string form =
      fmt::format("cuda_conv {}x{}x{}x{} {},{},{},{}{}", groups, outputs, channels, taps, to.group,
                  to.output, to.channel, to.tap, c.transposed ? " transposed" : "");
  const auto copy = [&](const Tensor& source, void* packed) {
    const auto* read = static_cast<const std::byte*>(source.raw());
    auto* write = static_cast<std::byte*>(packed);
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t m = 0; m < outputs; ++m) {
        for (int64_t k = 0; k < channels; ++k) {
          for (int64_t tap = 0; tap < taps; ++tap) {
            const auto at = [&](const WeightSteps& s) {
              return static_cast<size_t>(g * s.group + m * s.output + k * s.channel + tap * s.tap) *
                     width;
            };
            std::memcpy(write + at(to), read + at(from), width);
          }
        }
      }
    }
  };
  return {c.problem.packed.get(c.w().constant, form, bytes, copy), bytes};
}

/// A convolution's Window as code, and what goes with it.
struct WindowCode {
  std::string name, text;
  bool packed = false;
  WeightSteps steps = {};
  bool taps_outer = false, pixel_rows = false;
};

std::string axis_code(const ConvolutionProblem& c, size_t i) {
  const ops::Window3& w = c.window;
  const Shape x = c.x().strides(), y = c.y().strides();
  const size_t rank = x.size() - 2;
  const bool has = i + rank >= 3;
  const size_t axis = has ? i + rank - 1 : 0;
  return fmt::format("conv::Axis<{}, {}, {}, {}, {}, {}, {}, {}, {}>", w.input[i], w.output[i],
                     w.kernel[i], w.stride[i], w.pad[i], w.dilation[i], has ? x[axis] : 0,
                     has ? y[axis] : 0, c.transposed);
}

/// `more`: members of the kernel's own.
WindowCode window_code(const ConvolutionProblem& c, bool packed, int64_t x_width, int64_t w_width,
                       bool w_along_depth, const std::string& more = {}) {
  WindowCode code;
  code.packed = packed;
  code.taps_outer = taps_outer(c);
  code.pixel_rows = is_last(c.y());
  code.steps = packed ? packed_steps(c) : plain_steps(c);
  const Shape x = c.x().strides(), y = c.y().strides();
  const std::string body = fmt::format(
      "  using D = {};\n  using H = {};\n  using W = {};\n"
      "  static constexpr int images = {}, groups = {}, channels = {}, outputs = {};\n"
      "  static constexpr i64 x_image = {}, x_channel = {}, y_image = {}, y_channel = {};\n"
      "  static constexpr i64 w_group = {}, w_output = {}, w_channel = {}, w_tap = {};\n"
      "  static constexpr bool taps_outer = {}, pixel_rows = {};\n"
      "  static constexpr bool x_along_depth = {}, w_along_depth = {};\n"
      "  static constexpr int x_width = {}, w_width = {};\n{}",
      axis_code(c, 0), axis_code(c, 1), axis_code(c, 2), c.x().dim(0), c.groups, c.channels(),
      c.outputs(), x[0], x[1], y[0], y[1], code.steps.group, code.steps.output, code.steps.channel,
      code.steps.tap, code.taps_outer, code.pixel_rows, is_last(c.x()), w_along_depth, x_width,
      w_width, more);
  code.name = "Window_" + hash_bytes(body).hex().substr(0, 16);
  code.text = fmt::format("struct {} {{\n{}}};", code.name, body);
  return code;
}

bool has_bias(const ConvolutionProblem& c) {
  return c.problem.inputs.size() > bias_input && c.problem.inputs[bias_input].present;
}

NamedCode epilogue_of(const ConvolutionProblem& c, std::vector<Argument>& arguments) {
  if (c.post.empty()) return {"matmul::NoEpilogue", {}};
  std::vector<Operand> more;
  for (size_t i = first_post_input; i < c.problem.inputs.size(); ++i) {
    more.push_back(c.problem.inputs[i]);
    arguments.push_back(input(c.problem, i));
  }
  return epilogue_code(c.post, c.y(), more);
}

/// Windows whose positions are the inputs: one tap of stride 1 without padding.
bool is_pointwise(const ops::Window3& w) {
  for (size_t i = 0; i < 3; ++i) {
    if (w.kernel[i] != 1 || w.stride[i] != 1 || w.pad[i] != 0 || w.output[i] != w.input[i])
      return false;
  }
  return true;
}

std::unique_ptr<Kernel> make_launch(const ConvolutionProblem& c, const WindowCode& window,
                                    std::string_view function, int64_t items) {
  Launch launch;
  launch.file = "ops/conv/cuda_direct.cuh";
  std::vector<Argument> more;
  const NamedCode epilogue = epilogue_of(c, more);
  launch.preface = {window.text};
  launch.preface.insert(launch.preface.end(), epilogue.text.begin(), epilogue.text.end());
  launch.call = fmt::format("conv::{}<{}, {}>", function, window.name, epilogue.name);
  launch.grid = blocks_for(items, direct_threads);
  launch.block.x = direct_threads;
  std::vector<PackedBuffer> buffers;
  if (window.packed) buffers.push_back(pack(c, window.steps));
  const Argument y = output(c.problem, 0);
  launch.arguments = {input(c.problem, 0),
                      window.packed ? packed(0, c.w().type) : input(c.problem, 1),
                      has_bias(c) ? input(c.problem, bias_input) : y, y};
  launch.arguments.insert(launch.arguments.end(), more.begin(), more.end());
  std::vector<Launch> launches;
  launches.push_back(std::move(launch));
  return std::make_unique<LaunchedKernel>(std::move(launches), 0, std::move(buffers),
                                          window.packed ? 1U << 1 : 0);
}

std::string direct_members(const ConvolutionProblem& c, int64_t width, int64_t run) {
  return fmt::format(
      "  static constexpr int width = {}, run = {};\n"
      "  static constexpr bool channels_last = {}, has_bias = {};\n",
      width, run, is_last(c.y()), has_bias(c));
}

/// One channel a group, channels innermost in x and y.
bool is_depthwise_last(const ConvolutionProblem& c) {
  return c.channels() == 1 && c.outputs() == 1 && is_last(c.x()) && is_last(c.y());
}

int64_t depthwise_width(const ConvolutionProblem& c) {
  return std::min(load_width(c.x().type, c.groups), load_width(c.w().type, c.groups));
}

int64_t span(const ConvolutionProblem& c, int64_t run) {
  return (run - 1) * c.window.stride[2] + (c.window.kernel[2] - 1) * c.window.dilation[2] + 1;
}

int64_t depthwise_run(const ConvolutionProblem& c) {
  int64_t run = 4;
  while (run > 1 && (span(c, run) > most_span || run > c.window.output[2])) run /= 2;
  return run;
}

}  // namespace

bool convolution_applies(const ConvolutionProblem& c) {
  const ElementType type = c.x().type, weights = c.w().type;
  if (!is_real(type) || c.x().rank() < 3 || c.x().rank() > 5) return false;
  if (weights != type && !(type == ElementType::f32 && is_half(weights))) return false;
  if (type == ElementType::f64 && !c.post.empty()) return false;  // programs compute in f32
  if (is_last(c.w())) return false;
  for (const Operand& operand : c.problem.inputs) {
    if (operand.pitch != 0) return false;
  }
  if (c.y().pitch != 0) return false;
  constexpr int64_t most = int64_t{1} << 30;
  const ops::Window3& w = c.window;
  for (size_t i = 0; i < 3; ++i) {
    const int64_t reach = (w.kernel[i] - 1) * w.dilation[i] + w.pad[i];
    if (reach >= most || std::max(w.output[i], w.input[i]) * w.stride[i] >= most) return false;
  }
  return c.y().size() < most * 2 && product_fits(convolution_product(c));
}

Product convolution_product(const ConvolutionProblem& c) {
  Product p;
  const bool pixel_rows = is_last(c.y());
  const bool pack_weights = c.w().constant && (c.transposed || taps_outer(c) || is_last(c.y()));
  const bool along_depth = !pack_weights;
  int64_t x_width = 1, w_width = 1;
  if (is_last(c.x())) {
    x_width = load_width(c.x().type, c.channels());
  } else if (is_pointwise(c.window)) {
    x_width = load_width(c.x().type, c.window.outputs());
  }
  if (pack_weights) {
    w_width = load_width(c.w().type, c.outputs());
  } else if (!c.transposed && !is_last(c.x())) {
    w_width = load_width(c.w().type, c.channels() * c.window.taps());
  }
  const WindowCode window = window_code(c, pack_weights, x_width, w_width, along_depth);

  int64_t positions = c.x().dim(0), phases = 1, taps = 1;
  for (size_t i = 0; i < 3; ++i) {
    const int64_t axis_phases = c.transposed ? c.window.stride[i] : 1;
    phases *= axis_phases;
    positions *= (c.window.output[i] + axis_phases - 1) / axis_phases;
    taps *= (c.window.kernel[i] + axis_phases - 1) / axis_phases;
  }
  p.rows = pixel_rows ? positions : c.outputs();
  p.columns = pixel_rows ? c.outputs() : positions;
  p.depth = c.channels() * taps;
  p.parts = c.groups * phases;
  const int64_t neighbours = pixel_rows ? c.outputs() : phases == 1 ? c.window.outputs() : 1;
  p.members = fmt::format("  static constexpr int y_width = {};\n", neighbours % 4 == 0 ? 4 : 1);
  p.base = fmt::format(" : conv::WindowShape<{}>", window.name);
  p.preface = {window.text};
  p.file = "ops/conv/cuda_window.cuh";
  const Argument x = input(c.problem, 0);
  Argument w = input(c.problem, 1);
  if (pack_weights) {
    w = packed(0, c.w().type);
    p.packed_inputs = 1U << 1;
  }
  p.left = pixel_rows ? x : w;
  p.right = pixel_rows ? w : x;
  if (has_bias(c)) p.bias = input(c.problem, bias_input);
  p.y = output(c.problem, 0);
  p.y_size = c.y().size();
  p.epilogue = epilogue_of(c, p.more);
  return p;
}

void pack_weights(const ConvolutionProblem& c, Product& product) {
  if (product.packed_inputs == 0) return;
  product.packed.push_back(pack(c, packed_steps(c)));
}

double direct_seconds(const ConvolutionProblem& c) {
  const double products =
      static_cast<double>(c.y().size() * c.channels()) * static_cast<double>(c.window.taps());
  return streaming_seconds(c.problem, products * 2 * 12);
}

std::unique_ptr<Kernel> make_direct(const ConvolutionProblem& c) {
  const bool vectors = is_depthwise_last(c) && c.w().constant;
  const int64_t width = vectors ? depthwise_width(c) : 1;
  const WindowCode window = window_code(c, vectors, 1, 1, false, direct_members(c, width, 1));
  return make_launch(c, window, "direct", c.y().size() / width);
}

bool depthwise_applies(const ConvolutionProblem& c) {
  return is_depthwise_last(c) && !c.transposed && c.w().constant && span(c, 1) <= most_span &&
         c.window.kernel[1] <= most_span;
}

double depthwise_seconds(const ConvolutionProblem& c) {
  const double products = static_cast<double>(c.y().size() * c.window.taps());
  return streaming_seconds(c.problem, products * 2 * 4);
}

std::unique_ptr<Kernel> make_depthwise(const ConvolutionProblem& c) {
  const int64_t width = depthwise_width(c), run = depthwise_run(c);
  const WindowCode window = window_code(c, true, 1, 1, false, direct_members(c, width, run));
  const int64_t lines = c.y().size() / c.window.output[2] / width;
  return make_launch(c, window, "depthwise", lines * ((c.window.output[2] + run - 1) / run));
}

}  // namespace drawbar::cuda
