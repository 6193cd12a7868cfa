#include "drawbar/session.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <new>
#include <thread>

#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "targets/target.h"

namespace {
std::atomic<int64_t> allocations{0};
}

// A sanitizer's own operators check that they meet; these would hide that.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define DRAWBAR_COUNTS_ALLOCATIONS
// Not inlined: g++ would see malloc and delete meet, and warn.
[[gnu::noinline]] void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(bytes ? bytes : 1);
}
[[gnu::noinline]] void* operator new(size_t bytes) {
  if (void* p = operator new(bytes, std::nothrow)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
#endif

namespace drawbar {
namespace {

std::shared_ptr<Engine> compiled(const std::string& text) {
  CompileOptions options;
  options.time_tactics = false;
  return Engine::compile(std::make_shared<const Graph>(parse(text)), "cpu", options);
}

const char* const network = R"(graph net(%x: f32[N, 3, 9, 11]) {
  %w = const f32[8, 3, 3, 3] normal(0.0, 0.3, 1)
  %b = const f32[8] normal(0.0, 0.3, 2)
  %c = Conv(%x, %w, %b) {pads_begin = [1, 1], pads_end = [1, 1],
                         strides = [1, 1], dilations = [1, 1]}
  %r = Relu(%c)
  %p = MaxPool(%r) {kernel = [2, 2], strides = [2, 2]}
  return %p
})";

Tensor drawn(Shape shape, unsigned seed) {
  Tensor x = Tensor::allocate(ElementType::f32, std::move(shape));
  for (int64_t i = 0; i < x.size(); ++i)
    x.data<float>()[i] = static_cast<float>((i * 37 + seed * 11) % 101) / 50 - 1;
  return x;
}

TEST(Session, AgreesWithTheReferenceForAnyBatch) {
  const auto engine = compiled(network);
  Session session(engine);
  for (int64_t batch : {1, 3, 2, 1}) {
    const Tensor x = drawn({batch, 3, 9, 11}, 1);
    const auto got = session.run({&x, 1});
    const auto want = evaluate_graph(engine->graph(), {x});
    ASSERT_EQ(got[0].shape(), want[0].shape());
    for (int64_t i = 0; i < want[0].size(); ++i) {
      ASSERT_NEAR(got[0].data<float>()[i], want[0].data<float>()[i], 1e-4)
          << "batch " << batch << " element " << i;
    }
  }
}

TEST(Session, OfACompiledEngineIsPreparedForItsFirstProfile) {
#if !defined(DRAWBAR_COUNTS_ALLOCATIONS)
  GTEST_SKIP() << "allocations are counted in builds by g++ without sanitizers";
#else
  CompileOptions options;
  options.time_tactics = false;
  options.profiles = {{{2, 3, 9, 11}}, {{1, 3, 9, 11}}};
  options.threads = {2};
  const auto engine =
      Engine::compile(std::make_shared<const Graph>(parse(network)), "cpu", options);
  const Tensor x = drawn({2, 3, 9, 11}, 1), other = drawn({1, 3, 9, 11}, 1);
  const auto allocations_of_first_run = [](Session& session, const Tensor& input) {
    const int64_t before = allocations;
    session.run({&input, 1});
    return allocations - before;
  };
  Session prepared(engine, {.threads = 2}), not_prepared(engine, {.threads = 1});
  const int64_t many = allocations_of_first_run(not_prepared, x);
  EXPECT_LT(10 * allocations_of_first_run(prepared, x), many);
  EXPECT_GT(10 * allocations_of_first_run(prepared, other), many);
  not_prepared.prepare({{1, 3, 9, 11}});
  EXPECT_LT(10 * allocations_of_first_run(not_prepared, other), many);
#endif
}

TEST(Session, RefusesToPrepareForWrongShapes) {
  Session session(compiled(network));
  EXPECT_THROW(session.prepare({{1, 3, 9, 12}}), Error);
  EXPECT_THROW(session.prepare({}), Error);
}

TEST(Session, GivesTheSameBitsFromManyThreads) {
  Session session(compiled(network));
  const Tensor x = drawn({2, 3, 9, 11}, 2);
  const Tensor want = session.run({&x, 1})[0];
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) wrong += !session.run({&x, 1})[0].identical(want);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Session, AllocatesNothingForAKnownShape) {
#ifndef DRAWBAR_COUNTS_ALLOCATIONS
  GTEST_SKIP() << "allocations are counted in builds by g++ without sanitizers";
#endif
  Session session(compiled(network));
  const Tensor x = drawn({2, 3, 9, 11}, 3);
  std::vector<Tensor> outputs(1);
  session.run({&x, 1}, outputs);
  session.run({&x, 1}, outputs);
  const int64_t before = allocations;
  for (int i = 0; i < 10; ++i) session.run({&x, 1}, outputs);
  EXPECT_EQ(allocations - before, 0);
}

TEST(Session, WritesIntoTheOutputsGiven) {
  Session session(compiled(network));
  const Tensor x = drawn({1, 3, 9, 11}, 4);
  std::vector<Tensor> outputs(1);
  session.run({&x, 1}, outputs);
  void* const memory = outputs[0].raw();
  session.run({&x, 1}, outputs);
  EXPECT_EQ(outputs[0].raw(), memory);
}

TEST(Session, RunsSizesThatDependOnData) {
  const auto engine = compiled(R"(graph data(%x: f32[N]) {
    %zero = const f32[] [0.0]
    %positive = Greater(%x, %zero)
    %where = NonZero(%positive)
    %shape = const i64[1] [-1]
    %flat = Reshape(%where, %shape)
    %kept = Gather(%x, %flat)
    %twice = Add(%kept, %kept)
    return %twice
  })");
  Session session(engine);
  const Tensor x = Tensor::from<float>({5}, {1, -2, 3, -4, 5});
  const auto got = session.run({&x, 1});
  EXPECT_TRUE(got[0].identical(Tensor::from<float>({3}, {2, 6, 10})));
  const Tensor none = Tensor::from<float>({2}, {-1, -2});
  EXPECT_EQ(session.run({&none, 1})[0].shape(), Shape({0}));
}

