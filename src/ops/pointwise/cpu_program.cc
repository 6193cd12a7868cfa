#include "ops/pointwise/cpu_program.h"

#include <algorithm>

namespace drawbar::cpu {
namespace {

using ops::Function;
using ops::Instruction;
using ops::Program;

/// An instruction, or a chain of them that one step computes.
struct Fusion {
  Function function = Function::Relu;
  Fused fused = Fused::none;
  std::vector<int> operands;  // values of the program
  float p = 0, q = 0;
  bool dead = false;
};

/// Looks for chains from the last instruction to the first.
class Fuser {
 public:
  explicit Fuser(const Program& program) : program_(program), uses_(program.values(), 0) {
    for (const Instruction& instruction : program.instructions) {
      Fusion fusion{instruction.function, Fused::none, {}, instruction.p, instruction.q};
      for (int i = 0; i < info(instruction.function).arity; ++i)
        fusion.operands.push_back(instruction.operands[static_cast<size_t>(i)]);
      fusions_.push_back(std::move(fusion));
    }
    mark_dead();
  }

  std::vector<Fusion> take() {
    for (size_t i = 0; i < fusions_.size(); ++i) {
      if (!fusions_[i].dead) fuse(fusions_[i]);
    }
    return std::move(fusions_);
  }

 private:
  /// Results that nothing reads go; the uses of the rest are counted.
  void mark_dead() {
    uses_.back() = 1;
    for (size_t i = fusions_.size(); i-- > 0;) {
      fusions_[i].dead = uses_[static_cast<size_t>(program_.inputs) + i] == 0;
      if (fusions_[i].dead) continue;
      for (int operand : fusions_[i].operands) ++uses_[static_cast<size_t>(operand)];
    }
  }

  /// The step that computes `value`, if it is a plain `function` and nobody else reads it.
  Fusion* only_reader_of(int value, Function function, Fused fused = Fused::none) {
    if (value < program_.inputs || uses_[static_cast<size_t>(value)] != 1) return nullptr;
    Fusion& found = fusions_[static_cast<size_t>(value - program_.inputs)];
    const bool right = fused == Fused::none ? found.function == function : true;
    return right && found.fused == fused ? &found : nullptr;
  }

  void fuse(Fusion& step) {
    if (step.function == Function::Add) {
      for (size_t side : {size_t{0}, size_t{1}}) {
        Fusion* product = only_reader_of(step.operands[side], Function::Mul);
        if (!product) continue;
        product->dead = true;
        step.fused = Fused::mul_add;
        step.operands = {product->operands[0], product->operands[1], step.operands[1 - side]};
        return;
      }
    } else if (step.function == Function::Mul) {
      for (size_t side : {size_t{0}, size_t{1}}) {
        Fusion* gate = only_reader_of(step.operands[side], Function::Sigmoid);
        if (!gate || gate->operands[0] != step.operands[1 - side]) continue;
        gate->dead = true;
        step.function = Function::Swish;
        step.operands = {gate->operands[0]};
        step.p = 1;
        return;
      }
    } else if (step.function == Function::Relu) {
      Fusion* sum = only_reader_of(step.operands[0], Function::Add);
      Fused fused = Fused::add_relu;
      if (!sum) {
        sum = only_reader_of(step.operands[0], Function::Add, Fused::mul_add);
        fused = Fused::mul_add_relu;
      }
      if (!sum) return;
      sum->dead = true;
      step.fused = fused;
      step.operands = sum->operands;
    }
  }

