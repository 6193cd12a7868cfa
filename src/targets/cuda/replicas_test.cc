#include "targets/cuda/replicas.h"

#include <barrier>
#include <gtest/gtest.h>
#include <thread>

#include "base/checked.h"
#include "ir/text.h"
#include "targets/cuda/layout.h"
#include "tests/support/cuda_plan_context.h"

namespace drawbar::cuda {
namespace {

/// %c is a view of %b, so that both outputs are one memory.
constexpr const char* text = R"(graph main(%x: f32[4, 8], %s: f32[4, 8]) {
  %shape = const i64[2] [8, 4]
  %a: f32[4, 8] = Add(%x, %s)
  %b: f32[4, 8] = Relu(%a)
  %c: f32[8, 4] = Reshape(%b, %shape)
  %d: f32[4, 8] = Exp(%a)
  return %b, %c, %d
}
)";

std::shared_ptr<Plan> plan_on(int index) {
  const PlanContext context = plan_context(emulated_gpu(index));
  return std::make_shared<Plan>(laid_out(parse(text), context.info), context);
}

Tensor on_gpu(int index, const Shape& shape, std::span<const float> values = {}) {
  const std::shared_ptr<void> memory =
      emulated_gpu(index)->allocate(static_cast<size_t>(4 * element_count(shape)));
  if (!values.empty()) std::copy(values.begin(), values.end(), static_cast<float*>(memory.get()));
  return Tensor::view(ElementType::f32, shape, memory.get(), memory, {Place::Kind::cuda, index});
}

/// Emulated memory is the host's.
std::vector<float> numbers(const Tensor& tensor) {
  const auto* values = static_cast<const float*>(tensor.raw());
  return {values, values + tensor.size()};
}

struct Case {
  std::vector<float> x = std::vector<float>(32), s = std::vector<float>(32), b, d;
  explicit Case(float start) {
    for (size_t i = 0; i < 32; ++i) {
      x[i] = start + static_cast<float>(i) * 0.25f;
      s[i] = -static_cast<float>(i) * 0.125f;
      b.push_back(std::max(x[i] + s[i], 0.0f));
      d.push_back(std::exp(x[i] + s[i]));
    }
  }
  void expect(std::span<const Tensor> outputs) const {
    EXPECT_EQ(numbers(outputs[0]), b);
    EXPECT_EQ(numbers(outputs[1]), b);
    for (size_t i = 0; i < 32; ++i) EXPECT_NEAR(numbers(outputs[2])[i], d[i], 1e-5 * d[i]);
  }
};

TEST(CudaPlan, ReadsAndWritesTheCallersMemory) {
  const std::shared_ptr<Plan> plan = plan_on(0);
  ThreadPool pool(1);
  EXPECT_TRUE(plan->takes({Place::Kind::cuda, 0}));
  EXPECT_FALSE(plan->takes({Place::Kind::cuda, 1}));
  // One of each side on the device, in turns with other memory: step by step, recorded, replayed.
  const Case first(-3), second(1);
  const Tensor s = Tensor::from<float>({4, 8}, first.s);
  const std::vector<Tensor> one = {on_gpu(0, {4, 8}, first.x), s},
                            other = {on_gpu(0, {4, 8}, second.x), s},
                            host = {Tensor::from<float>({4, 8}, first.x), s};
  std::vector<Tensor> there = {on_gpu(0, {4, 8}), on_gpu(0, {8, 4}), on_gpu(0, {4, 8})}, here(3);
  const void* const memory = there[2].raw();
  for (int round = 0; round < 3; ++round) {
    plan->run(one, there, {}, pool);
    first.expect(there);
    EXPECT_EQ(there[2].raw(), memory);
    EXPECT_FALSE(there[2].is_on_host());
    plan->run(other, there, {}, pool);
    second.expect(there);
    plan->run(host, here, {}, pool);
    first.expect(here);
    EXPECT_TRUE(here[2].is_on_host());
    EXPECT_EQ(numbers(one[0]), first.x);  // inputs are not written
  }
}

