#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/recurrent/cuda_ways.h"
#include "ops/recurrent/op.h"

// What the inputs give is one product for all steps. Then one launch does all steps where the
// registers of a block hold a direction's weights; else each step is a launch, or a product and a
// launch, for all directions and sequences. A GRU that resets takes two such phases a step.

namespace drawbar::cuda {
namespace {

using ops::Cell;
using ops::Recurrent;

constexpr int64_t most = std::numeric_limits<int32_t>::max() / 4;
constexpr int64_t block_threads = 256, most_units = 8, most_batch = 8;

bool has(const Problem& problem, size_t i) {
  return i < problem.inputs.size() && problem.inputs[i].present;
}
bool has_output(const Problem& problem, size_t i) {
  return i < problem.outputs.size() && problem.outputs[i].present;
}

struct Sizes {
  int64_t steps, batch, inputs, hidden, directions, gates;

  explicit Sizes(const Problem& problem) {
    const Recurrent& op = *problem.op.as<Recurrent>();
    const Operand& x = problem.inputs[Recurrent::x];
    steps = x.dim(op.batch_first ? 1 : 0);
    batch = x.dim(op.batch_first ? 0 : 1);
    inputs = x.dim(2);
    hidden = problem.inputs[Recurrent::r].dim(2);
    directions = op.directions();
    gates = op.gates();
  }
  int64_t rows() const { return gates * hidden; }
  int64_t states() const { return directions * batch * hidden; }
};

bool resets(const Recurrent& op) { return op.cell == Cell::gru && !op.linear_before_reset; }
int64_t phases(const Recurrent& op) { return resets(op) ? 2 : 1; }
int64_t phase_gates(const Recurrent& op, int64_t phase) {
  return !resets(op) ? op.gates() : phase == 0 ? 2 : 1;
}

std::string activation_member(const Recurrent& op, std::string_view name, size_t which) {
  std::string body;
  for (int64_t d = 0; d < op.directions(); ++d) {
    const auto all = ops::activations(op, d);
    if (which >= all.size()) continue;
    const auto& own = all[which];
    body += fmt::format("    {}return recurrent::Activation<C>::{}(x, C({}), C({}));\n",
                        d + 1 < op.directions() ? fmt::format("if (d == {}) ", d) : "", own.name,
                        literal(own.alpha), literal(own.beta));
  }
  if (body.empty()) body = "    return x;\n";
  return fmt::format(
      "  template <class C>\n  static __device__ __forceinline__ C {}([[maybe_unused]] int d, C x) "
      "{{\n{}  }}\n",
      name, body);
}

/// The Shape of cuda_cells.cuh.
NamedCode shape_code(const Problem& problem) {
  const Recurrent& op = *problem.op.as<Recurrent>();
  const Sizes sizes(problem);
  std::string text = fmt::format(
      "  static constexpr int cell = {}, steps = {}, batch = {}, inputs = {}, hidden = {};\n"
      "  static constexpr int directions = {}, gates = {};\n  static constexpr float clip = {};\n",
      static_cast<int>(op.cell), sizes.steps, sizes.batch, sizes.inputs, sizes.hidden,
      sizes.directions, sizes.gates, literal(op.clip));
  const std::pair<std::string_view, bool> conditions[] = {
      {"batch_first", op.batch_first},
      {"has_bias", has(problem, Recurrent::bias)},
      {"has_lengths", has(problem, Recurrent::sequence_lens)},
      {"has_h", has(problem, Recurrent::initial_h)},
      {"has_c", op.cell == Cell::lstm && has(problem, Recurrent::initial_c)},
      {"has_peepholes", op.cell == Cell::lstm && has(problem, Recurrent::peepholes)},
      {"has_y", has_output(problem, Recurrent::y)},
      {"has_last_h", has_output(problem, Recurrent::last_h)},
      {"has_last_c", op.cell == Cell::lstm && has_output(problem, Recurrent::last_c)},
      {"linear_before_reset", op.linear_before_reset},
      {"input_forget", op.input_forget}};
  for (const auto& [name, value] : conditions)
    text += fmt::format("  static constexpr bool {} = {};\n", name, value);
  text += fmt::format(
      "  static __device__ __forceinline__ bool backwards([[maybe_unused]] int d) "
      "{{ return {}; }}\n",
      op.direction == ops::Direction::bidirectional ? "d == 1"
      : op.direction == ops::Direction::reverse     ? "true"
                                                    : "false");
  text += activation_member(op, "first_activation", 0) +
          activation_member(op, "second_activation", 1) +
          activation_member(op, "third_activation", 2);
  const std::string name = "Recurrent_" + hash_bytes(text).hex().substr(0, 16);
  return {name, {fmt::format("struct {} {{\n{}}};", name, text)}};
}

/// Bytes of what the inputs give, for all steps.
double projection_bytes(const Problem& problem) {
  const Sizes sizes(problem);
  return static_cast<double>(sizes.steps) * static_cast<double>(sizes.batch) *
         static_cast<double>(sizes.directions * sizes.rows()) *
         (bits(compute_type(problem.inputs[0].type)) / 8.0);
}

bool applies(const Problem& problem) {
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (!operand.present) continue;
      if (operand.layout != Layout::row_major) return false;
      if (!has_code_name(operand.type)) return false;
    }
  }
  for (size_t i : {Recurrent::x, Recurrent::w, Recurrent::r}) {
    if (!is_real(problem.inputs[i].type)) return false;
  }
  const Sizes sizes(problem);
  return std::max({sizes.steps, sizes.inputs, sizes.rows(), sizes.directions * sizes.batch}) <
             most &&
         static_cast<double>(sizes.states()) < static_cast<double>(most) &&
         static_cast<double>(sizes.steps) * static_cast<double>(sizes.batch) <
             static_cast<double>(most) / 32 &&
         projection_bytes(problem) < static_cast<double>(problem.gpu.memory_bytes) / 4;
}

