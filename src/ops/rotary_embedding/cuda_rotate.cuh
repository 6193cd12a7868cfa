#pragma once

// Rotary embedding: a thread turns WIDTH neighbouring elements and their partners, or moves some
// that stay. y may be x.

namespace rotary_embedding {

enum class Positions { none, first, each };

/// The line of cos and sin for a row; a position outside counts as the nearest.
template <Positions POSITIONS, i64 ROWS, i64 CACHED>
__device__ __forceinline__ i64 line_of(const i64* positions, i64 batch, i64 row) {
  if constexpr (POSITIONS == Positions::none) {
    return batch * ROWS + row;
  } else {
    i64 line = POSITIONS == Positions::each ? positions[batch * ROWS + row] : positions[0];
    if (POSITIONS == Positions::first) line += row;
    return line < 0 ? 0 : line >= CACHED ? CACHED - 1 : line;
  }
}

/// COUNT neighbours, in pieces of a size that divides COUNT and SIZE, the distance of heads.
template <int COUNT, int SIZE, class T>
struct Run {
  static __device__ constexpr int piece_size() {
    int piece = COUNT;
    while (SIZE % piece != 0) piece /= 2;
    return piece;
  }
  static constexpr int piece = piece_size();
  using Piece = Several<T, piece>;
  Piece pieces[COUNT / piece];

  __device__ __forceinline__ T& at(int i) { return pieces[i / piece].at[i % piece]; }
  __device__ __forceinline__ void read(const T* from) {
#pragma unroll
    for (int i = 0; i < COUNT / piece; ++i)
      pieces[i] = *reinterpret_cast<const Piece*>(from + i * piece);
  }
  __device__ __forceinline__ void write(T* to) const {
#pragma unroll
    for (int i = 0; i < COUNT / piece; ++i) *reinterpret_cast<Piece*>(to + i * piece) = pieces[i];
  }
};

/// x of BATCH · HEADS · ROWS heads of SIZE elements, as they lie in memory; the first 2 · HALF of
/// each turn, the rest is moved STAY at a time. WIDTH and STAY are powers of two; WIDTH divides
/// HALF, STAY the rest and 2 · HALF.
template <i64 BATCH, i64 HEADS, i64 ROWS, int SIZE, int HALF, bool HEADS_LAST, bool INTERLEAVED,
          Positions POSITIONS, i64 CACHED, int WIDTH, int STAY, class T, class P>
__device__ __forceinline__ void rotate(const T* x, const T* __restrict__ cos,
                                       const T* __restrict__ sin, const P* __restrict__ positions,
                                       T* y) {
  constexpr int turns = HALF / WIDTH, each = turns + (SIZE - 2 * HALF) / STAY;
  using Some = Several<T, WIDTH>;
  const i64 item = global_thread();
  if (item >= BATCH * HEADS * ROWS * each) return;
  const i64 head = item / each;
  const int place = static_cast<int>(item % each);
  const T* from = x + head * SIZE;
  T* to = y + head * SIZE;
  if (place >= turns) {
    const int at = 2 * HALF + (place - turns) * STAY;
    Run<STAY, SIZE, T> same;
    same.read(from + at);
    same.write(to + at);
    return;
  }
  const i64 row = HEADS_LAST ? head / HEADS % ROWS : head % ROWS;
  const i64 line = line_of<POSITIONS, ROWS, CACHED>(reinterpret_cast<const i64*>(positions),
                                                    head / (HEADS * ROWS), row) *
                       HALF +
                   place * WIDTH;
  const Some cosines = *reinterpret_cast<const Some*>(cos + line);
  const Some sines = *reinterpret_cast<const Some*>(sin + line);
  const auto turn = [&](T a, T b, int i, T& first, T& second) {
    const compute_t<T> low = to_compute(a), high = to_compute(b);
    const compute_t<T> c = to_compute(cosines.at[i]), s = to_compute(sines.at[i]);
    first = from_compute<T>(low * c - high * s);
    second = from_compute<T>(low * s + high * c);
  };
  if constexpr (INTERLEAVED) {
    Run<2 * WIDTH, SIZE, T> pairs;
    pairs.read(from + place * 2 * WIDTH);
#pragma unroll
    for (int i = 0; i < WIDTH; ++i)
      turn(pairs.at(2 * i), pairs.at(2 * i + 1), i, pairs.at(2 * i), pairs.at(2 * i + 1));
    pairs.write(to + place * 2 * WIDTH);
  } else {
    Run<WIDTH, SIZE, T> low, high;
    low.read(from + place * WIDTH);
    high.read(from + HALF + place * WIDTH);
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) turn(low.at(i), high.at(i), i, low.at(i), high.at(i));
    low.write(to + place * WIDTH);
    high.write(to + HALF + place * WIDTH);
  }
}

}  // namespace rotary_embedding
