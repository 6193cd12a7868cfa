// Feeds seeded mutants of right files to a parser, in this process.
//
//     mutants KIND COUNT SEED CASES_FOLDER [--seconds S] [--from INDEX] [--only INDEX]
//             [--write FOLDER]
//
// KIND is onnx, run, text, engine, strings, sequences, trees, npz or tfrecord; the seeds come from
// CASES_FOLDER (tools/onnx_cases.py writes it). Mutant INDEX of a SEED is always the same. A
// signal, a sanitizer's report or a mutant that takes more than S seconds of processor time (10)
// ends the run with the mutant's index; a defect is reported and counted. --from leaves out those
// before, --only runs one mutant; --write keeps it, or without --only all seeds, in FOLDER. The
// last line is `N passed, N failed, 0 skipped`.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/hash.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/parsers.h"

namespace drawbar::fuzz {
namespace {

struct Options {
  std::string kind, folder, write;
  uint64_t count = 0, seed = 0, from = 0;
  std::optional<uint64_t> only;
  long seconds = 10;
};

volatile uint64_t current = 0;

void tell_current() {
  char text[96];
  const int length = std::snprintf(text, sizeof text, "mutants: ended at mutant %llu\n",
                                   static_cast<unsigned long long>(current));
  if (write(STDERR_FILENO, text, static_cast<size_t>(length)) < 0) std::_Exit(1);
}

void on_signal(int signal) {
  tell_current();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void on_time_out(int) {
  const char text[] = "mutants: too slow\n";
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) std::_Exit(1);
  tell_current();
  std::_Exit(1);
}

/// Processor time for one mutant, so that a busy machine does no harm.
void start_timer(long seconds) {
  const itimerval timer{{0, 0}, {seconds, 0}};
  setitimer(ITIMER_PROF, &timer, nullptr);
}

std::string make(const Options& options, const Seeds& seeds, uint64_t index) {
  const uint64_t key[] = {options.seed, index};
  Random random(hash_bytes(key, sizeof key).low);
  const std::string& seed = seeds[below(random, seeds.size())];
  if (options.kind == "text") return mutate_text(seed, seeds, random);
  if (options.kind == "engine") return mutate_engine(seed, seeds, random);
  if (options.kind == "npz" || options.kind == "tfrecord") return mutate_bytes(seed, seeds, random);
  return mutate_onnx(seed, seeds, random);
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

int run(const Options& options) {
  const Parser& parser = parser_named(options.kind);
  const Seeds seeds = read_seeds(options.kind, options.folder);
  if (seeds.empty()) {
    std::fprintf(stderr, "mutants: no seeds in %s\n", options.folder.c_str());
    return 2;
  }
  const std::filesystem::path folder = options.write;
  for (size_t i = 0; !options.write.empty() && !options.only && i < seeds.size(); ++i)
    write_file(folder / (std::to_string(i) + "." + options.kind), seeds[i]);
  for (int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS}) std::signal(signal, on_signal);
  std::signal(SIGPROF, on_time_out);
  uint64_t passed = 0, failed = 0, taken = 0;
  double slowest = 0;
  uint64_t slowest_mutant = 0;
  const uint64_t begin = options.only.value_or(options.from);
  const uint64_t end = options.only ? begin + 1 : options.count;
  for (uint64_t i = begin; i < end; ++i) {
    current = i;
    const std::string mutant = make(options, seeds, i);
    if (options.only && !options.write.empty())
      write_file(folder / (std::to_string(i) + "." + options.kind), mutant);
    start_timer(options.seconds);
    const std::clock_t started = std::clock();
    try {
      taken += parser.feed(mutant);
      ++passed;
    } catch (const std::exception& error) {
      ++failed;
      std::printf("FAILED  mutant %llu: %s\n", static_cast<unsigned long long>(i), error.what());
    }
    const double took = static_cast<double>(std::clock() - started) / CLOCKS_PER_SEC;
    if (took > slowest) {
      slowest = took;
      slowest_mutant = i;
    }
  }
  start_timer(0);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "%s: %zu seeds, seed %llu, %llu mutants taken, slowest %llu with %.2f s, at most %ld MiB\n",
      options.kind.c_str(), seeds.size(), static_cast<unsigned long long>(options.seed),
      static_cast<unsigned long long>(taken), static_cast<unsigned long long>(slowest_mutant),
      slowest, usage.ru_maxrss / 1024);
  std::printf("%llu passed, %llu failed, 0 skipped\n", static_cast<unsigned long long>(passed),
              static_cast<unsigned long long>(failed));
  return failed ? 1 : 0;
}

Options read_options(int argc, char** argv) {
  Options options;
  std::vector<std::string> plain;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool named = word.starts_with("--") && i + 1 < argc;
    if (named && word == "--seconds") {
      options.seconds = std::atol(argv[++i]);
    } else if (named && word == "--from") {
      options.from = std::strtoull(argv[++i], nullptr, 10);
    } else if (named && word == "--only") {
      options.only = std::strtoull(argv[++i], nullptr, 10);
    } else if (named && word == "--write") {
      options.write = argv[++i];
    } else {
      plain.push_back(word);
    }
  }
  if (plain.size() != 4)
    throw std::invalid_argument("KIND COUNT SEED CASES_FOLDER [--seconds S] …");
  options.kind = plain[0];
  options.count = std::strtoull(plain[1].c_str(), nullptr, 10);
  options.seed = std::strtoull(plain[2].c_str(), nullptr, 10);
  options.folder = plain[3];
  return options;
}

}  // namespace
}  // namespace drawbar::fuzz

int main(int argc, char** argv) {
  try {
    return drawbar::fuzz::run(drawbar::fuzz::read_options(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mutants: %s\n", error.what());
    return 2;
  }
}