enum class Mode : uint8_t { units, products, resident };

/// Threads that hold a direction's weights, `lanes` a hidden unit; 0: none can.
struct Resident {
  int64_t lanes = 0, threads = 0;
};

Resident resident_of(const Problem& problem) {
  constexpr int64_t register_file = 65536, others = 28, most_threads = 1024;
  constexpr int64_t usual = 32;  // weights that a thread may hold before there are more of them
  const Sizes sizes(problem);
  const int64_t words = bits(compute_type(problem.inputs[0].type)) / 32;
  Resident result;
  for (int64_t lanes = 2; lanes <= 32; lanes *= 2) {
    const int64_t threads = (sizes.hidden * lanes + 31) / 32 * 32;
    const int64_t weights = sizes.gates * ((sizes.hidden + lanes - 1) / lanes) * words;
    // Registers are given out to four warps at a time, eight to a thread.
    const int64_t registers =
        std::min<int64_t>(255, register_file / ((threads + 127) / 128 * 128) / 8 * 8);
    if (threads > most_threads || weights + others * words > registers) continue;
    result = {lanes, threads};
    if (weights <= usual) break;
  }
  return result;
}

/// All launches of one problem, and the scratch memory that they share: first what products leave
/// in pieces.
class Plan {
 public:
  Plan(const Problem& problem, Mode mode)
      : problem_(problem),
        op_(*problem.op.as<Recurrent>()),
        sizes_(problem),
        shape_(shape_code(problem)),
        sums_(compute_type(problem.inputs[0].type)),
        mode_(mode) {
    add_projection();
    for (int64_t phase = 0; mode_ == Mode::products && phase < phases(op_); ++phase)
      state_ways_.push_back(best_way(state_factors(phase, 0), problem));
  }

  double seconds() const {
    const GpuInfo& gpu = problem_.gpu;
    const double weights = static_cast<double>(
        storage_bytes(problem_.inputs[Recurrent::r].type, problem_.inputs[Recurrent::r].size()));
    double step = 0;
    if (mode_ == Mode::resident) {
      const double waves = std::ceil(static_cast<double>(sizes_.directions * sizes_.batch) /
                                     std::max(1, gpu.multiprocessors));
      return projection_.seconds + gpu.launch_seconds +
             waves * static_cast<double>(sizes_.steps * phases(op_)) * 0.6e-6;
    }
    if (mode_ == Mode::products) {
      for (const ProductWay& way : state_ways_) step += way.seconds + gpu.launch_seconds + 1e-6;
    } else {
      const double tiles = static_cast<double>((sizes_.batch + most_batch - 1) / most_batch);
      step = static_cast<double>(phases(op_)) * (gpu.launch_seconds + 1e-6) +
             tiles * weights / gpu.bandwidth;
    }
    return projection_.seconds + 2 * gpu.launch_seconds + static_cast<double>(sizes_.steps) * step;
  }

