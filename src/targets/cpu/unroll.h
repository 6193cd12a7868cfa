#pragma once

/// In front of a loop of a constant number of turns: it is unrolled whole.
#ifdef __clang__
#define DRAWBAR_UNROLL _Pragma("clang loop unroll(full)")
#else
#define DRAWBAR_UNROLL _Pragma("GCC unroll 32")
#endif
