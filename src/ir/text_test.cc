#include "ir/text.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace drawbar {
namespace {

/// Prints and reads until nothing changes; the first print must already be stable.
void expect_round_trip(const std::string& text) {
  const Graph graph = parse(text);
  verify(graph);
  const std::string printed = print(graph);
  EXPECT_EQ(print(parse(printed)), printed);
}

TEST(Text, RoundTrips) {
  const char* texts[] = {
      "graph main(%x: f32[N, 3, 224, 224]) { %y = Relu(%x) return %y as \"out put\" }",
      "graph \"odd/name\"(%\"a b\": f32[2], %c/d:0: bool[2]) {\n"
      "  %y = Where(%c/d:0, %\"a b\", %\"a b\") \"node \\\"1\\\"\"\n  return %y, %\"a b\"\n}",
      "graph g(%x: f32[*]) { %y = Identity(%x); return %y }",
      "graph g(%x: seq(f32[N]), %o: opt(seq(i64[2])), %m: map(string, f32[1])) {\n"
      "  %y = Identity(%x); %z = Identity(%m); return %y, %o, %z }",
      "graph g(%x: f32[4]) { %c = const f32[4] [1.5, -inf, nan, 1e-40]; %y = Add(%x, %c) return %y "
      "}",
      "graph g() { %c = const i64[2, 2] [1, -2, 3, 9223372036854775807]; return %c }",
      "graph g() { %c = const u64[1] [18446744073709551615]; return %c }",
      "graph g() { %c = const string[2] [\"a\\\"b\", \"\\x0a\"]; %e = const f32[0] []; return %c, "
      "%e }",
      "graph g() { %c = const bool[3] [1, 0, 1]; %s = const f64[] [0.1]; return %c, %s }",
      "graph g() { %c = const f32[64, 64] normal(0.0, 0.02, 7); return %c }",
      "graph g(%x: f32[N, 8]) { %y = Softmax(%x) {axis = 0, log = true} \"s\" return %y }",
      "graph g(%x: f32[N, floordiv(H + 1, 2), min(N, M)]) { %y = Neg(%x); return %y }",
      "graph g(%x: f32[3]) { // a comment\n  return %x\n}",
      "graph g(%x: f32[N]) {\n  bound ?a.b <= 2*N\n  return %x\n}",
      "graph g(%x: f32[2]) { %y = Clip(%x) {min = -1.0, max = inf}; return %y }",
  };
  for (const char* text : texts) {
    SCOPED_TRACE(text);
    try {
      expect_round_trip(text);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

TEST(Text, LargeConstantsAreNamedByTheirHash) {
  Graph graph;
  Tensor large = Tensor::allocate(ElementType::f32, {100});
  for (int64_t i = 0; i < 100; ++i) write_number(large, i, static_cast<double>(i));
  const auto constant = std::make_shared<const Constant>(large);
  graph.add_output(graph.add_constant(constant, "c"), "c");
  const std::string printed = print(graph);
  EXPECT_NE(printed.find("@" + constant->hash().hex()), std::string::npos) << printed;
  EXPECT_THROW(parse(printed), Error);
  int asked = 0;
  const Graph read = parse(printed, [&](std::string_view hash, ElementType, const Shape&) {
    ++asked;
    EXPECT_EQ(hash, constant->hash().hex());
    return constant;
  });
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(print(read), printed);
}

TEST(Text, ValuesOfOneNameArePrintedApart) {
  Graph graph;
  const ValueId x = graph.add_input("x", Type(ElementType::f32, {Dim(2)}));
  const ValueId c = graph.add_constant(Tensor::from<float>({2}, {1, 2}), "x");
  const NodeId add = graph.add_node(Op::named("Add", {}), {x, c}, 1, "x");
  graph.set_value_name(graph.node(add).outputs[0], "x");
  graph.add_output(graph.node(add).outputs[0], "x");
  EXPECT_EQ(print(parse(print(graph))), print(graph));
}

TEST(Text, RefusesWithTheLine) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "expected a word"},
      {"graph g() {", "expected a word"},
      {"graph g() { return }x", "text after the graph"},
      {"graph g(%x: f33[2]) { return %x }", "unknown element type"},
      {"graph g(%x: f32[-2]) { return %x }", "negative"},
      {"graph g(%x: f32[2]) {\n %y = Nope(%x)\n return %y }", "line 2: unknown operator Nope"},
      {"graph g(%x: f32[2]) { %y = Relu(%z) return %y }", "'z' is not defined"},
      {"graph g(%x: f32[2]) { %x = Relu(%x) return %x }", "defined twice"},
      {"graph g(%x: f32[2]) { %y: f32[3] = Relu(%x) return %y }", "inferred as f32[2]"},
      {"graph g(%x: f32[2]) { %y = Relu(%x) {a = 1} return %y }", "no attribute 'a'"},
      {"graph g(%x: f32[2]) { %y = Softmax(%x) {axis = \"a\"} return %y }", "wrong type"},
      {"graph g() { %c = const f32[100] [1] return %c }", "at most 64"},
      {"graph g() { %c = const f32[2] [1] return %c }", "expected ','"},
      {"graph g() { %c = const f32[N] [1] return %c }", "static"},
      {"graph g() { %c = const f32[4611686018427387904, 4] [1] return %c }", "overflows"},
      {"graph g() { %c = const f32[2] @0123 return %c }", "no source"},
      {"graph g() { %c = const string[2] [\"a return %c }", "unterminated"},
      {"graph g() { %c = const f32[1] gauss(0, 1, 2) return %c }", "distribution"},
  };
  for (const auto& [text, words] : wrong) {
    try {
      parse(text);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_model) << error.what();
      EXPECT_NE(error.message().find(words), std::string::npos)
          << text << "\n  says: " << error.message() << "\n  lacks: " << words;
    }
  }
}

TEST(Text, NestingIsLimited) {
  std::string types = "graph g(%x: ";
  for (int i = 0; i < 100000; ++i) types += "seq(";
  EXPECT_THROW(parse(types), Error);
  std::string dims = "graph g(%x: f32[";
  for (int i = 0; i < 100000; ++i) dims += "(";
  EXPECT_THROW(parse(dims + "]) { return %x }"), Error);
  std::string graphs;
  for (int i = 0; i < 100000; ++i) graphs += "graph g(%x: f32[1]) { %y = Identity(%x) ";
  EXPECT_THROW(parse(graphs), Error);
}

}  // namespace
}  // namespace drawbar
