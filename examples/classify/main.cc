// Compiles a model, saves the engine, opens it and runs it on a made-up image: the largest answers.
//
//     classify MODEL.onnx ENGINE
#include <algorithm>
#include <cstdio>
#include <drawbar/drawbar.h>
#include <numeric>

namespace {

/// A tensor for the input, a wave of numbers where it holds floats.
drawbar::Tensor example_input(const drawbar::ValueInfo& info) {
  drawbar::Shape shape = info.shape;
  for (int64_t& size : shape) size = std::max<int64_t>(size, 1);
  drawbar::Tensor tensor = drawbar::Tensor::allocate(info.element.value(), shape);
  for (int64_t i = 0; i < tensor.size(); ++i)
    drawbar::write_number(tensor, i, static_cast<double>(i % 17) / 16);
  return tensor;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: classify MODEL.onnx ENGINE\n");
    return 2;
  }
  try {
    drawbar::compile_model({.model = argv[1], .threads = {1}})->save(argv[2]);
    drawbar::Session session(drawbar::Engine::load(argv[2]), {.threads = 1});
    std::vector<drawbar::Tensor> inputs;
    for (const drawbar::ValueInfo& info : session.engine().inputs())
      inputs.push_back(example_input(info));
    const drawbar::Tensor scores = session.run(inputs)[0];

    std::vector<int64_t> order(static_cast<size_t>(scores.size()));
    std::iota(order.begin(), order.end(), 0);
    const auto better = [&](int64_t a, int64_t b) {
      return drawbar::read_number(scores, a) > drawbar::read_number(scores, b);
    };
    const size_t shown = std::min<size_t>(order.size(), 5);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown),
                      order.end(), better);
    for (size_t i = 0; i < shown; ++i)
      std::printf("%lld %.6f\n", static_cast<long long>(order[i]),
                  drawbar::read_number(scores, order[i]));
  } catch (const drawbar::Error& error) {
    std::fprintf(stderr, "%s: %s\n", drawbar::name(error.code()), error.what());
    return 1;
  }
}