  const Program& program_;
  std::vector<int> uses_;
  std::vector<Fusion> fusions_;
};

}  // namespace

TileSteps::TileSteps(const Program& program) : inputs_(program.inputs) {
  Program whole = program;
  if (whole.empty()) whole.append(Function::Clip, {0});  // the identity copies
  std::vector<Fusion> fusions = Fuser(whole).take();
  // The last step that reads each value, so that its slot is free from then on.
  std::vector<size_t> last_use(static_cast<size_t>(whole.values()), 0);
  for (size_t i = 0; i < fusions.size(); ++i) {
    if (fusions[i].dead) continue;
    for (int operand : fusions[i].operands) last_use[static_cast<size_t>(operand)] = i;
  }
  std::vector<int> slot(static_cast<size_t>(whole.values()), -1);
  for (int i = 0; i < inputs_; ++i) slot[static_cast<size_t>(i)] = i;
  std::vector<std::pair<int, float>> constants;  // value, number
  std::vector<int> free;
  for (size_t i = 0; i < fusions.size(); ++i) {
    const Fusion& fusion = fusions[i];
    const size_t value = static_cast<size_t>(inputs_) + i;
    if (fusion.dead) continue;
    const bool last = i + 1 == fusions.size();
    if (fusion.function == Function::Constant && !last) {
      constants.emplace_back(static_cast<int>(value), fusion.p);
      continue;
    }
    Step step{.arity = static_cast<int>(fusion.operands.size()), .p = fusion.p, .q = fusion.q};
    if (fusion.function == Function::Constant) {  // as the whole result: clip(x0, p, p)
      step.arity = 1;
      step.q = step.p;
      step.kernels[0] = step_kernel(Function::Clip, Fused::none, 0);
    } else {
      for (unsigned uniform = 0; uniform + 1 < 1u << step.arity; ++uniform) {
        step.kernels[uniform] = step_kernel(fusion.function, fusion.fused, uniform);
      }
    }
    for (size_t k = 0; k < fusion.operands.size(); ++k) step.operands[k] = fusion.operands[k];
    if (last) {
      step.result = -1;
    } else {  // never a slot that this step still reads: kernels see distinct tiles
      if (free.empty()) {
        slot[value] = inputs_ + temporaries_++;
      } else {
        slot[value] = free.back();
        free.pop_back();
      }
      step.result = static_cast<int>(value);
    }
    for (size_t k = 0; k < fusion.operands.size(); ++k) {
      const int operand = fusion.operands[k];
      const bool repeated =
          std::count(fusion.operands.begin(), fusion.operands.begin() + k, operand);
      const bool temporary = operand >= inputs_ && slot[static_cast<size_t>(operand)] >= 0;
      if (temporary && last_use[static_cast<size_t>(operand)] == i && !repeated) {
        free.push_back(slot[static_cast<size_t>(operand)]);
      }
    }
    cost_ += info(fusion.function).cost + (fusion.fused == Fused::none ? 0 : 1);
    steps_.push_back(step);
  }
  slots_ = inputs_ + temporaries_;
  for (const auto& [value, number] : constants) {
    slot[static_cast<size_t>(value)] = slots_;
    constants_.emplace_back(slots_++, number);
  }
  for (Step& step : steps_) {  // values become slots
    for (int k = 0; k < step.arity; ++k) {
      int& operand = step.operands[static_cast<size_t>(k)];
      operand = slot[static_cast<size_t>(operand)];
    }
    if (step.result >= 0) step.result = slot[static_cast<size_t>(step.result)];
  }
}

void TileSteps::run(const Operand* operands, float* out, int64_t out_stride, int64_t rows,
                    int64_t columns, float* scratch, int64_t scratch_stride) const {
  Operand slots[most_slots];
  std::copy_n(operands, inputs_, slots);
  for (const auto& [slot, number] : constants_) slots[slot] = {&number, 0, true};
  for (const Step& step : steps_) {
    StepOperand read[3];
    unsigned uniform = 0;
    bool one_row = true;
    for (int k = 0; k < step.arity; ++k) {
      const Operand& operand = slots[step.operands[static_cast<size_t>(k)]];
      read[k] = {operand.data, operand.row_stride};
      uniform |= static_cast<unsigned>(operand.uniform) << k;
      one_row &= operand.row_stride == 0;
    }
    const bool per_row = uniform + 1 == 1u << step.arity;  // one value per row, or for all
    if (step.result >= 0) {
      float* result = scratch + (step.result - inputs_) * scratch_stride;
      if (per_row) {
        step.kernels[0](read, result, 1, one_row ? 1 : rows, 1, step.p, step.q);
        slots[step.result] = {result, one_row ? 0 : 1, true};
      } else {
        step.kernels[uniform](read, result, columns, rows, columns, step.p, step.q);
        slots[step.result] = {result, columns, false};
      }
    } else if (!per_row) {
      step.kernels[uniform](read, out, out_stride, rows, columns, step.p, step.q);
    } else {
      step.kernels[0](read, out, out_stride, rows, 1, step.p, step.q);
      for (int64_t r = 0; r < rows; ++r) {
        float* row = out + r * out_stride;
        std::fill(row + 1, row + columns, *row);
      }
    }
  }
}

}  // namespace drawbar::cpu
