#pragma once

// Copies of elements from one order in memory to another (ops/movement/strided_copy.h). Elements
// are bits: types of one size share the code, and neighbours that stay neighbours are one element
// of up to 16 bytes. Built by cuda_copy.cc.

namespace movement {

/// Elements of so many bytes.
template <int BYTES>
struct Element;
template <>
struct Element<1> {
  using type = unsigned char;
};
template <>
struct Element<2> {
  using type = unsigned short;
};
template <>
struct Element<4> {
  using type = unsigned;
};
template <>
struct Element<8> {
  using type = u64;
};
template <>
struct Element<16> {
  using type = Several<unsigned, 4>;
};
template <int BYTES>
using element_t = typename Element<BYTES>::type;

/// A dimension: its size, and the elements between neighbours of the source and the destination.
template <i64 SIZE, i64 FROM, i64 TO>
struct Axis {};

/// Offsets of a position counted over axes, the first one innermost.
template <class Index, class... Axes>
struct Walk {
  static __device__ __forceinline__ void add(Index, Index&, Index&) {}
};
template <class Index, i64 SIZE, i64 FROM, i64 TO, class... Rest>
struct Walk<Index, Axis<SIZE, FROM, TO>, Rest...> {
  static __device__ __forceinline__ void add(Index position, Index& from, Index& to) {
    Index i = position;
    if constexpr (sizeof...(Rest) > 0) {
      const Index next = position / static_cast<Index>(SIZE);
      i -= next * static_cast<Index>(SIZE);
      Walk<Index, Rest...>::add(next, from, to);
    }
    from += i * static_cast<Index>(FROM);
    to += i * static_cast<Index>(TO);
  }
};

constexpr int kCopyThreads = 256;

/// Block `block` of a copy. A thread has ITEMS groups of STORE neighbours of the destination, whose
/// sources lie STEP apart; the axes count groups, COUNT of them.
template <int BYTES, class Index, int ITEMS, int STORE, i64 STEP, i64 COUNT, i64 FROM, i64 TO,
          class... Axes>
__device__ __forceinline__ void copy_strided(const void* source, void* destination, i64 block) {
  using T = element_t<BYTES>;
  const T* __restrict__ from = static_cast<const T*>(source) + FROM;
  T* __restrict__ to = static_cast<T*>(destination) + TO;
  Several<T, STORE> values[ITEMS];
  Index targets[ITEMS];
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const i64 item = (block * ITEMS + k) * kCopyThreads + threadIdx.x;
    if (item >= COUNT) continue;
    Index at = 0;
    targets[k] = 0;
    Walk<Index, Axes...>::add(static_cast<Index>(item), at, targets[k]);
#pragma unroll
    for (int i = 0; i < STORE; ++i)
      values[k].at[i] = STEP == 0 && i > 0 ? values[k].at[0] : from[at + i * STEP];
  }
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    if ((block * ITEMS + k) * kCopyThreads + threadIdx.x >= COUNT) continue;
    *reinterpret_cast<Several<T, STORE>*>(to + targets[k]) = values[k];
  }
}

/// What a block of `copy_tiles` moves: INNER neighbours of the destination times ACROSS neighbours
/// of the source, in tiles.
template <i64 ACROSS, int ACROSS_TILE, i64 INNER, int INNER_TILE>
struct Tiles {
  static constexpr i64 across = ACROSS, inner = INNER;
  static constexpr int across_tile = ACROSS_TILE, inner_tile = INNER_TILE;
  static constexpr i64 across_tiles = (ACROSS + ACROSS_TILE - 1) / ACROSS_TILE;
  static constexpr i64 inner_tiles = (INNER + INNER_TILE - 1) / INNER_TILE;
};

/// One side of a tile: `row` and `column` of unit `unit` of WIDTH elements, where lines of LINE
/// elements follow one another.
template <int LINE, int WIDTH>
struct Unit {
  int row, column;
  __device__ __forceinline__ explicit Unit(int unit)
      : row(unit * WIDTH / LINE), column(unit * WIDTH - row * LINE) {}
};

