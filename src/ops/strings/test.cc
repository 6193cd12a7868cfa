#include "base/run_control.h"
#include "ir/evaluate_graph.h"
#include "ops/strings/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using namespace ops;

using Strings = std::vector<std::string>;

Strings strings(const Tensor& tensor) {
  const auto values = tensor.values<std::string>();
  return {values.begin(), values.end()};
}

Tensor row(const Strings& values) {
  return Tensor::from<std::string>({static_cast<int64_t>(values.size())}, values);
}

ErrorCode code_of(const Op& op, const std::vector<Tensor>& inputs, const RunControl& control = {}) {
  try {
    evaluate_op(op, inputs, 1, control);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

const OpCase cases[] = {
    {"concat", StringConcat{}, {"string[7, 13]", "string[7, 13]"}},
    {"concat, broadcast", StringConcat{}, {"string[7, 1]", "string[1, 129]"}},
    {"concat, ranks", StringConcat{}, {"string[127]", "string[2, 1, 1]"}},
    {"concat, scalars", StringConcat{}, {"string[]", "string[]"}},
    {"concat, nothing", StringConcat{}, {"string[]", "string[0, 3]"}},
    {"split", StringSplit{}, {"string[127]"}, 2},
    {"split at a letter", StringSplit{"s"}, {"string[3, 129]"}, 2},
    {"split never", StringSplit{"s", 0}, {"string[13]"}, 2},
    {"split text", StringSplit{}, {"string[2] = [\" a  bc\", \"\"]"}, 2},
    {"split once", StringSplit{",", 1}, {"string[1, 2] = [\"a,b,c\", \"d\"]"}, 2},
    {"split as often as can be said", StringSplit{",", INT64_MAX}, {"string[1] = [\"a,b\"]"}, 2},
    {"split a scalar", StringSplit{"s"}, {"string[]"}, 2},
    {"split nothing", StringSplit{}, {"string[7, 0]"}, 2},
    {"normalize", StringNormalizer{}, {"string[13]"}},
    {"normalize a row", StringNormalizer{.case_change = CaseChange::upper}, {"string[1, 127]"}},
    {"normalize, stop words", StringNormalizer{.stopwords = {"S1", "s2"}}, {"string[129]"}},
    {"normalize, exact stop words",
     StringNormalizer{
         .case_change = CaseChange::upper, .is_case_sensitive = true, .stopwords = {"S1", "s2"}},
     {"string[1, 129]"}},
    {"normalize to nothing", StringNormalizer{.stopwords = {"a"}}, {"string[1] = [\"A\"]"}},
    {"normalize nothing", StringNormalizer{}, {"string[0]"}},
    {"normalize a row of nothing", StringNormalizer{.stopwords = {"a"}}, {"string[1, 0]"}},
};

const OpCase regex_cases[] = {
    {"match", RegexFullMatch{"s[0-4]"}, {"string[7, 129]"}},
    {"match a scalar", RegexFullMatch{"s[0-4]"}, {"string[]"}},
    {"match nothing", RegexFullMatch{""}, {"string[0, 3]"}},
};

const Rejection rejected[] = {
    {"concat floats", StringConcat{}, {"string[3]", "f32[3]"}, "y is f32, expected string"},
    {"concat shapes", StringConcat{}, {"string[3]", "string[4]"}, "3 against 4"},
    {"concat one", StringConcat{}, {"string[3]"}, "has 1 inputs"},
    {"split integers", StringSplit{}, {"i64[3]"}, "x is i64, expected string", 2},
    {"normalize floats", StringNormalizer{}, {"f32[3]"}, "x is f32, expected string"},
    {"normalize rows", StringNormalizer{}, {"string[2, 3]"}, "x is [2, 3], expected [C] or [1, C]"},
    {"normalize a scalar", StringNormalizer{}, {"string[]"}, "x is [], expected [C] or [1, C]"},
    {"locale",
     StringNormalizer{.case_change = CaseChange::lower, .locale = "../x"},
     {"string[3]"},
     "locale is \"../x\", expected a language and a territory like en_US"},
    {"encoding",
     StringNormalizer{.locale = "en_US.ISO-8859-1", .stopwords = {"a"}},
     {"string[3]"},
     "locale \"en_US.ISO-8859-1\": strings are UTF-8"},
    {"stop word",
     StringNormalizer{.stopwords = {"a", "\xff"}},
     {"string[3]"},
     "stop word 1 is not UTF-8"},
};

const Rejection rejected_regex[] = {
    {"floats", RegexFullMatch{"a"}, {"f32[3]"}, "x is f32, expected string"},
    {"parenthesis",
     RegexFullMatch{"(a"},
     {"string[3]"},
     "pattern \"(a\" is no regular expression: \"missing )"},
    {"look-ahead", RegexFullMatch{"(?=a)"}, {"string[3]"}, "is no regular expression"},
    {"encoding", RegexFullMatch{"\xff"}, {"string[3]"}, "invalid UTF-8"},
    {"repetitions", RegexFullMatch{"a{1001}"}, {"string[3]"}, "invalid repetition size: {1001}"},
};

TEST(Strings, AgreeOnEveryTarget) { expect_targets_agree(cases); }
TEST(Strings, RefuseBadNodes) { expect_rejected(rejected); }

TEST(StringConcat, StopsAtTheBudget) {
  RunControl control;
  control.memory_budget = 1 << 20;
  const Tensor large = row({std::string(600 << 10, 'x')});
  EXPECT_EQ(code_of(StringConcat{}, {large, large}, control), ErrorCode::resource_exhausted);
  EXPECT_EQ(strings(run_reference(StringConcat{}, {row({"a", ""}), row({"\xc3\xa9"})})[0]),
            (Strings{"a\xc3\xa9", "\xc3\xa9"}));
}

void expect_pieces(const StringSplit& op, const std::string& text, const Strings& pieces) {
  const auto results = run_reference(op, {row({text})}, 2);
  EXPECT_EQ(strings(results[0]), pieces) << text;
  EXPECT_EQ(results[1].data<int64_t>()[0], static_cast<int64_t>(pieces.size())) << text;
}

TEST(StringSplit, SplitsAsPythonDoes) {
  expect_pieces({","}, "a,,b,", {"a", "", "b", ""});
  expect_pieces({","}, "", {""});
  expect_pieces({","}, ",", {"", ""});
  expect_pieces({",", 1}, "a,b,c", {"a", "b,c"});
  expect_pieces({",", 0}, "a,b", {"a,b"});
  expect_pieces({"aa"}, "aaaaa", {"", "", "a"});
  expect_pieces({}, " a \t\n b\xe3\x80\x80 c\xc2\xa0", {"a", "b", "c"});
  expect_pieces({}, " \xe2\x80\x83 ", {});
  expect_pieces({}, "\xe4\xb8\xad\xff \xe6", {"\xe4\xb8\xad\xff", "\xe6"});
  expect_pieces({"", 1}, "  a  b  c  ", {"a", "b  c"});
  expect_pieces({"", 0}, "  a  b  ", {"a  b"});
  expect_pieces({"", 2}, "a b", {"a", "b"});
}

TEST(StringSplit, FillsUpWithEmptyStrings) {
  const auto results = run_reference(StringSplit{"."}, {row({"a.b", "", "c.d.e"})}, 2);
  EXPECT_EQ(results[0].shape(), (Shape{3, 3}));
  EXPECT_EQ(strings(results[0]), (Strings{"a", "b", "", "", "", "", "c", "d", "e"}));
  EXPECT_EQ(read_integers(results[1]), (std::vector<int64_t>{2, 1, 3}));
}

TEST(StringSplit, StopsAtTheBudget) {
  RunControl control;
  control.memory_budget = 1 << 20;
  Strings texts(100);
  texts[0] = std::string(10000, ',');
  EXPECT_EQ(code_of(StringSplit{","}, {row(texts)}, control), ErrorCode::resource_exhausted);
}

Strings normalized(const StringNormalizer& op, const Strings& texts) {
  return strings(run_reference(op, {row(texts)})[0]);
}

TEST(StringNormalizer, ChangesLettersBeyondAscii) {
  using enum CaseChange;
  EXPECT_EQ(normalized({.case_change = upper}, {"stra\xc3\x9f"
                                                "e \xc3\xa9l\xc3\xa0n",
                                                "\xd0\xb4\xd0\xb0"}),
            (Strings{"STRA\xc3\x9f"
                     "E \xc3\x89L\xc3\x80N",
                     "\xd0\x94\xd0\x90"}));
  EXPECT_EQ(normalized({.case_change = lower}, {"I\xc3\x89\xf0\x90\x90\x80"}),
            (Strings{"i\xc3\xa9\xf0\x90\x90\xa8"}));
  EXPECT_EQ(normalized({.case_change = upper, .locale = "C"}, {"a\xc3\xa9z{"}),
            (Strings{"A\xc3\xa9Z{"}));
  EXPECT_EQ(normalized({.case_change = upper, .locale = "C.UTF-8"}, {"\xc3\xa9"}),
            (Strings{"\xc3\x89"}));
  EXPECT_EQ(normalized({.case_change = lower, .locale = "tr_TR.utf8"}, {"I\xc4\xb0K"}),
            (Strings{"\xc4\xb1ik"}));
  EXPECT_EQ(normalized({.case_change = upper, .locale = "az-AZ"}, {"i\xc4\xb1k"}),
            (Strings{"\xc4\xb0IK"}));
}

TEST(StringNormalizer, DropsStopWords) {
  using enum CaseChange;
  const Strings texts = {"Monday", "tuesday", "monday", "\xc3\x89t\xc3\xa9", ""};
  EXPECT_EQ(normalized({.is_case_sensitive = true, .stopwords = {"monday"}}, texts),
            (Strings{"Monday", "tuesday", "\xc3\x89t\xc3\xa9", ""}));
  EXPECT_EQ(normalized({.stopwords = {"MONDAY", "\xc3\xa9T\xc3\x89"}}, texts),
            (Strings{"tuesday", ""}));
  EXPECT_EQ(normalized({.case_change = upper, .stopwords = {"monday", ""}}, texts),
            (Strings{"TUESDAY", "\xc3\x89T\xc3\x89"}));
}

TEST(StringNormalizer, GivesOneEmptyStringWhereNothingStays) {
  const StringNormalizer op{.stopwords = {"a"}};
  EXPECT_EQ(normalized(op, {"a", "A"}), Strings{""});
  const Tensor y = run_reference(op, {Tensor::from<std::string>({1, 2}, {"a", "A"})})[0];
  EXPECT_EQ(y.shape(), (Shape{1, 1}));
  EXPECT_EQ(strings(y), Strings{""});
}

TEST(StringNormalizer, RefusesTextThatIsNoUtf8) {
  const StringNormalizer op{.case_change = CaseChange::lower};
  for (const char* text : {"\xff", "\xc3", "\xc0\x80", "\xe0\x80\xaf", "\xed\xa0\x80",
                           "\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "a\x80"})
    EXPECT_EQ(code_of(op, {row({text})}), ErrorCode::invalid_argument) << text;
}

class RegexFullMatchTest : public testing::Test {
  void SetUp() override {
    if (!Regex::is_built()) GTEST_SKIP() << "built without regular expressions";
  }
};

TEST_F(RegexFullMatchTest, AgreesOnEveryTarget) { expect_targets_agree(regex_cases); }
TEST_F(RegexFullMatchTest, RefusesBadNodes) { expect_rejected(rejected_regex); }

bool matches(const std::string& pattern, const std::string& text) {
  return run_reference(RegexFullMatch{pattern}, {row({text})})[0].data<bool>()[0];
}

TEST_F(RegexFullMatchTest, MatchesTheWholeString) {
  EXPECT_TRUE(matches("(\\W|^)[\\w.\\-]{0,25}@(yahoo|gmail)\\.com(\\W|$)", "account@gmail.com"));
  EXPECT_FALSE(matches("[a-z]+", "word "));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches(".", "\xc3\xa9"));
  EXPECT_TRUE(matches(std::string("a\\x00b"), std::string("a\0b", 3)));
}

TEST_F(RegexFullMatchTest, TakesLinearTime) {
  EXPECT_FALSE(matches("(a*)*b", std::string(100000, 'a')));
  EXPECT_FALSE(matches("(x+x+)+y", std::string(100000, 'x')));
}

TEST_F(RegexFullMatchTest, RefusesPatternsThatCompileToTooMuch) {
  EXPECT_EQ(code_of(RegexFullMatch{"\\pL{1000}\\pL{1000}"}, {row({"a"})}),
            ErrorCode::resource_exhausted);
}

}  // namespace
}  // namespace drawbar
