#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "drawbar/engine.h"
#include "precision/loss.h"

namespace drawbar::cli {

/// How far a value is from the one of the same name in another model, over all samples.
struct Difference {
  std::string name, type, op;  // a's type; the operator in b that gives it
  bool is_output = false;
  bool comparable = true;  // tensors of numbers, of one shape
  double largest = 0;      // of |a - b|
  double relative = 0;     // largest / max |a|
  double noise = 0;        // Σ (a - b)² over Σ a²
  double cosine = 1;       // of the angle between a and b
  double added = 0;        // of `noise`, what the values it is computed from have not

  double snr() const { return noise > 0 ? -10 * std::log10(noise) : INFINITY; }  // decibels
};

struct DiffReport {
  std::string a, b, precision_a, precision_b;  // files, and what they run in
  std::string samples;                         // where they come from
  size_t count = 0;                            // of samples
  std::vector<Difference> values;              // in a's order, outputs last

  /// The largest `relative` of an output; infinite where one cannot be compared.
  double worst_output() const;
  /// The values that add most noise, at most five, the most first.
  std::vector<const Difference*> worst() const;
};

/// Runs both engines on all samples, which are a's inputs in its order, and compares every value
/// that both still have, bytes as the numbers they stand for, and the outputs. Values that passes
/// named are compared only where `a` and `b` are of one precision. Throws INVALID_ARGUMENT where an
/// input is missing or no output has a common name.
void compare_layers(DiffReport& report, const Engine& a, const Engine& b, SampleSource& samples,
                    int threads, const Progress& progress);

/// Standard output's table.
void print_table(const DiffReport& report);
nlohmann::ordered_json report_json(const DiffReport& report);
/// A self-contained page without scripts: the noise ratio by layer, all figures. Throws
/// INVALID_ARGUMENT where the file cannot be written.
void write_page(const std::string& path, const DiffReport& report);

}  // namespace drawbar::cli
