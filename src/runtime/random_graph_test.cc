#include "tests/support/random_graph.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

#include "drawbar/session.h"
#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "targets/target.h"

namespace drawbar {
namespace {

uint64_t setting(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

/// Nothing when b is a up to 2e-3 of a's largest value, else what differs.
std::string difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return to_string(a.shape()) + " against " + to_string(b.shape());
  double largest = 1e-3, worst = 0;
  for (float value : a.values<float>()) largest = std::max<double>(largest, std::fabs(value));
  for (int64_t i = 0; i < a.size(); ++i) {
    const double error = std::fabs(static_cast<double>(a.data<float>()[i]) - b.data<float>()[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  return worst <= 2e-3 * largest ? "" : fmt::format("differs by {} of {}", worst, largest);
}

TEST(RandomGraphs, AnswerTheSameOptimisedPlainAndReloaded) {
  const uint64_t count = setting("DRAWBAR_RANDOM_GRAPHS", 200), first = setting("DRAWBAR_SEED", 1);
  const std::string path = (std::filesystem::temp_directory_path() /
                            ("drawbar_random_" + std::to_string(::getpid()) + ".engine"))
                               .string();
  CompileOptions options;
  options.time_tactics = false;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("DRAWBAR_SEED=" + std::to_string(seed) + " DRAWBAR_RANDOM_GRAPHS=1");
    const Graph plain = random_graph(seed);
    EXPECT_EQ(print(parse(print(plain),
                          [&](std::string_view hash, ElementType, const Shape&) -> ConstantPtr {
                            for (ValueId id = 0; id < plain.value_count(); ++id) {
                              if (plain.value(id).is_constant() &&
                                  plain.value(id).constant->hash().hex() == hash)
                                return plain.value(id).constant;
                            }
                            fail(ErrorCode::internal, "no constant {}", hash);
                          })),
              print(plain));
    const auto inputs = random_inputs(plain, seed, 1 + static_cast<int64_t>(seed % 3));
    const auto want = evaluate_graph(plain, inputs);
    const auto unoptimised =
        Session(Engine::compile(std::make_shared<const Graph>(plain), "cpu", options)).run(inputs);
    const auto engine =
        Engine::compile(std::make_shared<const Graph>(optimize(plain)), "cpu", options);
    const auto optimised = Session(engine).run(inputs);
    engine->save(path);
    const auto reloaded = Session(Engine::load(path, true)).run(inputs);
    ASSERT_EQ(want.size(), optimised.size());
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(difference(want[i], unoptimised[i]), "") << "plain, output " << i << "\n"
                                                         << print(plain);
      EXPECT_EQ(difference(want[i], optimised[i]), "") << "optimised, output " << i << "\n"
                                                       << print(plain) << print(engine->graph());
      EXPECT_TRUE(optimised[i].identical(reloaded[i])) << "reloaded, output " << i;
    }
    if (::testing::Test::HasFailure()) break;
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace drawbar
