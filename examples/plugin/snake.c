/* com.example.Snake: y = x + sin(alpha x)^2 / alpha, the activation of neural vocoders (Liu, Hartwig
 * and Ueda, "Neural Networks Fail to Learn Periodic Functions and How to Fix It", 2020).
 *
 * x [N, C, ...] f32; alpha [C] f32 (optional) or the attribute `alpha` (1) -> y of x's shape.
 *
 *     drawbar run vocoder.onnx --plugin ./snake.so ...
 *     drawbar run vocoder.onnx --plugin ./snake.so --target cuda ...
 */
#include <drawbar/plugin.h>
#include <math.h>
#include <stdio.h>

#include "snake_sizes.h"

#ifdef SNAKE_HAS_IMAGE
#include "snake_image.h" /* snake.cu as nvcc compiled it */
#define IMAGE .image = snake_image, .image_bytes = sizeof snake_image
#else
#define IMAGE .image = 0
#endif

static const drawbar_host* host;

/* x and alpha as they must be, or a message. */
static const char* inputs(const drawbar_call* call, drawbar_tensor* x, drawbar_tensor* alpha) {
  if (!host->input(call, 0, x) || x->element != DRAWBAR_F32 || x->rank < 2)
    return "x: expected f32 of at least 2 dimensions";
  alpha->shape = 0;
  if (host->input(call, 1, alpha) && (alpha->element != DRAWBAR_F32 || alpha->rank != 1 ||
                                      alpha->shape[0] != x->shape[1]))
    return "alpha: expected f32 [C]";
  return 0;
}

static int infer(drawbar_call* call) {
  drawbar_tensor x, alpha;
  const char* wrong = inputs(call, &x, &alpha);
  if (wrong) {
    host->fail(call, wrong);
    return 1;
  }
  host->infer_output(call, 0, x.element, x.rank, x.shape);
  return 0;
}

struct work {
  const float *x, *alphas;
  float* y;
  float alpha;
  int64_t channels, plane;
};

static void planes(void* data, int64_t begin, int64_t end) {
  const struct work* work = data;
  for (int64_t i = begin; i < end; ++i) {
    const float alpha = work->alphas ? work->alphas[i % work->channels] : work->alpha;
    const float* x = work->x + i * work->plane;
    float* y = work->y + i * work->plane;
    for (int64_t k = 0; k < work->plane; ++k) {
      const float wave = sinf(alpha * x[k]);
      y[k] = x[k] + wave * wave / alpha;
    }
  }
}

static int run(drawbar_call* call) {
  drawbar_tensor x, alpha;
  const char* wrong = inputs(call, &x, &alpha);
  if (wrong) {
    host->fail(call, wrong);
    return 1;
  }
  double single = 1;
  host->number(call, "alpha", &single);
  struct work work = {x.data, alpha.shape ? alpha.data : 0, 0, (float)single, x.shape[1], 1};
  for (int32_t axis = 2; axis < x.rank; ++axis) work.plane *= x.shape[axis];
  work.y = host->output(call, 0, x.element, x.rank, x.shape);
  if (!work.y) return 1;
  host->parallel_for(call, x.shape[0] * x.shape[1], 1 + 4096 / (work.plane + 1), planes, &work);
  return 0;
}

/* A thread an element; sizes are template arguments, so that divisions by them are cheap. For GPUs
 * that the image has no code for. */
static const char gpu_source[] =
    "struct SnakeOf {\n"
    "  static __device__ float of(float x, float alpha) {\n"
    "    const float wave = sinf(alpha * x);\n"
    "    return x + wave * wave / alpha;\n"
    "  }\n"
    "};\n"
    "template <long long SIZE, int CHANNELS, int PLANE>\n"
    "__device__ void snake(const float* x, const float* alphas, float* y) {\n"
    "  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;\n"
    "  if (i < SIZE) y[i] = SnakeOf::of(x[i], alphas[i / PLANE % CHANNELS]);\n"
    "}\n"
    "template <long long SIZE, int NUMERATOR, int DENOMINATOR>\n"
    "__device__ void snake(const float* x, float* y) {\n"
    "  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;\n"
    "  if (i < SIZE) y[i] = SnakeOf::of(x[i], float(NUMERATOR) / float(DENOMINATOR));\n"
    "}\n";

enum { threads = 256, millionths = 1000000 };

static int gpu(drawbar_call* call) {
  drawbar_tensor x, alpha;
  if (inputs(call, &x, &alpha)) return 1;
  struct snake_sizes sizes = {1, x.shape[1], 1, 1};
  for (int32_t axis = 0; axis < x.rank; ++axis) sizes.size *= x.shape[axis];
  for (int32_t axis = 2; axis < x.rank; ++axis) sizes.plane *= x.shape[axis];
  double single = 1;
  host->number(call, "alpha", &single);
  sizes.alpha = (float)single;
  const char* source = gpu_source;
  char function[96];
  if (alpha.shape) {
    snprintf(function, sizeof function, "snake<%lld, %lld, %lld>", sizes.size, sizes.channels,
             sizes.plane);
  } else {
    const double scaled = single * millionths; /* templates take no fractions */
    if (scaled != (int)scaled) source = 0;
    snprintf(function, sizeof function, "snake<%lld, %d, %d>", sizes.size, (int)scaled, millionths);
  }
  const drawbar_gpu_launch launch = {
      .source = source,
      .function = function,
      .grid = {(sizes.size + threads - 1) / threads, 1, 1},
      .block = {threads, 1, 1},
      IMAGE,
      .symbol = alpha.shape ? "snake_by_channel" : "snake_of_one",
      .parameters = &sizes,
      .parameter_bytes = sizeof sizes,
  };
  if (!launch.source && !launch.image) return 1;
  host->gpu_launch(call, &launch);
  return 0;
}

static const drawbar_operator operators[] = {
    {"com.example", "Snake", 1, 2, 1, 1, infer, run, gpu},
};

static const drawbar_plugin plugin = {DRAWBAR_PLUGIN_ABI, "snake", "1.0", 1, operators};

const drawbar_plugin* drawbar_plugin_entry(const drawbar_host* given) {
  if (given->abi != DRAWBAR_PLUGIN_ABI) return &plugin; /* the host says what does not fit */
  host = given;
  return &plugin;
}
