// Vector kernels with Highway, compiled once per instruction set and chosen at run time by isa().
//
// A kernel file includes itself through this header:
//
//     // src/targets/cpu/scale.cc
//     #include "targets/cpu/scale.h"                 // ordinary headers first
//
//     #undef HWY_TARGET_INCLUDE
//     #define HWY_TARGET_INCLUDE "targets/cpu/scale.cc"
//     #include "targets/cpu/simd.h"
//
//     HWY_BEFORE_NAMESPACE();
//     namespace drawbar::cpu::HWY_NAMESPACE {        // compiled once per instruction set
//     namespace hn = hwy::HWY_NAMESPACE;
//     void scale(float* x, int64_t n, float factor) { … hn::ScalableTag<float> … }
//     }
//     HWY_AFTER_NAMESPACE();
//
//     #if HWY_ONCE
//     namespace drawbar::cpu {
//     void scale(float* x, int64_t n, float factor) { DRAWBAR_SIMD(scale)(x, n, factor); }
//     }
//     #endif
//
// Only what stands between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE is compiled for the wider
// sets. Names there must be in the HWY_NAMESPACE (never in an unnamed namespace shared by all), and
// inline functions of other headers must not be defined there. The sets are Highway's EMU128 or,
// with g++ before 12.3, SCALAR (one lane and no shuffles: guard those with HWY_TARGET !=
// HWY_SCALAR; plain C++, Isa::baseline), AVX2 and AVX3. libhwy itself is not linked. No include
// guard by intent: what follows runs once per instruction set.

#include "targets/cpu/isa.h"

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif

// Highway's own checks, which sanitizers would turn on, need libhwy.
#ifndef HWY_IS_DEBUG_BUILD
#define HWY_IS_DEBUG_BUILD 0
#endif

#include <hwy/foreach_target.h>  // NOLINT: must come before highway.h
//
#include <hwy/highway.h>

#ifndef DRAWBAR_SIMD
#if HWY_TARGETS & HWY_AVX3
#define DRAWBAR_SIMD_AVX3(...) &N_AVX3::__VA_ARGS__
#else
#define DRAWBAR_SIMD_AVX3(...) &HWY_NAMESPACE::__VA_ARGS__
#endif
#if HWY_TARGETS & HWY_AVX2
#define DRAWBAR_SIMD_AVX2(...) &N_AVX2::__VA_ARGS__
#else
#define DRAWBAR_SIMD_AVX2(...) &HWY_NAMESPACE::__VA_ARGS__
#endif

/// The version for a given Isa (which the processor must have) of a function or function template's
/// instance: a function pointer. Use it in the namespace that encloses HWY_NAMESPACE, under
/// HWY_ONCE.
#define DRAWBAR_SIMD_FOR(isa, ...)                                       \
  ((isa) >= ::drawbar::cpu::Isa::avx512 ? DRAWBAR_SIMD_AVX3(__VA_ARGS__) \
   : (isa) == ::drawbar::cpu::Isa::avx2 ? DRAWBAR_SIMD_AVX2(__VA_ARGS__) \
                                        : &HWY_NAMESPACE::__VA_ARGS__)

/// The version for isa().
#define DRAWBAR_SIMD(...) DRAWBAR_SIMD_FOR(::drawbar::cpu::isa(), __VA_ARGS__)
#endif  // DRAWBAR_SIMD
