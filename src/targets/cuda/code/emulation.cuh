#pragma once

// CUDA C++ on the host: the words and built-in variables that device code uses. Threads of a block
// are run one after the other by the emulation (targets/cuda/emulated), blocks too; where threads
// wait for each other, each has a stack of its own. Shared memory is static memory: one block runs
// at a time.

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static
#define __restrict__

// Only kernels are seen from outside: shared memory of a template that were visible would be one
// for the whole process, and its library could not be unloaded.
#pragma GCC visibility push(hidden)
#define DRAWBAR_VISIBLE __attribute__((visibility("default")))
#define DRAWBAR_KERNEL(NAME, THREADS, PARAMETERS, ...) \
  extern "C" DRAWBAR_VISIBLE void NAME PARAMETERS { __VA_ARGS__; }

struct DrawbarIndex {
  unsigned x, y, z;
};

/// Shared with the emulation, which sets it before a thread goes on (emulated/block.h).
struct DrawbarThread {
  DrawbarIndex thread, block, threads, blocks;
  unsigned long long* exchange;  // one number for each thread of the block
  void (*wait_for_block)();
  void (*wait_for_warp)();
};
extern "C" DRAWBAR_VISIBLE DrawbarThread* drawbar_thread;
DrawbarThread* drawbar_thread = nullptr;

#define threadIdx (drawbar_thread->thread)
#define blockIdx (drawbar_thread->block)
#define blockDim (drawbar_thread->threads)
#define gridDim (drawbar_thread->blocks)

inline void __syncthreads() { drawbar_thread->wait_for_block(); }
inline void __syncwarp(unsigned = 0xffffffffu) { drawbar_thread->wait_for_warp(); }

inline unsigned drawbar_thread_in_block() {
  return (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
}

template <class T>
inline T drawbar_exchange(T value, unsigned from) {
  union Bits {
    T value;
    unsigned long long bits;
  };
  Bits own;
  own.bits = 0;
  own.value = value;
  drawbar_thread->exchange[drawbar_thread_in_block()] = own.bits;
  __syncwarp();
  Bits other;
  other.bits = drawbar_thread->exchange[from];
  __syncwarp();
  return other.value;
}
template <class T>
inline T __shfl_xor_sync(unsigned, T value, int lanes) {
  return drawbar_exchange(value, drawbar_thread_in_block() ^ static_cast<unsigned>(lanes));
}
template <class T>
inline T __shfl_sync(unsigned, T value, int lane) {
  return drawbar_exchange(value, drawbar_thread_in_block() / 32 * 32 + static_cast<unsigned>(lane));
}

/// One thread runs at a time, so that nothing need be atomic.
template <class T>
inline T atomicAdd(T* address, T value) {
  const T before = *address;
  *address = before + value;
  return before;
}
template <class T>
inline T atomicMax(T* address, T value) {
  const T before = *address;
  if (value > before) *address = value;
  return before;
}
template <class T>
inline T atomicMin(T* address, T value) {
  const T before = *address;
  if (value < before) *address = value;
  return before;
}

inline float bits_to_float(unsigned bits) {
  float result;
  __builtin_memcpy(&result, &bits, 4);
  return result;
}
inline unsigned float_to_bits(float value) {
  unsigned result;
  __builtin_memcpy(&result, &value, 4);
  return result;
}

inline float half_to_float(unsigned short bits) {
  const unsigned sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 0x1f,
                 fraction = bits & 0x3ff;
  if (exponent == 0x1f) return bits_to_float(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return bits_to_float(sign | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}
inline unsigned short float_to_half(float value) {
  const unsigned bits = float_to_bits(value);
  const unsigned short sign = static_cast<unsigned short>(bits >> 16 & 0x8000);
  const unsigned magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<unsigned short>(sign | 0x7e00);
  if (magnitude >= 0x477ff000) return static_cast<unsigned short>(sign | 0x7c00);
  if (magnitude < 0x38800000) {  // subnormal: a whole number of 2^-24, rounded as floats are
    const float units = bits_to_float(magnitude) * 0x1p24f;
    const float rounded = (units + 0x1p23f) - 0x1p23f;
    return static_cast<unsigned short>(sign | static_cast<unsigned>(rounded));
  }
  const unsigned rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return static_cast<unsigned short>(sign | (rounded - 0x38000000) >> 13);
}

// The C library's, without its headers.
#pragma GCC visibility push(default)
extern "C" {
float expf(float), exp2f(float), expm1f(float), logf(float), log1pf(float), log2f(float),
    sqrtf(float);
float sinf(float), cosf(float), tanf(float), asinf(float), acosf(float), atanf(float);
float sinhf(float), coshf(float), tanhf(float), asinhf(float), acoshf(float), atanhf(float);
float erff(float), fabsf(float), floorf(float), ceilf(float), rintf(float), truncf(float);
float fmodf(float, float), powf(float, float), fmaf(float, float, float);
float fminf(float, float), fmaxf(float, float), copysignf(float, float), nearbyintf(float);
double exp(double), expm1(double), log(double), log1p(double), sqrt(double);
double sin(double), cos(double), tan(double), asin(double), acos(double), atan(double);
double sinh(double), cosh(double), tanh(double), asinh(double), acosh(double), atanh(double);
double erf(double), fabs(double), floor(double), ceil(double), rint(double), trunc(double);
double fmod(double, double), pow(double, double), fma(double, double, double);
}
#pragma GCC visibility pop
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }

inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fadd_rn(float x, float y) { return x + y; }
/// Of numbers that fit.
inline int __float2int_rn(float x) { return static_cast<int>(rintf(x)); }

// Integer instructions on bytes.

/// sum + Σ a_i · b_i over the four bytes of each, whose types are A and B.
template <class A, class B>
inline int drawbar_dot_four(unsigned a, unsigned b, int sum) {
  unsigned result = static_cast<unsigned>(sum);
  for (int i = 0; i < 4; ++i)
    result += static_cast<unsigned>(static_cast<A>(a >> i * 8) * static_cast<B>(b >> i * 8));
  return static_cast<int>(result);
}
inline int __dp4a(int a, int b, int sum) {
  return drawbar_dot_four<signed char, signed char>(static_cast<unsigned>(a),
                                                    static_cast<unsigned>(b), sum);
}
inline unsigned __dp4a(unsigned a, unsigned b, unsigned sum) {
  return static_cast<unsigned>(
      drawbar_dot_four<unsigned char, unsigned char>(a, b, static_cast<int>(sum)));
}
/// Byte i is that of the eight in a and b that the nibble i of `selector` names.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const unsigned long long bytes = static_cast<unsigned long long>(b) << 32 | a;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i)
    result |= static_cast<unsigned>(bytes >> (selector >> i * 4 & 7) * 8 & 0xff) << i * 8;
  return result;
}
