// Runs the backend test cases of the ONNX standard (written by tools/onnx_cases.py).
//
//     onnx_cases DIR [--filter TEXT] [--jobs N] [--expect FILE] [--list-failures]
//                [--reference | --target NAME]
//
// Each case is compiled and run, and run once more from the saved engine. Cases that FILE lists
// (`KIND/NAME REASON`, a line each; tests/conformance/refused.txt by default) are expected to be
// refused and count as skipped; one that passes all the same is reported as a failure, so that the
// list stays true.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tests/conformance/case.h"

namespace drawbar::conformance {
namespace {

namespace fs = std::filesystem;

/// What `category` calls a case whose operators this build does not have: skipped, and counted
/// against `--least`.
constexpr const char* unknown_operators = "unknown operators";

struct Options {
  fs::path folder;
  std::string filter, expect;
  unsigned jobs = std::thread::hardware_concurrency();
  bool list_failures = false;
  int least = 0;  // cases that must pass
  Mode mode = {};
};

struct Counts {
  int passed = 0, failed = 0, skipped = 0;
};

[[noreturn]] void usage() {
  std::fputs(
      "usage: onnx_cases DIR [--filter TEXT] [--jobs N] [--expect FILE] [--list-failures] "
      "[--least N] [--reference | --target NAME]\n",
      stderr);
  std::exit(2);
}

Options read_options(int argc, char** argv) {
  Options options;
  options.expect = (fs::path(__FILE__).parent_path() / "refused.txt").string();
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto value = [&]() -> const char* { return ++i < argc ? argv[i] : (usage(), ""); };
    if (word == "--filter") {
      options.filter = value();
    } else if (word == "--jobs") {
      options.jobs = static_cast<unsigned>(std::max(1, std::atoi(value())));
    } else if (word == "--expect") {
      options.expect = value();
    } else if (word == "--list-failures") {
      options.list_failures = true;
    } else if (word == "--least") {
      options.least = std::atoi(value());
    } else if (word == "--reference") {
      options.mode.reference = true;
    } else if (word == "--target") {
      options.mode.target = value();
    } else if (options.folder.empty() && !word.starts_with("-")) {
      options.folder = word;
    } else {
      usage();
    }
  }
  if (options.folder.empty()) usage();
  return options;
}

/// "kind/name" of every case, sorted.
std::vector<std::string> find_cases(const Options& options) {
  std::vector<std::string> cases;
  for (const auto& kind : fs::directory_iterator(options.folder)) {
    if (!kind.is_directory()) continue;
    for (const auto& entry : fs::directory_iterator(kind)) {
      const std::string name =
          kind.path().filename().string() + "/" + entry.path().filename().string();
      if (fs::exists(entry.path() / "model.onnx") &&
          name.find(options.filter) != std::string::npos) {
        cases.push_back(name);
      }
    }
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

std::map<std::string, std::string> read_expected(const std::string& path) {
  std::map<std::string, std::string> expected;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.find(' ');
    if (space == std::string::npos) {
      std::fprintf(stderr, "%s: '%s' has no reason\n", path.c_str(), line.c_str());
      std::exit(2);
    }
    expected[line.substr(0, space)] = line.substr(line.find_first_not_of(' ', space));
  }
  return expected;
}

std::vector<Outcome> run_all(const std::vector<std::string>& cases, const Options& options) {
  std::vector<Outcome> outcomes(cases.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i; (i = next++) < cases.size();) {
      outcomes[i] = run_case(options.folder / cases[i], options.mode);
    }
  };
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < options.jobs; ++i) workers.emplace_back(work);
  workers.clear();
  return outcomes;
}

int report(const std::vector<std::string>& cases, std::vector<Outcome> outcomes,
           const Options& options) {
  const auto expected = read_expected(options.expect);
  std::map<std::string, Counts> kinds;
  std::map<std::string, int> reasons;
  Counts total;
  int reached = 0, steps = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    Outcome& outcome = outcomes[i];
    reached += outcome.on_target > 0;
    steps += outcome.on_target;
    const auto refused = expected.find(cases[i]);
    Counts& kind = kinds[cases[i].substr(0, cases[i].find('/'))];
    if (refused != expected.end() && !outcome.passed) {
      ++kind.skipped, ++total.skipped;
      ++reasons["expected: " + refused->second];
      continue;
    }
    if (refused != expected.end()) {
      outcome = {false,
                 "passes now: take it out of " + fs::path(options.expect).filename().string(), 0};
    }
    if (outcome.passed) {
      ++kind.passed, ++total.passed;
      continue;
    }
    if (category(outcome.reason) == unknown_operators) {  // said in one line; not yet a defect
      ++kind.skipped, ++total.skipped;
      ++reasons[unknown_operators];
      continue;
    }
    ++kind.failed, ++total.failed;
    ++reasons[category(outcome.reason)];
    if (options.list_failures || total.failed <= 40) {
      std::printf("FAILED  %s: %s\n", cases[i].c_str(), outcome.reason.c_str());
    }
  }
  if (!options.list_failures && total.failed > 40) {
    std::printf("… and %d more (--list-failures)\n", total.failed - 40);
  }
  std::printf("\n%-20s %7s %7s %7s\n", "kind", "passed", "failed", "skipped");
  for (const auto& [kind, counts] : kinds) {
    std::printf("%-20s %7d %7d %7d\n", kind.c_str(), counts.passed, counts.failed, counts.skipped);
  }
  if (!reasons.empty()) std::printf("\n");
  for (const auto& [reason, count] : reasons) std::printf("%6d  %s\n", count, reason.c_str());
  if (options.mode.target != "cpu")
    std::printf("%d steps of %d cases ran on %s\n", steps, reached, options.mode.target.c_str());
  if (total.passed < options.least) {
    std::printf("FAILED  fewer than %d cases pass\n", options.least);
    ++total.failed;
  }
  std::printf("\n%d passed, %d failed, %d skipped\n", total.passed, total.failed, total.skipped);
  return total.failed == 0 && total.passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace drawbar::conformance

int main(int argc, char** argv) {
  using namespace drawbar::conformance;
  try {
    const Options options = read_options(argc, argv);
    const std::vector<std::string> cases = find_cases(options);
    return report(cases, run_all(cases, options), options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "onnx_cases: %s\n", error.what());
    return 2;
  }
}
