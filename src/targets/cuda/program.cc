#include "targets/cuda/program.h"

#include "ir/evaluate_graph.h"
#include "targets/cuda/architecture.h"
#include "targets/cuda/layout.h"
#include "targets/cuda/narrow.h"
#include "targets/cuda/replicas.h"
#include "targets/specialize.h"
#include "targets/tactic_table.h"

namespace drawbar::cuda {

namespace {
constexpr const char* strict_flag = "strict";
}

CudaProgram::CudaProgram(GraphPtr graph, std::map<std::string, std::string> tactics, bool strict,
                         std::optional<ElementType> half, bool tf32)
    : graph_(std::move(graph)),
      strict_(strict),
      half_(half),
      tf32_(tf32),
      chooser_(std::make_shared<TacticChooser>(std::move(tactics))) {}

void CudaProgram::share(const CudaProgram& other) {
  packed_ = other.packed_;
  code_ = other.code_;
  constants_ = other.constants_;
}

std::shared_ptr<Plan> CudaProgram::plan(const Bindings& bindings, const GpuInfo& info,
                                        std::shared_ptr<Gpu> gpu, bool time_tactics) const {
  auto constants = gpu ? constants_->on(gpu) : nullptr;
  PlanContext context{packed_,        chooser_,             code_,   info,
                      std::move(gpu), std::move(constants), strict_, tf32_,
                      time_tactics};
  Graph graph = specialize_for(*graph_, bindings);
  if (half_) graph = narrow(graph, *half_, info);
  return std::make_shared<Plan>(laid_out(graph, info), context);
}

std::shared_ptr<Executor> CudaProgram::instantiate(std::span<const Tensor> inputs, int) {
  const FoundGpu& found = this_gpu();
  const Bindings bindings = bind_inputs(*graph_, inputs);
  if (gpu_indices().size() > 1) {
    return std::make_shared<Replicas>(
        gpu_indices(), [self = shared_from_this(), bindings](int index) {
          return self->plan(bindings, gpu(index)->info(), gpu(index), false);
        });
  }
  if (found.gpu) return plan(bindings, found.gpu->info(), found.gpu, false);
  // It can be looked at where it cannot run.
  const auto architecture = code_->architecture();
  if (!architecture) fail(ErrorCode::unavailable, "target cuda: {}", found.reason);
  return plan(bindings, typical_gpu(*architecture), nullptr, false);
}

void CudaProgram::tune(const CompileOptions& options) {
  const FoundGpu& found = this_gpu();
  if (!found.gpu && options.architectures.empty() && !options.profiles.empty()) {
    fail(ErrorCode::unavailable,
         "target cuda: {}; --arch names the architecture to compile for on a machine without a GPU",
         found.reason);
  }
  for (const InputShapes& shapes : options.profiles) {
    const Bindings bindings = bindings_of(*graph_, shapes);
    if (found.gpu) {
      reports_.push_back(
          plan(bindings, found.gpu->info(), found.gpu, options.time_tactics)->report());
    }
    for (const std::string& architecture : options.architectures) {
      if (found.gpu && found.gpu->info().architecture == architecture) continue;
      const auto planned = plan(bindings, typical_gpu(architecture), nullptr, false);
      if (!found.gpu && architecture == options.architectures[0])
        reports_.push_back(planned->report());
    }
  }
}

ProgramImage CudaProgram::save() const {
  ProgramImage image;
  TacticTable table;
  if (strict_) table.flags.emplace(strict_flag);
  if (half_) table.flags.emplace(name(*half_));
  if (tf32_) table.flags.emplace(tf32_flag);
  table.choices = chooser_->choices();
  image.text = table.text();
  image.sections = code_->saved();
  return image;
}

void CudaProgram::restore(const ProgramImage& image) {
  chooser_->keep_known();
  for (const auto& [name, section] : image.sections) code_->add(name, section);
}

}  // namespace drawbar::cuda
