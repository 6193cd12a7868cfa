#include "targets/tactic_table.h"

#include <gtest/gtest.h>

namespace drawbar {
namespace {

TEST(TacticTable, ReadsWhatItWrites) {
  TacticTable table;
  table.flags = {"strict", "f16"};
  table.choices = {{"Conv a b", "winograd"}, {"MatMul", "tiles"}};
  const TacticTable again = TacticTable::parse(table.text());
  EXPECT_EQ(again.flags, table.flags);
  EXPECT_EQ(again.choices, table.choices);
  EXPECT_EQ(again.half(), ElementType::f16);
  EXPECT_EQ(TacticTable().half(), std::nullopt);
  EXPECT_TRUE(TacticTable::parse("").choices.empty());
}

TEST(KnownChoices, KeepsWhatWasAskedFor) {
  KnownChoices choices({{"a", "1"}, {"b", "2"}});
  EXPECT_TRUE(choices.used().empty());
  ASSERT_NE(choices.find("a"), nullptr);
  EXPECT_EQ(choices.find("c"), nullptr);
  choices.add("d", "4");
  const std::map<std::string, std::string> used = {{"a", "1"}, {"d", "4"}};
  EXPECT_EQ(choices.used(), used);
  choices.use_all();
  EXPECT_EQ(choices.used().size(), 3u);
}

}  // namespace
}  // namespace drawbar