/// A graph may leave even ranks open; what has no kernel is run by references, which trust shapes.
TEST(Session, RefusesShapesThatAnOperatorCannotTake) {
  Session session(compiled(R"(graph g(%a: u8[*], %b: u8[*]) {
    %y = MatMulInteger(%a, %b)
    return %y
  })"));
  const auto bytes = [](Shape shape) {
    Tensor result = Tensor::allocate(ElementType::u8, std::move(shape));
    std::fill_n(result.data<uint8_t>(), result.size(), uint8_t{1});
    return result;
  };
  const Tensor right[] = {bytes({2, 3}), bytes({3, 1})};
  EXPECT_TRUE(session.run(right)[0].identical(Tensor::from<int32_t>({2, 1}, {3, 3})));
  const Tensor wrong[][2] = {{bytes({}), bytes({})}, {bytes({2, 1000}), bytes({3, 1})}};
  for (const auto& inputs : wrong) {
    try {
      session.run(inputs);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.message();
    }
  }
}

TEST(Session, RefusesInputsThatDoNotFit) {
  Session session(compiled(network));
  const auto refusal = [&](const Tensor& x) -> std::string {
    try {
      session.run({&x, 1});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return error.message();
    }
    return "ran";
  };
  EXPECT_EQ(refusal(drawn({1, 4, 9, 11}, 1)),
            "input 'x' is f32[1, 4, 9, 11], expected f32[N, 3, 9, 11]");
  EXPECT_EQ(refusal(drawn({3, 9, 11}, 1)), "input 'x' is f32[3, 9, 11], expected f32[N, 3, 9, 11]");
  EXPECT_EQ(refusal(Tensor::allocate(ElementType::f64, {1, 3, 9, 11})),
            "input 'x' is f64[1, 3, 9, 11], expected f32[N, 3, 9, 11]");
}

TEST(Session, EndsAtTheDeadlineAndWhenCancelled) {
  Session session(compiled(network));
  const Tensor x = drawn({1, 3, 9, 11}, 5);
  RunOptions late;
  late.deadline = RunControl::Clock::now() - std::chrono::seconds(1);
  std::atomic<bool> cancelled{true};
  RunOptions stopped;
  stopped.cancelled = &cancelled;
  for (const RunOptions& options : {late, stopped}) {
    try {
      session.run({&x, 1}, options);
      ADD_FAILURE() << "ran";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::deadline_exceeded);
    }
  }
  EXPECT_EQ(session.run({&x, 1}).size(), 1u);
}

}  // namespace
}  // namespace drawbar
