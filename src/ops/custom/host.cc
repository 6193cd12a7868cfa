#include "ops/custom/host.h"

#include <exception>
#include <limits>

#include "base/checked.h"

using drawbar::Attribute;
using drawbar::Attributes;
using drawbar::Dim;
using drawbar::Dims;
using drawbar::Shape;

/// What a GPU is to launch for a node.
struct GpuRequest {
  const std::vector<drawbar::ops::PluginInput>& inputs;
  size_t outputs;
  std::vector<drawbar::ops::PluginLaunch> launches;
};

/// One node for a plug-in: it is inferred, run, or made for a GPU, whichever is set.
struct drawbar_call {
  const Attributes& attributes;
  drawbar::Infer* infer = nullptr;
  drawbar::Evaluation* run = nullptr;
  GpuRequest* gpu = nullptr;
  std::vector<Shape> shapes;     // of the inputs
  std::vector<Dim> sizes;        // that negative numbers from -2 downwards stand for
  std::vector<bool> answered;    // outputs
  std::string failure;           // what the plug-in said
  std::exception_ptr exception;  // what a function of the host ran into

  size_t inputs() const {
    return gpu ? gpu->inputs.size() : infer ? infer->inputs() : run->inputs();
  }
  size_t outputs() const { return gpu ? gpu->outputs : infer ? infer->outputs() : run->outputs(); }
  bool has(size_t i) const {
    return gpu ? gpu->inputs[i].present : infer ? infer->has(i) : run->has(i);
  }
};