  std::unique_ptr<Kernel> make() {
    // Products in pieces leave them where scratch memory begins.
    size_t pieces = projection_.make()->scratch_bytes();
    for (const ProductWay& way : state_ways_)
      pieces = std::max(pieces, way.make()->scratch_bytes());
    end_ = (pieces + 255) / 256 * 256;
    projection_at_ = reserve(sizes_.directions * sizes_.steps * sizes_.batch * sizes_.rows());
    if (mode_ == Mode::resident) {
      add_projection();
      append(*projection_.make());
      add_resident();
      return std::make_unique<LaunchedKernel>(std::move(launches_), end_);
    }
    for (size_t& state : h_at_) state = reserve(sizes_.states());
    kept_at_ = reserve(sizes_.states());
    reset_at_ = reserve(sizes_.states());
    sums_at_ = reserve(sizes_.directions * sizes_.batch * sizes_.rows());

    add_projection();
    append(*projection_.make());
    add_ends("begin", {optional_input(Recurrent::initial_h), optional_input(Recurrent::initial_c),
                       scratch(h_at_[0], sums_), scratch(kept_at_, sums_)});
    std::vector<std::unique_ptr<Kernel>> products[2];
    for (int64_t phase = 0; mode_ == Mode::products && phase < phases(op_); ++phase) {
      for (int parity = 0; parity < 2; ++parity)
        products[phase].push_back(
            best_way(state_factors(phase, state_at(phase, parity)), problem_).make());
    }
    for (int64_t step = 0; step < sizes_.steps; ++step) {
      for (int64_t phase = 0; phase < phases(op_); ++phase) {
        if (mode_ == Mode::products) append(*products[phase][static_cast<size_t>(step % 2)]);
        add_step(step, phase);
      }
    }
    add_ends("end", {scratch(h_at_[sizes_.steps % 2], sums_), scratch(kept_at_, sums_),
                     optional_output(Recurrent::last_h), optional_output(Recurrent::last_c)});
    return std::make_unique<LaunchedKernel>(std::move(launches_), end_);
  }

 private:
  size_t reserve(int64_t elements) {
    const size_t at = end_;
    end_ += static_cast<size_t>((storage_bytes(sums_, elements) + 255) / 256 * 256);
    return at;
  }
  Argument optional_input(size_t i) const {
    return input(problem_, has(problem_, i) ? i : size_t{Recurrent::x});
  }
  Argument optional_output(size_t i) const {
    for (size_t other : {i, size_t{0}, size_t{1}, size_t{2}}) {
      if (has_output(problem_, other)) return output(problem_, other);
    }
    return {};
  }
  void append(const Kernel& kernel) {
    launches_.insert(launches_.end(), kernel.launches().begin(), kernel.launches().end());
  }

  void add_projection() {
    projection_ = best_way({.rows = sizes_.steps * sizes_.batch,
                            .columns = sizes_.rows(),
                            .depth = sizes_.inputs,
                            .parts = sizes_.directions,
                            .left_part = 0,
                            .right_part = sizes_.rows() * sizes_.inputs,
                            .right_first = 0,
                            .left = input(problem_, Recurrent::x),
                            .right = input(problem_, Recurrent::w),
                            .y = scratch(projection_at_, sums_)},
                           problem_);
  }

  size_t state_at(int64_t phase, int64_t step) const {
    return phase == 1 ? reset_at_ : h_at_[step % 2];
  }
  ProductFactors state_factors(int64_t phase, size_t state) const {
    return {.rows = sizes_.batch,
            .columns = phase_gates(op_, phase) * sizes_.hidden,
            .depth = sizes_.hidden,
            .parts = sizes_.directions,
            .left_part = sizes_.batch * sizes_.hidden,
            .right_part = sizes_.rows() * sizes_.hidden,
            .right_first = phase == 1 ? 2 * sizes_.hidden * sizes_.hidden : 0,
            .left = scratch(state, sums_),
            .right = input(problem_, Recurrent::r),
            .y = scratch(sums_at_, sums_)};
  }

  Launch launch_of(std::string call) const {
    Launch launch;
    launch.file = "ops/recurrent/cuda_steps.cuh";
    launch.preface = shape_.text;
    launch.call = std::move(call);
    launch.grid = blocks_for(sizes_.states(), block_threads);
    launch.block.x = block_threads;
    return launch;
  }

