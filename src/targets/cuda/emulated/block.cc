#include "targets/cuda/emulated/block.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/error.h"
#include "targets/cuda/emulated/coroutine.h"

namespace drawbar::cuda {
namespace {

constexpr size_t warp_size = 32;

EmulatedThread::Index index_of(const Extent& extent) {
  return {static_cast<uint32_t>(extent.x), static_cast<uint32_t>(extent.y),
          static_cast<uint32_t>(extent.z)};
}

EmulatedThread::Index place_in(const Extent& extent, int64_t i) {
  return {static_cast<uint32_t>(i % extent.x), static_cast<uint32_t>(i / extent.x % extent.y),
          static_cast<uint32_t>(i / extent.x / extent.y)};
}

/// The threads of one block, each with a stack.
class Block {
 public:
  Block(EmulatedThread& state, size_t threads, bool reversed, const std::function<void()>& body)
      : state_(state), body_(body), reversed_(reversed), threads_(threads), exchange_(threads) {}

  void run(const Extent& block) {
    current_block = this;
    state_.exchange = exchange_.data();
    for (size_t i = 0; i < threads_.size(); ++i) {
      Thread& thread = threads_[i];
      thread.index = place_in(block, static_cast<int64_t>(i));
      thread.state = State::ready;
      thread.stack.restart(&Block::begin, this);
    }
    while (step()) {
    }
    current_block = nullptr;
  }

  static void wait_for_block() { pause(State::at_block_barrier); }
  static void wait_for_warp() { pause(State::at_warp_barrier); }

 private:
  enum class State : uint8_t { ready, at_block_barrier, at_warp_barrier, ended };
  struct Thread {
    Coroutine stack;
    EmulatedThread::Index index;
    State state = State::ready;
  };

  static void begin(void* block) { static_cast<Block*>(block)->body_(); }

  static void pause(State state) {
    if (!current_block) {
      fail(ErrorCode::internal, "a kernel's threads wait for each other, which its launch denies");
    }
    Block& block = *current_block;
    Thread& thread = block.threads_[block.current_];
    thread.state = state;
    thread.stack.pause();
  }

  /// Lets every thread that may run go on once; false when all have ended.
  bool step() {
    bool alive = false, moved = false;
    for (size_t turn = 0; turn < threads_.size(); ++turn) {
      const size_t i = reversed_ ? threads_.size() - 1 - turn : turn;
      Thread& thread = threads_[i];
      alive |= thread.state != State::ended;
      if (thread.state != State::ready) continue;
      moved = true;
      current_ = i;
      state_.thread = thread.index;
      thread.stack.resume();
      if (thread.stack.ended()) thread.state = State::ended;
    }
    if (!alive) return false;
    for (size_t first = 0; first < threads_.size(); first += warp_size)
      moved |= release(first, std::min(first + warp_size, threads_.size()), State::at_warp_barrier);
    moved |= release(0, threads_.size(), State::at_block_barrier);
    if (!moved) {
      current_block = nullptr;
      fail(ErrorCode::internal, "a kernel's threads wait for each other in different places");
    }
    return true;
  }

  /// Where all of these threads wait at the barrier, they go on.
  bool release(size_t first, size_t last, State barrier) {
    for (size_t i = first; i < last; ++i) {
      if (threads_[i].state != barrier) return false;
    }
    for (size_t i = first; i < last; ++i) threads_[i].state = State::ready;
    return true;
  }

  static inline Block* current_block = nullptr;

  EmulatedThread& state_;
  const std::function<void()>& body_;
  bool reversed_;
  std::vector<Thread> threads_;
  std::vector<uint64_t> exchange_;
  size_t current_ = 0;
};

}  // namespace

void run_blocks(EmulatedThread& state, const Extent& grid, const Extent& block, bool synchronises,
                bool reversed, const std::function<void()>& body) {
  state.threads = index_of(block);
  state.blocks = index_of(grid);
  state.wait_for_block = &Block::wait_for_block;
  state.wait_for_warp = &Block::wait_for_warp;
  std::unique_ptr<Block> threads;
  if (synchronises)
    threads = std::make_unique<Block>(state, static_cast<size_t>(block.size()), reversed, body);
  for (int64_t i = 0; i < grid.size(); ++i) {
    state.block = place_in(grid, reversed ? grid.size() - 1 - i : i);
    if (threads) {
      threads->run(block);
      continue;
    }
    for (int64_t k = 0; k < block.size(); ++k) {
      state.thread = place_in(block, reversed ? block.size() - 1 - k : k);
      body();
    }
  }
}

}  // namespace drawbar::cuda
