#include <gtest/gtest.h>

#include "passes/pass_testing.h"

namespace drawbar {
namespace {

TEST(AppendInLoops, WhatIsCarriedOnlyToGrow) {
  expect_pass("append_in_loops",
              "graph g(%m: i64[], %a: f32[2], %x: f32[0, 2], %k: f32[2]) {"
              " %s, %y, %t = Loop(%m, _, %a, %x, %k) {carried = 2, empty_stacks = [\"f32[0, 2]\"]}"
              " graph body(%i: i64[], %c: bool[], %v: f32[2], %l: f32[M, 2], %r: f32[2]) {"
              " %w = Add(%v, %r); %p = Unsqueeze(%w) {axes = [0]}; %n = Concat(%l, %p);"
              " return %c, %w, %n, %w }"
              " return %s, %y, %t }",
              "graph g(%m: i64[], %a: f32[2], %x: f32[0, 2], %k: f32[2]) {"
              " %s, %y, %t = Loop(%m, _, %a, %x, %k)"
              " {carried = 1, appended = 1, empty_stacks = [\"f32[0, 2]\"]}"
              " graph body(%i: i64[], %c: bool[], %v: f32[2], %r: f32[2]) {"
              " %w = Add(%v, %r); %p = Unsqueeze(%w) {axes = [0]}; return %c, %w, %p as \"n\", %w }"
              " return %s, %y, %t }");
}

TEST(AppendInLoops, SeveralPiecesAreJoinedFirst) {
  expect_pass("append_in_loops",
              "graph g(%m: i64[], %x: f32[1, 2], %k: f32[3, 2]) {"
              " %y = Loop(%m, _, %x, %k) {carried = 1}"
              " graph body(%i: i64[], %c: bool[], %l: f32[M, 2], %r: f32[3, 2]) {"
              " %n = Concat(%l, %r, %r); return %c, %n }"
              " return %y }",
              "graph g(%m: i64[], %x: f32[1, 2], %k: f32[3, 2]) {"
              " %y = Loop(%m, _, %x, %k) {appended = 1}"
              " graph body(%i: i64[], %c: bool[], %r: f32[3, 2]) {"
              " %p = Concat(%r, %r); return %c, %p as \"n\" }"
              " return %y }");
}

TEST(AppendInLoops, NotWhatTheBodyReadsOrPutsInFront) {
  const auto body = [](const std::string& next) {
    return "graph g(%m: i64[], %x: f32[1, 2], %k: f32[3, 2]) {"
           " %y = Loop(%m, _, %x, %k) {carried = 1}"
           " graph body(%i: i64[], %c: bool[], %l: f32[M, 2], %r: f32[3, 2]) { " +
           next + " } return %y }";
  };
  for (const std::string next : {
           "%n = Concat(%l, %l); return %c, %n",
           "%n = Concat(%r, %l); return %c, %n",
           "%n = Concat(%l, %r); %z = Relu(%n); return %c, %z",
       }) {
    expect_pass("append_in_loops", body(next), "unchanged");
  }
}

}  // namespace
}  // namespace drawbar
