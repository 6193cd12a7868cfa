#include "drawbar/engine.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/mapped_file.h"
#include "drawbar/session.h"
#include "ir/text.h"
#include "targets/target.h"

namespace drawbar {
namespace {

GraphPtr small_graph() {
  return std::make_shared<const Graph>(parse(R"(graph small(%x: f32[N, 4]) {
    %w = const f32[4, 32] normal(0.0, 1.0, 7)
    %y = MatMul(%x, %w)
    %z = Relu(%y)
    return %z
  })"));
}

std::shared_ptr<Engine> small_engine() {
  CompileOptions options;
  options.profiles = {{{1, 4}}};
  options.time_tactics = false;
  return Engine::compile(small_graph(), "cpu", options,
                         {.source = "small.onnx", .preprocess = "resize=4"});
}

/// A file of this test's own that goes when the test ends.
struct Scratch {
  std::string path;
  explicit Scratch(const std::string& name)
      : path((std::filesystem::temp_directory_path() /
              ("drawbar_" + std::to_string(::getpid()) + "_" + name))
                 .string()) {}
  ~Scratch() { std::filesystem::remove(path); }
  std::string bytes() const { return std::string(MappedFile(path).bytes()); }
  void write(const std::string& bytes) const { std::ofstream(path, std::ios::binary) << bytes; }
};

TEST(Engine, AnswersAfterReloadingAsBefore) {
  const Scratch file("reload.engine");
  const auto engine = small_engine();
  engine->save(file.path);
  const auto loaded = Engine::load(file.path);
  const Tensor x = Tensor::from<float>({2, 4}, {1, -2, 3, -4, 5, 6, -7, 8});
  const auto before = Session(engine).run({&x, 1}), after = Session(loaded).run({&x, 1});
  EXPECT_TRUE(before[0].identical(after[0]));
  EXPECT_EQ(loaded->info().source, "small.onnx");
  EXPECT_EQ(loaded->info().preprocess, "resize=4");
  EXPECT_EQ(loaded->profiles(), engine->profiles());
  EXPECT_EQ(print(loaded->graph()), print(engine->graph()));
}

TEST(Engine, StaysStrictWhenReloaded) {
  const GraphPtr graph = std::make_shared<const Graph>(parse(R"(graph g(%x: f32[N, 32, 28, 28]) {
    %w = const f32[32, 32, 3, 3] normal(0.0, 1.0, 7)
    %y = Conv(%x, %w) {pads_begin = [1, 1], pads_end = [1, 1]}
    return %y
  })"));
  const auto uses_winograd = [](const std::shared_ptr<Engine>& engine) {
    const Tensor x = Tensor::allocate(ElementType::f32, {1, 32, 28, 28});
    for (const StepReport& step : Session(engine).report({&x, 1}).steps) {
      if (step.tactic.find("winograd") != std::string::npos) return true;
    }
    return false;
  };
  for (const bool strict : {false, true}) {
    CompileOptions options;
    options.time_tactics = false;
    options.strict = strict;
    const Scratch file("strict.engine");
    const auto engine = Engine::compile(graph, "cpu", options, {});
    engine->save(file.path);
    EXPECT_EQ(uses_winograd(engine), !strict);
    EXPECT_EQ(uses_winograd(Engine::load(file.path)), !strict);
  }
}

TEST(Engine, SmallestLeavesOutPackedWeightsAndAnswersTheSame) {
  const GraphPtr graph = std::make_shared<const Graph>(parse(R"(graph g(%x: f32[N, 64]) {
    %w = const f32[64, 64] normal(0.0, 0.1, 1)
    %s = const f32[64, 64] normal(0.0, 0.1, 2)
    %m = MatMul(%x, %w)
    %y = MatMul(%m, %s)
    return %y
  })"));
  const Tensor x = Tensor::from<float>({3, 64}, std::vector<float>(192, 0.5f));
  std::vector<Tensor> answers;
  std::vector<size_t> sizes;
  for (const bool smallest : {false, true}) {
    CompileOptions options;
    options.profiles = {{{3, 64}}};
    options.time_tactics = false;
    options.smallest = smallest;
    const Scratch file("smallest.engine"), again("again.engine");
    Engine::compile(graph, "cpu", options, {})->save(file.path);
    const auto engine = Engine::load(file.path);
    answers.push_back(Session(engine, {.threads = 1}).run({&x, 1})[0]);
    engine->save(again.path);
    sizes.push_back(file.bytes().size());
    EXPECT_EQ(again.bytes(), file.bytes()) << "what was packed to run is not saved";
  }
  EXPECT_TRUE(answers[1].identical(answers[0]));
  EXPECT_LT(sizes[1], sizes[0]);
}

TEST(Engine, IsTheSameFileEveryTimeWithoutTiming) {
  const Scratch a("a.engine"), b("b.engine");
  small_engine()->save(a.path);
  small_engine()->save(b.path);
  EXPECT_EQ(a.bytes(), b.bytes());
}

TEST(Engine, RefusesEveryFlippedByte) {
  const Scratch file("flip.engine");
  small_engine()->save(file.path);
  const std::string whole = file.bytes();
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    file.write(damaged);
    EXPECT_THROW(Engine::load(file.path, true), Error) << "byte " << i << " of " << whole.size();
  }
}

TEST(Engine, RefusesEveryTruncation) {
  const Scratch file("cut.engine");
  small_engine()->save(file.path);
  const std::string whole = file.bytes();
  for (size_t size = 0; size < whole.size(); size += 1 + size / 16) {
    file.write(whole.substr(0, size));
    EXPECT_THROW(Engine::load(file.path), Error) << size << " of " << whole.size() << " bytes";
  }
  file.write(whole + "x");
  EXPECT_THROW(Engine::load(file.path), Error);
}

TEST(Engine, FindsDamagedWeightsBeforeTheirFirstUse) {
  // A described constant is drawn, not stored: this graph stores its weights.
  const Scratch file("weights.engine");
  Graph graph;
  const ValueId x = graph.add_input("x", Type(ElementType::f32, {Dim(1), Dim(4)}));
  Tensor w = Tensor::allocate(ElementType::f32, {4, 2048});
  for (int64_t i = 0; i < w.size(); ++i) w.data<float>()[i] = static_cast<float>(i);
  const NodeId node = graph.add_node(Op::named("MatMul", {}), {x, graph.add_constant(w, "w")});
  graph.add_output(graph.node(node).outputs[0], "y");
  CompileOptions options;
  options.time_tactics = false;
  Engine::compile(std::make_shared<const Graph>(std::move(graph)), "cpu", options)->save(file.path);
  std::string bytes = file.bytes();
  const float marker[3] = {41, 42, 43};
  const size_t at = bytes.find(std::string(reinterpret_cast<const char*>(marker), sizeof marker));
  ASSERT_NE(at, std::string::npos);
  bytes[at] ^= 1;
  file.write(bytes);
  Session session(Engine::load(file.path));  // opening looks at no weights
  const Tensor input = Tensor::from<float>({1, 4}, {1, 2, 3, 4});
  try {
    session.run({&input, 1});
    FAIL() << "ran with damaged weights";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_model);
    EXPECT_NE(error.message().find("damaged"), std::string::npos) << error.message();
  }
}

TEST(Engine, NamesTheVersionItCannotRead) {
  const Scratch file("version.engine");
  small_engine()->save(file.path);
  std::string bytes = file.bytes();
  bytes[8] = 9;
  file.write(bytes);
  try {
    Engine::load(file.path);
    FAIL() << "read version 9";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_NE(error.message().find("engine format 9"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace drawbar
