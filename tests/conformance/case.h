#pragma once

#include <filesystem>
#include <string>

namespace drawbar::conformance {

/// How a case is computed: compiled for a target, and once more from the saved engine, which must
/// give the same bytes; or the imported graph, node by node, by the reference implementations.
struct Mode {
  bool reference = false;
  std::string target = "cpu";
};

struct Outcome {
  bool passed = false;
  std::string reason;  // of a failure: one line
  int on_target = 0;   // steps that an accelerator ran
};

/// Runs one case of the ONNX backend tests: a folder with model.onnx, test_data_set_N/ and
/// tolerance.json. Results of random operators are compared by type and shape only. Never throws.
Outcome run_case(const std::filesystem::path& folder, const Mode& mode);

/// What kind of failure a reason is, for the table: "unknown operators", "wrong result", …
std::string category(const std::string& reason);

}  // namespace drawbar::conformance
