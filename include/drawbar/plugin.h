#ifndef DRAWBAR_PLUGIN_H
#define DRAWBAR_PLUGIN_H

/* Operators of your own, in a shared library that the command line (--plugin FILE) or the API
 * (drawbar::load_plugin) names; a model never does. Plain C: no exception, no type of a C++ library
 * and no ownership crosses this border, so any compiler will do.
 *
 * The library exports one function:
 *
 *     const drawbar_plugin* drawbar_plugin_entry(const drawbar_host* host);
 *
 * which keeps `host` and returns a description that stays valid as long as the process lives.
 * Callbacks may be called from many threads at once, for different calls. They return 0, or say
 * what is wrong with host->fail and return anything else.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header. A host refuses plug-ins of another version, and the other way round. */
#define DRAWBAR_PLUGIN_ABI 3u

/* Numbers of element types; the ones that are missing are not offered to plug-ins. */
enum {
  DRAWBAR_F32 = 0,
  DRAWBAR_F64 = 1,
  DRAWBAR_F16 = 2,
  DRAWBAR_BF16 = 3,
  DRAWBAR_I8 = 4,
  DRAWBAR_I16 = 5,
  DRAWBAR_I32 = 6,
  DRAWBAR_I64 = 7,
  DRAWBAR_U8 = 8,
  DRAWBAR_U16 = 9,
  DRAWBAR_U32 = 10,
  DRAWBAR_U64 = 11,
  DRAWBAR_BOOL = 12
};

/* A size that only a run will tell. Other negative sizes stand for sizes that the model's inputs
 * give: the same number is the same size, and infer may hand it on to its outputs. While running,
 * all sizes are numbers. */
#define DRAWBAR_UNKNOWN_SIZE (-1)

/* An input. The pointers are valid during the call. */
typedef struct {
  int32_t element;
  int32_t rank;
  const int64_t* shape; /* rank numbers */
  const void* data;     /* row-major, 64-byte aligned; null in infer unless it is a constant */
} drawbar_tensor;

/* One node, while its outputs' types are inferred or while it runs. */
typedef struct drawbar_call drawbar_call;

/* One launch of a kernel on a GPU, from source, from an image made beforehand, or both: then the
 * image is taken where it has code for the GPU, else the source. Everything but the image is
 * copied. */
typedef struct {
  /* CUDA C++ for NVRTC, without includes: __device__ functions, templates, structs, under names
   * that nobody else uses. The same text may stand in several launches. Null: there is none. */
  const char* source;
  /* A __device__ function of it, template arguments and all: "snake<float, 7, 129>". It gets the
   * pointers of the inputs that are there and of the outputs, in this order. */
  const char* function;
  int64_t grid[3], block[3]; /* blocks, and threads of each, along x, y and z */
  int32_t synchronises;      /* not 0: threads wait for each other, in whole blocks or warps */
  /* A cubin, a fatbin or PTX with the zero that ends it, as nvcc makes them; it stays as it is as
   * long as the process lives. Null: there is none. */
  const void* image;
  size_t image_bytes;
  /* An extern "C" __global__ function of the image. It gets the same pointers and, by value behind
   * them, the struct at `parameters` if it is not null. */
  const char* symbol;
  const void* parameters;
  size_t parameter_bytes;
} drawbar_gpu_launch;

/* What Drawbar offers. `i` counts from 0. */
typedef struct {
  uint32_t abi; /* DRAWBAR_PLUGIN_ABI */
  size_t (*inputs)(const drawbar_call* call);
  size_t (*outputs)(const drawbar_call* call);
  /* Input i; returns 0 where it is absent, and leaves *tensor alone. */
  int (*input)(const drawbar_call* call, size_t i, drawbar_tensor* tensor);

  /* The node's attributes; return 0 where there is none of that name and type, and leave the answer
   * alone. Texts are not ended by a zero. */
  int (*integer)(const drawbar_call* call, const char* name, int64_t* value);
  int (*number)(const drawbar_call* call, const char* name, double* value);
  int (*text)(const drawbar_call* call, const char* name, const char** text, size_t* bytes);
  int (*integers)(const drawbar_call* call, const char* name, const int64_t** values,
                  size_t* count);
  int (*numbers)(const drawbar_call* call, const char* name, const double** values, size_t* count);

  /* In infer: the type and shape of output i. To be said of every output. */
  void (*infer_output)(drawbar_call* call, size_t i, int32_t element, int32_t rank,
                       const int64_t* shape);
  /* In run: memory for output i, row-major, 64-byte aligned, uninitialised; null when it cannot be
   * had, then return. Where infer knew the shape it must be that one. */
  void* (*output)(drawbar_call* call, size_t i, int32_t element, int32_t rank,
                  const int64_t* shape);
  /* In run: calls body(data, begin, end) until [0, n) is covered, in pieces of about `grain` or
   * more, on the session's threads. Not inside itself. */
  void (*parallel_for)(drawbar_call* call, int64_t n, int64_t grain,
                       void (*body)(void* data, int64_t begin, int64_t end), void* data);
  /* In run: not 0 when the run is to end (deadline, cancelled): return anything but 0 then. */
  int (*stopped)(const drawbar_call* call);
  /* What is wrong, for the one who reads the error; copied. */
  void (*fail)(drawbar_call* call, const char* message);

  /* In gpu: adds a launch behind those added before. */
  void (*gpu_launch)(drawbar_call* call, const drawbar_gpu_launch* launch);
} drawbar_host;

/* An operator. Its outputs depend on inputs and attributes alone. */
typedef struct {
  const char* domain; /* "com.example"; not empty, not ai.onnx… */
  const char* name;   /* "Snake" */
  size_t least_inputs, most_inputs;
  size_t least_outputs, most_outputs;
  int (*infer)(drawbar_call* call);
  int (*run)(drawbar_call* call);
  /* For one node on a GPU whose sizes are all numbers, without data: adds its launches. Anything
   * but 0: it has none for this node, which then runs on the processors. May be null. */
  int (*gpu)(drawbar_call* call);
} drawbar_operator;

typedef struct {
  uint32_t abi; /* DRAWBAR_PLUGIN_ABI */
  const char* name;
  const char* version;
  size_t operator_count;
  const drawbar_operator* operators;
} drawbar_plugin;

typedef const drawbar_plugin* (*drawbar_plugin_function)(const drawbar_host* host);

#if defined(_WIN32)
#define DRAWBAR_PLUGIN_EXPORT __declspec(dllexport)
#else
#define DRAWBAR_PLUGIN_EXPORT __attribute__((visibility("default")))
#endif

/* To be defined by the plug-in. */
DRAWBAR_PLUGIN_EXPORT const drawbar_plugin* drawbar_plugin_entry(const drawbar_host* host);

#ifdef __cplusplus
}
#endif

#endif
