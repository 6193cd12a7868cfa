#pragma once

#include <filesystem>
#include <string>

namespace drawbar::conformance {

/// How a case is computed.
enum class Mode {
  reference,  // the imported graph, node by node, by the reference implementations
  engine,     // compiled, and once more from the saved engine, which must give the same bytes
};

struct Outcome {
  bool passed = false;
  std::string reason;  // of a failure: one line
};

/// Runs one case of the ONNX backend tests: a folder with model.onnx, test_data_set_N/ and
/// tolerance.json. Results of random operators are compared by type and shape only. Never throws.
Outcome run_case(const std::filesystem::path& folder, Mode mode);

/// What kind of failure a reason is, for the table: "unknown operators", "wrong result", …
std::string category(const std::string& reason);

}  // namespace drawbar::conformance