/// A transposition through shared memory, whose lines are an odd number of elements apart so that
/// neither side has threads meet in a bank. Lines of the source lie FROM_LINE elements apart, those
/// of the destination TO_LINE; LOAD and STORE elements are moved at once. Tiles that are whole and
/// have no gaps between their lines (FLAT_…) count as one line there. The axes count tiles' copies.
template <int BYTES, class Size, int LOAD, int STORE, bool FLAT_LOAD, bool FLAT_STORE,
          i64 FROM_LINE, i64 TO_LINE, i64 FROM, i64 TO, class... Axes>
__device__ __forceinline__ void copy_tiles(const void* source, void* destination) {
  using T = element_t<BYTES>;
  constexpr int across_tile = Size::across_tile, inner_tile = Size::inner_tile;
  constexpr int elements = across_tile * inner_tile;
  constexpr int loads = (elements + kCopyThreads * LOAD - 1) / (kCopyThreads * LOAD);
  constexpr int stores = (elements + kCopyThreads * STORE - 1) / (kCopyThreads * STORE);
  __shared__ T tile[inner_tile][across_tile | 1];

  constexpr unsigned across_tiles = static_cast<unsigned>(Size::across_tiles);
  constexpr unsigned inner_tiles = static_cast<unsigned>(Size::inner_tiles);
  const unsigned line = blockIdx.x / across_tiles;
  const i64 a0 = i64{blockIdx.x % across_tiles} * across_tile;
  const i64 i0 = i64{line % inner_tiles} * inner_tile;
  i64 from_base = FROM + i0 * FROM_LINE + a0, to_base = TO + a0 * TO_LINE + i0;
  Walk<i64, Axes...>::add(i64{line / inner_tiles}, from_base, to_base);
  const T* __restrict__ from = static_cast<const T*>(source) + from_base;
  T* __restrict__ to = static_cast<T*>(destination) + to_base;
  const int across =
      Size::across - a0 < across_tile ? static_cast<int>(Size::across - a0) : across_tile;
  const int inner = Size::inner - i0 < inner_tile ? static_cast<int>(Size::inner - i0) : inner_tile;

  Several<T, LOAD> values[loads];
#pragma unroll
  for (int k = 0; k < loads; ++k) {
    const int unit = k * kCopyThreads + static_cast<int>(threadIdx.x);
    const Unit<across_tile, LOAD> at(unit);
    if (at.row >= inner || at.column >= across) continue;
    const i64 offset = FLAT_LOAD ? i64{unit} * LOAD : at.row * FROM_LINE + at.column;
    values[k] = *reinterpret_cast<const Several<T, LOAD>*>(from + offset);
  }
#pragma unroll
  for (int k = 0; k < loads; ++k) {
    const int unit = k * kCopyThreads + static_cast<int>(threadIdx.x);
    const Unit<across_tile, LOAD> at(unit);
    if (at.row >= inner || at.column >= across) continue;
#pragma unroll
    for (int i = 0; i < LOAD; ++i) {
      const Unit<across_tile, 1> one(unit * LOAD + i);
      tile[one.row][one.column] = values[k].at[i];
    }
  }
  __syncthreads();
#pragma unroll
  for (int k = 0; k < stores; ++k) {
    const int unit = k * kCopyThreads + static_cast<int>(threadIdx.x);
    const Unit<inner_tile, STORE> at(unit);
    if (at.row >= across || at.column >= inner) continue;
    const i64 offset = FLAT_STORE ? i64{unit} * STORE : at.row * TO_LINE + at.column;
    if constexpr (STORE == 1) {
      to[offset] = tile[at.column][at.row];
    } else {  // composed, since the compiler does not join stores between other loads
      unsigned word = 0;
#pragma unroll
      for (int i = 0; i < STORE; ++i) {
        const Unit<inner_tile, 1> one(unit * STORE + i);
        word |= static_cast<unsigned>(tile[one.column][one.row]) << (8 * BYTES * i);
      }
      using Word = element_t<BYTES * STORE>;
      *reinterpret_cast<Word*>(to + offset) = static_cast<Word>(word);
    }
  }
}

}  // namespace movement