  void add_ends(std::string_view function, std::vector<Argument> arguments) {
    Launch launch = launch_of(fmt::format("recurrent::{}<{}>", function, shape_.name));
    launch.arguments = std::move(arguments);
    launches_.push_back(std::move(launch));
  }

  void add_resident() {
    const Resident resident = resident_of(problem_);
    Launch launch = launch_of(fmt::format("recurrent::resident<{}, {}, {}>", shape_.name,
                                          resident.lanes, resident.threads));
    launch.file = "ops/recurrent/cuda_resident.cuh";
    launch.grid.x = sizes_.directions * sizes_.batch;
    launch.block.x = resident.threads;
    launch.synchronises = true;
    launch.arguments = {scratch(projection_at_, sums_)};
    for (size_t i : {Recurrent::r, Recurrent::bias, Recurrent::sequence_lens, Recurrent::peepholes,
                     Recurrent::initial_h, Recurrent::initial_c})
      launch.arguments.push_back(optional_input(i));
    for (size_t i : {Recurrent::y, Recurrent::last_h, Recurrent::last_c})
      launch.arguments.push_back(optional_output(i));
    launches_.push_back(std::move(launch));
  }

  void add_step(int64_t step, int64_t phase) {
    Launch launch;
    if (mode_ == Mode::products) {
      launch = launch_of(fmt::format("recurrent::step_of_sums<{}, {}>", shape_.name, phase));
      launch.arguments = {scratch(sums_at_, sums_)};
    } else {
      // Enough blocks for the multiprocessors.
      int64_t units = most_units;
      while (units > 2 && sizes_.directions * sizes_.hidden / units < problem_.gpu.multiprocessors)
        units /= 2;
      const int64_t batch = std::min(sizes_.batch, most_batch);
      launch = launch_of(fmt::format("recurrent::step_of_units<{}, {}, {}, {}>", shape_.name, phase,
                                     units, batch));
      launch.grid.x = sizes_.directions * ((sizes_.batch + batch - 1) / batch) *
                      ((sizes_.hidden + units - 1) / units);
      launch.block.x = units * 32;
      launch.synchronises = true;
      launch.arguments = {input(problem_, Recurrent::r)};
    }
    const std::vector<Argument> more = {
        scratch(projection_at_, sums_),
        optional_input(Recurrent::bias),
        optional_input(Recurrent::sequence_lens),
        optional_input(Recurrent::peepholes),
        scratch(h_at_[step % 2], sums_),
        scratch(h_at_[(step + 1) % 2], sums_),
        scratch(kept_at_, sums_),
        scratch(reset_at_, sums_),
        optional_output(Recurrent::y),
        scratch(projection_at_, ElementType::u8),
        scratch(projection_at_ + static_cast<size_t>(step), ElementType::u8)};
    launch.arguments.insert(launch.arguments.end(), more.begin(), more.end());
    launches_.push_back(std::move(launch));
  }

  const Problem& problem_;
  const Recurrent& op_;
  Sizes sizes_;
  NamedCode shape_;
  ElementType sums_;
  Mode mode_;
  ProductWay projection_;
  std::vector<ProductWay> state_ways_;
  std::vector<Launch> launches_;
  size_t end_ = 0, projection_at_ = 0, kept_at_ = 0, reset_at_ = 0, sums_at_ = 0;
  size_t h_at_[2] = {};
};

/// Below, the units' kernel reads the weights once.
bool products_apply(const Problem& problem) {
  return applies(problem) && Sizes(problem).batch > most_batch;
}

bool resident_applies(const Problem& problem) {
  return applies(problem) && resident_of(problem).lanes > 0;
}

template <Mode mode>
double seconds(const Problem& problem) {
  return Plan(problem, mode).seconds();
}
template <Mode mode>
std::unique_ptr<Kernel> make(const Problem& problem) {
  return Plan(problem, mode).make();
}

[[maybe_unused]] const bool registered = [] {
  for (const char* name : {"RNN", "GRU", "LSTM"}) {
    register_tactic({name, "recurrent_units", applies, seconds<Mode::units>, make<Mode::units>});
    register_tactic({name, "recurrent_products", products_apply, seconds<Mode::products>,
                     make<Mode::products>});
    register_tactic({name, "recurrent_resident", resident_applies, seconds<Mode::resident>,
                     make<Mode::resident>});
  }
  return true;
}();

}  // namespace
}  // namespace drawbar::cuda
