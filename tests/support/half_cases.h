#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/op_case.h"

namespace drawbar {

/// The cases whose constant weights may be halves (`Op::half_weights`), with them in f16 and in
/// bf16. The tile unit leaves out some of the other factor's last bits: `least_atol` is for that.
inline std::vector<OpCase> with_half_weights(std::span<const OpCase> cases, double least_atol) {
  constexpr std::string_view wide = "const f32[";
  std::vector<OpCase> result;
  for (const std::string half : {"f16", "bf16"}) {
    for (OpCase each : cases) {
      bool changed = false;
      for (size_t i = 1; i < each.inputs.size() && each.inputs[0].starts_with("f32["); ++i) {
        const bool weights = i < 32 && (each.op.half_weights() >> i & 1) != 0;
        if (!weights || !each.inputs[i].starts_with(wide)) continue;
        each.inputs[i] = "const " + half + each.inputs[i].substr(wide.size() - 1);
        changed = true;
      }
      if (!changed) continue;
      each.name += ", weights in " + half;
      each.atol = std::max(each.atol, least_atol);
      result.push_back(std::move(each));
    }
  }
  return result;
}

}  // namespace drawbar
