#include "ops/pointwise/program.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace drawbar::ops {
namespace {

int arity(const Instruction& instruction) { return info(instruction.function).arity; }

template <class T>
double run(const Program& program, std::span<const T> inputs) {
  std::vector<double> values(inputs.begin(), inputs.begin() + program.inputs);
  for (const Instruction& i : program.instructions) {
    const double result = apply(i.function, values[i.operands[0]], values[i.operands[1]],
                                values[i.operands[2]], i.p, i.q);
    values.push_back(static_cast<double>(static_cast<T>(result)));
  }
  return values.back();
}

/// Reads the text form from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Program program() {
    Program result;
    skip();
    if (rest_.empty()) return result;
    result.inputs = value();
    if (result.inputs < 1 || result.inputs > Program::most_inputs) {
      fail(ErrorCode::invalid_model, "program has {} inputs, expected 1 to {}", result.inputs,
           Program::most_inputs);
    }
    for (;;) {
      expect('=');
      result.instructions.push_back(instruction());
      check(result);
      if (rest_.empty()) return result;
      expect(';');
      if (const int next = value(); next != result.values()) {
        fail(ErrorCode::invalid_model, "program defines x{}, expected x{}", next, result.values());
      }
    }
  }

 private:
  Instruction instruction() {
    const size_t length = std::min(rest_.find('('), rest_.size());
    std::string_view name = rest_.substr(0, length);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    const auto function = function_named(name);
    if (!function) {
      fail(ErrorCode::invalid_model, "program has no function '{}'", name.substr(0, 40));
    }
    rest_.remove_prefix(length);
    expect('(');
    Instruction result{.function = *function};
    const FunctionInfo& form = info(*function);
    for (int i = 0; i < form.arity + form.parameters; ++i) {
      if (i > 0) expect(',');
      if (i < form.arity) {
        result.operands[static_cast<size_t>(i)] = static_cast<uint16_t>(value());
      } else {
        (i == form.arity ? result.p : result.q) = number<float>("a number");
      }
    }
    expect(')');
    return result;
  }

  int value() {
    expect('x');
    const int index = number<int>("a value's index");
    if (index < 0 || index > 1000) fail(ErrorCode::invalid_model, "program names x{}", index);
    return index;
  }

  template <class T>
  T number(std::string_view what) {
    T result = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), result);
    if (error != std::errc()) wrong(what);
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    skip();
    return result;
  }

  void expect(char c) {
    if (rest_.empty() || rest_.front() != c) wrong(fmt::format("'{}'", c));
    rest_.remove_prefix(1);
    if (c != 'x') skip();
  }

  [[noreturn]] void wrong(std::string_view expected) const {
    fail(ErrorCode::invalid_model, "program: expected {} before '{}'", expected,
         rest_.substr(0, 20));
  }

  void skip() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

}  // namespace

Program Program::of(Function function) {
  return of(function, info(function).defaults[0], info(function).defaults[1]);
}

Program Program::of(Function function, float p, float q) {
  Program program;
  program.inputs = std::max(1, info(function).arity);
  program.instructions.push_back({function, {0, 1, 2}, p, q});
  for (size_t i = static_cast<size_t>(info(function).arity); i < 3; ++i)
    program.instructions[0].operands[i] = 0;
  return program;
}

int64_t Program::operations() const {
  int64_t total = 0;
  for (const Instruction& i : instructions) total += info(i.function).cost;
  return total;
}

bool Program::has_room(int more_instructions, int more_inputs) const {
  return static_cast<int>(instructions.size()) + more_instructions <= most_instructions &&
         inputs + more_inputs <= most_inputs;
}

int Program::append(Function function, std::initializer_list<int> operands, float p, float q) {
  Instruction instruction{.function = function, .p = p, .q = q};
  size_t i = 0;
  for (int operand : operands) instruction.operands.at(i++) = static_cast<uint16_t>(operand);
  instructions.push_back(instruction);
  return result();
}

int Program::append(Function function, std::initializer_list<int> operands) {
  return append(function, operands, info(function).defaults[0], info(function).defaults[1]);
}

int Program::add_input() {
  for (Instruction& instruction : instructions) {
    for (int i = 0; i < arity(instruction); ++i) {
      uint16_t& operand = instruction.operands[static_cast<size_t>(i)];
      if (operand >= inputs) ++operand;
    }
  }
  return inputs++;
}