namespace drawbar::ops {
namespace {

constexpr int64_t first_symbol = -2;
constexpr int most_rank = 64;
constexpr size_t most_parameter_bytes = 4096;  // of a kernel, pointers included

static_assert(DRAWBAR_F32 == static_cast<int>(ElementType::f32) &&
              DRAWBAR_BOOL == static_cast<int>(ElementType::boolean));

bool known_to_plugins(ElementType type) {
  return static_cast<int>(type) <= static_cast<int>(ElementType::boolean);
}

ElementType element_type(int32_t number) {
  if (number < 0 || number > DRAWBAR_BOOL)
    fail(ErrorCode::internal, "the plug-in gave element type {}", number);
  return static_cast<ElementType>(number);
}

/// Runs a function of the host; what it throws waits until the plug-in has returned.
template <class F>
auto guarded(drawbar_call* call, F&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    if (!call->exception) call->exception = std::current_exception();
  }
  return decltype(body())();
}

template <class T>
const T* attribute(const drawbar_call* call, const char* name) {
  const auto found = name ? call->attributes.find(std::string_view(name)) : call->attributes.end();
  return found == call->attributes.end() ? nullptr : std::get_if<T>(&found->second);
}

size_t inputs(const drawbar_call* call) { return call->inputs(); }
size_t outputs(const drawbar_call* call) { return call->outputs(); }

int input(const drawbar_call* call, size_t i, drawbar_tensor* tensor) {
  if (i >= call->inputs() || !call->has(i)) return 0;
  tensor->rank = static_cast<int32_t>(call->shapes[i].size());
  tensor->shape = call->shapes[i].data();
  if (call->gpu) {
    tensor->element = static_cast<int32_t>(call->gpu->inputs[i].type);
    tensor->data = nullptr;
  } else if (call->infer) {
    const Tensor* constant = call->infer->constant(i);
    tensor->element = static_cast<int32_t>(call->infer->element(i));
    tensor->data = constant ? constant->raw() : nullptr;
  } else {
    tensor->element = static_cast<int32_t>(call->run->input(i).type());
    tensor->data = call->run->input(i).raw();
  }
  return 1;
}

template <class T>
int number(const drawbar_call* call, const char* name, T* value) {
  const auto* held = attribute<T>(call, name);
  if (!held) return 0;
  *value = *held;
  return 1;
}

/// A text or a list.
template <class Held, class T>
int list(const drawbar_call* call, const char* name, const T** values, size_t* count) {
  const auto* held = attribute<Held>(call, name);
  if (!held) return 0;
  *values = held->data();
  *count = held->size();
  return 1;
}

Shape shape_from(int32_t rank, const int64_t* sizes) {
  if (rank < 0 || rank > most_rank || (rank > 0 && !sizes))
    fail(ErrorCode::internal, "the plug-in gave a shape of rank {}", rank);
  return Shape(sizes, sizes + rank);
}

void infer_output(drawbar_call* call, size_t i, int32_t element, int32_t rank,
                  const int64_t* sizes) {
  guarded(call, [&] {
    if (!call->infer) fail(ErrorCode::internal, "the plug-in infers while it runs");
    if (i >= call->outputs()) return;  // one that nobody asked for
    Dims dims;
    for (int64_t size : shape_from(rank, sizes)) {
      const auto symbol = static_cast<size_t>(first_symbol - size);
      if (size >= 0) {
        dims.emplace_back(size);
      } else if (size == DRAWBAR_UNKNOWN_SIZE) {
        dims.push_back(call->infer->fresh("size", std::numeric_limits<int32_t>::max()));
      } else if (symbol < call->sizes.size()) {
        dims.push_back(call->sizes[symbol]);
      } else {
        fail(ErrorCode::internal, "the plug-in gave the size {}, which stands for none", size);
      }
    }
    call->infer->output(i, element_type(element), std::move(dims));
    call->answered[i] = true;
  });
}

void* output(drawbar_call* call, size_t i, int32_t element, int32_t rank, const int64_t* sizes) {
  return guarded(call, [&]() -> void* {
    if (!call->run) fail(ErrorCode::internal, "the plug-in asks for memory while it infers");
    Shape shape = shape_from(rank, sizes);
    for (int64_t size : shape) {
      if (size < 0) fail(ErrorCode::internal, "the plug-in gave the size {}", size);
    }
    const ElementType type = element_type(element);
    storage_bytes(type, element_count(shape));  // throws where it overflows
    if (i < call->answered.size()) call->answered[i] = true;
    Tensor& tensor = call->run->output(i, type, std::move(shape));
    static char nothing[64];  // something to point at for tensors without elements
    return tensor.size() == 0 && !tensor.raw() ? nothing : tensor.raw();
  });
}

void parallel_for(drawbar_call* call, int64_t n, int64_t grain,
                  void (*body)(void*, int64_t, int64_t), void* data) {
  guarded(call, [&] {
    if (!call->run) fail(ErrorCode::internal, "the plug-in starts a loop while it infers");
    call->run->pool().parallel_for(
        n, grain, [&](int64_t begin, int64_t end, int) { body(data, begin, end); });
  });
}

int stopped(const drawbar_call* call) {
  if (!call->run) return 0;
  auto* changed = const_cast<drawbar_call*>(call);
  guarded(changed, [&] { changed->run->checkpoint(); });
  return changed->exception ? 1 : 0;
}

void say_failure(drawbar_call* call, const char* message) {
  guarded(call, [&] { call->failure = message ? message : ""; });
}

std::string checked_name(const char* name, std::string_view what) {
  if (!name || !*name) fail(ErrorCode::internal, "the plug-in gave code without a {}", what);
  return name;
}

void gpu_launch(drawbar_call* call, const drawbar_gpu_launch* given) {
  guarded(call, [&] {
    if (!call->gpu) fail(ErrorCode::internal, "the plug-in launches kernels outside gpu");
    if (!given || (!given->source && !given->image))
      fail(ErrorCode::internal, "the plug-in gave a launch without code");
    PluginLaunch launch;
    if (given->source) {
      launch.source = given->source;
      launch.function = checked_name(given->function, "function");
    }
    if (given->image) {
      if (given->image_bytes == 0) fail(ErrorCode::internal, "the plug-in gave an empty image");
      launch.image = {static_cast<const std::byte*>(given->image), given->image_bytes};
      launch.symbol = checked_name(given->symbol, "symbol");
    }
    if (given->parameters) {
      if (given->parameter_bytes > most_parameter_bytes)
        fail(ErrorCode::internal, "the plug-in gave parameters of {} bytes, a kernel takes {}",
             given->parameter_bytes, most_parameter_bytes);
      const auto* bytes = static_cast<const std::byte*>(given->parameters);
      launch.parameters.assign(bytes, bytes + given->parameter_bytes);
    }
    for (size_t axis = 0; axis < 3; ++axis) {
      if (given->grid[axis] < 1 || given->block[axis] < 1 || given->block[axis] > 1024)
        fail(ErrorCode::internal, "the plug-in gave a launch of {} blocks of {} threads",
             given->grid[axis], given->block[axis]);
      launch.grid[axis] = given->grid[axis];
      launch.block[axis] = given->block[axis];
    }
    launch.synchronises = given->synchronises != 0;
    call->gpu->launches.push_back(std::move(launch));
  });
}

void finish(const drawbar_call& call, const Custom& op, int status, ErrorCode code) {
  if (call.exception) std::rethrow_exception(call.exception);
  if (status != 0)
    fail(code, "{}: {}", op.op, call.failure.empty() ? "the plug-in gave no reason" : call.failure);
  for (size_t i = 0; i < call.answered.size(); ++i) {
    if (!call.answered[i])
      fail(ErrorCode::internal, "{}: the plug-in says nothing of output {}", op.op, i);
  }
}

}  // namespace

