#include "ops/pointwise/op.h"
#include "ops/pointwise/tile.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Elementwise;
using ops::Function;
using ops::parse_program;
using ops::Pointwise;

Pointwise program(const char* text) { return Pointwise{parse_program(text)}; }

constexpr int64_t near = 32 << 10;  // in the second cache
constexpr int64_t far = 16 << 20;   // in main memory
const BenchInput map{{1, 64, 56, 56}};
const BenchInput map_last{{1, 64, 56, 56}, false, ElementType::f32, Layout::channels_last};

const BenchCase cases[] = {
    {"copy, near", Elementwise(Function::Clip), {{{near}}}},
    {"copy, far", Elementwise(Function::Clip), {{{far}}}},
    {"add, near", Elementwise(Function::Add), {{{near}}, {{near}}}},
    {"add, far", Elementwise(Function::Add), {{{far}}, {{far}}}},
    {"exp, near", Elementwise(Function::Exp), {{{near}}}},
    {"log, near", Elementwise(Function::Log), {{{near}}}},
    {"tanh, near", Elementwise(Function::Tanh), {{{near}}}},
    {"sigmoid, near", Elementwise(Function::Sigmoid), {{{near}}}},
    {"erf, near", Elementwise(Function::Erf), {{{near}}}},
    {"gelu, near", Elementwise(Function::Gelu), {{{near}}}},
    {"sin, near", Elementwise(Function::Sin), {{{near}}}},
    {"gelu, 128x3072", Elementwise(Function::Gelu), {{{128, 3072}}}},
    {"swish, near", program("x1 = Sigmoid(x0); x2 = Mul(x0, x1)"), {{{near}}}},
    {"residual, near", program("x2 = Add(x0, x1); x3 = Relu(x2)"), {{{near}}, {{near}}}},
    {"five steps, near",
     program("x1 = Mul(x0, x0); x2 = Sub(x1, x0); x3 = Abs(x2); x4 = Sqrt(x3); x5 = Div(x4, x0)"),
     {{{near}}}},
    {"channels", Elementwise(Function::Mul), {map, {{1, 64, 1, 1}}}},
    {"channels, channels-last", Elementwise(Function::Mul), {map_last, {{64, 1, 1}}}},
    {"channels of 7x7", Elementwise(Function::Mul), {{{1, 2048, 7, 7}}, {{1, 2048, 1, 1}}}},
    {"rows of 768", Elementwise(Function::Add), {{{128, 768}}, {{768}}}},
    {"causal mask",
     Elementwise(Function::Where),
     {{{1, 1, 128, 128}, false, ElementType::boolean}, {{1, 12, 128, 128}}, {{}}}},
    {"i64 add",
     Elementwise(Function::Add),
     {{{4096}, false, ElementType::i64}, {{}, false, ElementType::i64}}},
};

[[maybe_unused]] const bool registered = register_benches("Pointwise", cases);

/// The epilogue of a matrix product: 6 rows of 16 columns up to a block of 64 x 256.
void bench_tile(benchmark::State& state, const char* text) {
  const ops::Program program = parse_program(text);
  const TileProgram tiles(program);
  const int64_t rows = state.range(0), columns = state.range(1);
  Tensor tile = bench_tensor(ElementType::f32, {rows, columns});
  const Tensor other = bench_tensor(ElementType::f32, {rows, columns});
  const TileOperand operands[] = {{other.data<float>(), columns, 1}, {other.data<float>(), 0, 1}};
  const auto used = static_cast<size_t>(program.inputs - 1);
  for (auto _ : state) {
    tiles.apply(tile.data<float>(), rows, columns, columns, std::span(operands, used));
    benchmark::ClobberMemory();
  }
  state.counters["elements/s"] = benchmark::Counter(
      static_cast<double>(rows * columns * state.iterations()), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(bench_tile, relu, "x1 = Relu(x0)")->Args({6, 16})->Args({64, 256});
BENCHMARK_CAPTURE(bench_tile, residual_relu, "x2 = Add(x0, x1); x3 = Relu(x2)")
    ->Args({6, 16})
    ->Args({64, 256});
BENCHMARK_CAPTURE(bench_tile, scale_shift, "x3 = Mul(x0, x2); x4 = Add(x3, x1)")
    ->Args({6, 16})
    ->Args({64, 256});
BENCHMARK_CAPTURE(bench_tile, gelu, "x1 = Gelu(x0)")->Args({6, 16})->Args({64, 256});

}  // namespace
}  // namespace drawbar::cpu