TEST(CudaPlan, TakesMemoryThatIsNotAligned) {
  const std::shared_ptr<Plan> plan = plan_on(0);
  ThreadPool pool(1);
  const Case problem(0.5f);
  std::vector<float> padded(1, 0);
  padded.insert(padded.end(), problem.x.begin(), problem.x.end());
  padded.resize(36);
  Tensor x = on_gpu(0, {36}, padded), d = on_gpu(0, {36});
  const auto part = [](Tensor& tensor) {
    return Tensor::view(ElementType::f32, {4, 8}, static_cast<float*>(tensor.raw()) + 1, {},
                        tensor.place());
  };
  const std::vector<Tensor> inputs = {part(x), Tensor::from<float>({4, 8}, problem.s)};
  for (int round = 0; round < 3; ++round) {
    std::vector<Tensor> outputs = {Tensor(), Tensor(), part(d)};
    plan->run(inputs, outputs, {}, pool);
    problem.expect(outputs);
    EXPECT_EQ(outputs[2].raw(), static_cast<float*>(d.raw()) + 1);
  }
}

TEST(CudaReplicas, RunsGoWhereTheirTensorsLieElseWhereFewestRun) {
  std::atomic<int> made = 0;
  const std::vector<int> indices = {0, 1};
  Replicas replicas(indices, [&](int index) {
    ++made;
    return plan_on(index);
  });
  EXPECT_EQ(made, 1);
  ThreadPool pool(1);
  const Case problem(2);
  const std::vector<Tensor> host = {Tensor::from<float>({4, 8}, problem.x),
                                    Tensor::from<float>({4, 8}, problem.s)};
  std::vector<Tensor> outputs(3);
  for (int i = 0; i < 3; ++i) replicas.run(host, outputs, {}, pool);
  EXPECT_EQ(made, 1);  // one caller needs one device
  const std::vector<Tensor> second = {on_gpu(1, {4, 8}, problem.x), host[1]};
  replicas.run(second, outputs, {}, pool);
  problem.expect(outputs);
  EXPECT_EQ(made, 2);
  std::vector<Tensor> elsewhere = {Tensor(), Tensor(), on_gpu(0, {4, 8})};
  EXPECT_THROW(replicas.run(second, elsewhere, {}, pool), Error);
  EXPECT_FALSE(replicas.takes({Place::Kind::cuda, 2}));
  EXPECT_TRUE(replicas.takes({Place::Kind::cuda, 1}));

  std::barrier together(4);
  std::vector<std::jthread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      ThreadPool own(1);
      std::vector<Tensor> results(3);
      together.arrive_and_wait();
      for (int run = 0; run < 8; ++run) {
        replicas.run(host, results, {}, own);
        problem.expect(results);
      }
    });
  }
}

TEST(CudaReplicas, ADeviceThatFailsIsTriedAgainAndLeavesTheOthersAlive) {
  int tries = 0;
  const std::vector<int> indices = {0, 1};
  Replicas replicas(indices, [&](int index) {
    if (index == 1 && ++tries == 1) fail(ErrorCode::resource_exhausted, "no memory");
    return plan_on(index);
  });
  ThreadPool pool(1);
  const Case problem(-1);
  std::vector<Tensor> outputs(3);
  const std::vector<Tensor> host = {Tensor::from<float>({4, 8}, problem.x),
                                    Tensor::from<float>({4, 8}, problem.s)};
  const std::vector<Tensor> second = {on_gpu(1, {4, 8}, problem.x), host[1]};
  EXPECT_THROW(replicas.run(second, outputs, {}, pool), Error);
  replicas.run(host, outputs, {}, pool);
  problem.expect(outputs);
  replicas.run(second, outputs, {}, pool);
  problem.expect(outputs);
  EXPECT_EQ(tries, 2);
}

}  // namespace
}  // namespace drawbar::cuda