void Program::merge_inputs(int kept, int gone) {
  for (Instruction& instruction : instructions) {
    for (int i = 0; i < arity(instruction); ++i) {
      uint16_t& operand = instruction.operands[static_cast<size_t>(i)];
      if (operand == gone) operand = static_cast<uint16_t>(kept);
      if (operand > gone) --operand;
    }
  }
  --inputs;
}

double Program::evaluate(std::span<const double> values) const { return run(*this, values); }
float Program::evaluate(std::span<const float> values) const {
  return static_cast<float>(run(*this, values));
}

Program compose(const Program& first, const Program& then, int input) {
  if (then.empty()) return first;
  Program whole;
  whole.inputs = first.inputs + then.inputs - 1;
  // Where each value of the two programs stands in the whole.
  std::vector<int> of_first, of_then;
  for (int i = 0; i < first.inputs; ++i) of_first.push_back(i);
  const auto place = [&](Instruction instruction, const std::vector<int>& where, bool last) {
    for (int i = 0; i < arity(instruction); ++i) {
      uint16_t& operand = instruction.operands[static_cast<size_t>(i)];
      operand = static_cast<uint16_t>(where[operand]);
    }
    const auto known = std::find(whole.instructions.begin(), whole.instructions.end(), instruction);
    if (known != whole.instructions.end() && !last) {
      return whole.inputs + static_cast<int>(known - whole.instructions.begin());
    }
    whole.instructions.push_back(instruction);
    return whole.result();
  };
  for (const Instruction& instruction : first.instructions) {
    of_first.push_back(place(instruction, of_first, false));
  }
  for (int i = 0; i < then.inputs; ++i) {
    of_then.push_back(i == input ? of_first.back() : first.inputs + i - (i > input));
  }
  for (const Instruction& instruction : then.instructions) {
    of_then.push_back(place(instruction, of_then, &instruction == &then.instructions.back()));
  }
  return whole;
}

std::string Program::str() const {
  std::string text;
  int defined = inputs;
  for (const Instruction& instruction : instructions) {
    const FunctionInfo& form = info(instruction.function);
    text += fmt::format("{}x{} = {}(", text.empty() ? "" : "; ", defined++, form.name);
    for (int i = 0; i < form.arity + form.parameters; ++i) {
      if (i > 0) text += ", ";
      if (i < form.arity) {
        text += fmt::format("x{}", instruction.operands[static_cast<size_t>(i)]);
      } else {
        const float parameter = i == form.arity ? instruction.p : instruction.q;
        std::string number = fmt::format("{}", parameter);
        if (number.find_first_of(".enai") == std::string::npos) number += ".0";
        text += number;
      }
    }
    text += ")";
  }
  return text;
}

Program parse_program(std::string_view text) { return Reader(text).program(); }

void check(const Program& program) {
  if (program.inputs < 1 || program.inputs > Program::most_inputs) {
    fail(ErrorCode::invalid_model, "program has {} inputs, expected 1 to {}", program.inputs,
         Program::most_inputs);
  }
  if (program.instructions.empty() && program.inputs != 1) {
    fail(ErrorCode::invalid_model, "program without instructions has {} inputs, expected 1",
         program.inputs);
  }
  if (program.instructions.size() > static_cast<size_t>(Program::most_instructions)) {
    fail(ErrorCode::invalid_model, "program has {} instructions, expected at most {}",
         program.instructions.size(), Program::most_instructions);
  }
  int defined = program.inputs;
  for (const Instruction& instruction : program.instructions) {
    const FunctionInfo& form = info(instruction.function);
    if (form.types == FunctionTypes::bits) {
      fail(ErrorCode::invalid_model, "program uses {}, which is not for f32", form.name);
    }
    for (int i = 0; i < form.arity; ++i) {
      if (instruction.operands[static_cast<size_t>(i)] >= defined) {
        fail(ErrorCode::invalid_model, "program reads x{} before it is defined (x{} comes next)",
             instruction.operands[static_cast<size_t>(i)], defined);
      }
    }
    ++defined;
  }
}

Attribute encode_attribute(const Program& program) { return program.str(); }

void decode_attribute(std::string_view name, const Attribute& attribute, Program& program) {
  const auto* text = std::get_if<std::string>(&attribute);
  if (!text) fail(ErrorCode::invalid_model, "attribute '{}' has the wrong type", name);
  try {
    program = parse_program(*text);
  } catch (const Error& e) {
    throw e.at(fmt::format("attribute '{}'", name));
  }
}

}  // namespace drawbar::ops
