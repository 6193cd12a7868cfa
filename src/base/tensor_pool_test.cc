#include "base/tensor_pool.h"

#include <gtest/gtest.h>
#include <thread>

namespace drawbar {
namespace {

constexpr int64_t many = 100'000;

TEST(TensorPool, GivesTheSameMemoryAgain) {
  const auto pool = TensorPool::make();
  Tensor first = pool->allocate(ElementType::f32, {many});
  const void* const memory = first.raw();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 64, 0u);
  EXPECT_TRUE(first.is_owned());
  first = Tensor();
  const Tensor second = pool->allocate(ElementType::i32, {many / 100, 99});
  EXPECT_EQ(second.raw(), memory);
  EXPECT_EQ(pool->kept_bytes(), 0u);
}

TEST(TensorPool, KeepsNoMoreThanWasInUseAtOnce) {
  const auto pool = TensorPool::make();
  { const Tensor large = pool->allocate(ElementType::u8, {10 * many}); }
  const size_t most = pool->kept_bytes();
  EXPECT_GE(most, static_cast<size_t>(10 * many));
  for (int64_t i = 1; i < 10; ++i) {
    { const Tensor other = pool->allocate(ElementType::u8, {i * many}); }
    EXPECT_LE(pool->kept_bytes(), most);
  }
}

TEST(TensorPool, TensorsOutliveTheirPool) {
  auto pool = TensorPool::make();
  Tensor tensor = pool->allocate(ElementType::f32, {many});
  pool.reset();
  tensor.data<float>()[many - 1] = 3;
  EXPECT_EQ(tensor.clone().data<float>()[many - 1], 3);
}

TEST(TensorPool, SmallValuesAndStringsAreNotKept) {
  const auto pool = TensorPool::make();
  { const Tensor small = pool->allocate(ElementType::f32, {7}); }
  { const Tensor text = pool->allocate(ElementType::string, {many}); }
  EXPECT_EQ(pool->kept_bytes(), 0u);
}

TEST(TensorPool, ManyThreads) {
  const auto pool = TensorPool::make();
  std::vector<std::thread> threads;
  for (uint8_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int64_t round = 0; round < 100; ++round) {
        Tensor tensor = pool->allocate(ElementType::u8, {many + round * 1000});
        std::fill_n(tensor.data<uint8_t>(), tensor.size(), i);
        EXPECT_EQ(tensor.data<uint8_t>()[tensor.size() - 1], i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace drawbar
