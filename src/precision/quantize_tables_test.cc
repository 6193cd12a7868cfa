#include "precision/quantize_tables.h"

#include <cmath>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "precision/precision_testing.h"

namespace drawbar {
namespace {

Tensor rows_of(const std::vector<int64_t>& rows) {
  return Tensor::from<int64_t>({std::ssize(rows)}, rows);
}

TEST(QuantizeTables, RowsKeepTheirNumbersToHalfAStep) {
  Graph graph = prepare(parse(R"(graph g(%x: i64[N]) {
    %t = const f32[40, 32] normal(0.0, 1.0, 1)
    %r = Gather(%t, %x)
    return %r
  })"));
  const Tensor x = rows_of({0, 7, -1, 7});
  const std::vector<float> want = run(graph, x);
  quantize_tables(graph);
  verify(graph);
  EXPECT_EQ(operators(graph), (std::map<std::string, int>{{"Cast", 1}, {"Gather", 2}, {"Mul", 1}}));
  const std::vector<float> got = run(graph, x);
  ASSERT_EQ(got.size(), want.size());
  for (size_t row = 0; row < want.size(); row += 32) {
    float most = 0, error = 0;
    for (size_t i = row; i < row + 32; ++i) {
      most = std::max(most, std::fabs(want[i]));
      error = std::max(error, std::fabs(got[i] - want[i]));
    }
    EXPECT_LE(error, most / 253) << "row " << row / 32;
    EXPECT_GT(error, 0);
  }
}

TEST(QuantizeTables, OneTableForAllWhoReadIt) {
  Graph graph = prepare(parse(R"(graph g(%x: i64[2, 3]) {
    %t = const f32[40, 32] normal(0.0, 1.0, 1)
    %a = Gather(%t, %x)
    %z = Neg(%x)
    %b = Gather(%t, %z)
    %y = Add(%a, %b)
    return %y
  })"));
  quantize_tables(graph);
  verify(graph);
  size_t tables = 0;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const Value& value = graph.value(id);
    tables +=
        value.is_constant() && graph.is_used(id) && value.type.tensor.element == ElementType::i8;
  }
  EXPECT_EQ(tables, 1u);
}

TEST(QuantizeTables, LeavesTheRest) {
  for (const char* text :
       {"graph g(%x: i64[N]) { %t = const f32[8, 8] normal(0.0, 1.0, 1); %y = Gather(%t, %x); "
        "return %y }",
        "graph g(%x: i64[N]) { %t = const f32[40, 32] normal(0.0, 1.0, 1); "
        "%y = Gather(%t, %x) {axis = 1}; return %y }",
        "graph g(%x: i64[N], %t: f32[40, 32]) { %y = Gather(%t, %x); return %y }"}) {
    Graph graph = prepare(parse(text));
    const std::string before = print(graph);
    quantize_tables(graph);
    EXPECT_EQ(print(graph), before);
  }
}

}  // namespace
}  // namespace drawbar
