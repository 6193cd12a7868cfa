#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "precision/choose.h"

namespace drawbar::cli {

/// What `--precision auto` chose for a model.
struct ChoiceReport {
  std::string model, source;  // its file, and that of the samples
  double most_loss = 0;
  bool by_accuracy = false;  // else by the outputs
  size_t samples = 0;        // of the source
  PrecisionChoice choice;

  double counted(const Loss& loss) const { return by_accuracy ? loss.accuracy : loss.output; }
};

/// {"loss": …}, and where accuracy counts "accuracy_lost" beside it.
nlohmann::ordered_json loss_json(const Loss& loss, bool by_accuracy);

/// A line a layer and a trial, on standard error.
void print_choice(const ChoiceReport& report);
nlohmann::ordered_json choice_json(const ChoiceReport& report);

/// A self-contained page without scripts: loss against time of what was tried, loss against gain of
/// the layers, all figures.
std::string choice_page(const ChoiceReport& report);

/// JSON where the file's name ends in .json, else the page. Throws INVALID_ARGUMENT where it cannot
/// be written.
void write_report(const std::string& path, const ChoiceReport& report);

}  // namespace drawbar::cli