const drawbar_host& plugin_host() {
  static const drawbar_host host = {DRAWBAR_PLUGIN_ABI,
                                    inputs,
                                    outputs,
                                    input,
                                    number<int64_t>,
                                    number<double>,
                                    list<std::string, char>,
                                    list<std::vector<int64_t>, int64_t>,
                                    list<std::vector<double>, double>,
                                    infer_output,
                                    output,
                                    parallel_for,
                                    stopped,
                                    say_failure,
                                    gpu_launch};
  return host;
}

void infer_with(const drawbar_operator& plugin, const Custom& op, Infer& context) {
  drawbar_call call{.attributes = op.attributes, .infer = &context};
  call.shapes.resize(context.inputs());
  call.answered.resize(context.outputs());
  for (size_t i = 0; i < context.inputs(); ++i) {
    if (!context.has(i)) continue;
    if (!context.type(i).is_tensor() || !context.ranked(i) || !known_to_plugins(context.element(i)))
      fail(ErrorCode::unsupported, "input {} is {}, plug-ins take tensors of known rank", i,
           to_string(context.type(i)));
    for (const Dim& dim : context.dims(i)) {
      if (dim.is_constant()) {
        call.shapes[i].push_back(dim.value());
        continue;
      }
      const auto known = std::find(call.sizes.begin(), call.sizes.end(), dim);
      call.shapes[i].push_back(first_symbol - (known - call.sizes.begin()));
      if (known == call.sizes.end()) call.sizes.push_back(dim);
    }
  }
  finish(call, op, plugin.infer(&call), ErrorCode::invalid_model);
}

void run_with(const drawbar_operator& plugin, const Custom& op, Evaluation& evaluation) {
  drawbar_call call{.attributes = op.attributes, .run = &evaluation};
  call.shapes.resize(evaluation.inputs());
  call.answered.resize(evaluation.outputs());
  for (size_t i = 0; i < evaluation.inputs(); ++i) {
    if (evaluation.has(i)) call.shapes[i] = evaluation.input(i).shape();
  }
  finish(call, op, plugin.run(&call), ErrorCode::invalid_argument);
}

std::optional<std::vector<PluginLaunch>> launches_of(const drawbar_operator& plugin,
                                                     const Custom& op,
                                                     const std::vector<PluginInput>& inputs,
                                                     size_t outputs) {
  if (!plugin.gpu) return std::nullopt;
  GpuRequest request{inputs, outputs, {}};
  drawbar_call call{.attributes = op.attributes, .gpu = &request};
  for (const PluginInput& input : inputs) call.shapes.push_back(input.shape);
  const int status = plugin.gpu(&call);
  try {
    if (call.exception) std::rethrow_exception(call.exception);
  } catch (const Error& error) {
    throw error.at(op.op);
  }
  if (status != 0 || request.launches.empty()) return std::nullopt;
  return std::move(request.launches);
}

}  // namespace drawbar::ops
