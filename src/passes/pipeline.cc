#include "passes/pipeline.h"

#include <algorithm>
#include <span>

#include "passes/append_in_loops.h"
#include "passes/drop_expands.h"
#include "passes/fold_affine.h"
#include "passes/fold_batch_norm.h"
#include "passes/fold_constants.h"
#include "passes/fold_padding.h"
#include "passes/fold_shapes.h"
#include "passes/fuse_dynamic_quantized.h"
#include "passes/fuse_epilogue.h"
#include "passes/fuse_f8.h"
#include "passes/fuse_pointwise.h"
#include "passes/fuse_quantized.h"
#include "passes/inline_branches.h"
#include "passes/keep_small_weights.h"
#include "passes/lines_to_images.h"
#include "passes/merge_equal.h"
#include "passes/merge_transposes.h"
#include "passes/merge_views.h"
#include "passes/recognise_activations.h"
#include "passes/recognise_attention.h"
#include "passes/recognise_global_pool.h"
#include "passes/recognise_interleave.h"
#include "passes/recognise_layer_norm.h"
#include "passes/recognise_softmax.h"
#include "passes/reduce_powers.h"
#include "passes/remove_identities.h"
#include "passes/remove_unused.h"
#include "passes/sink_dequantize.h"

namespace drawbar {
namespace {

constexpr Pass preparing[] = {
    // What is known before running.
    {"keep_small_weights", keep_small_weights},
    {"fold_constants", fold_constants},
    {"fold_shapes", fold_shapes},
    {"sink_constants", sink_constants},
    {"inline_branches", inline_branches},
    {"fold_constants", fold_constants},
    {"fold_shapes", fold_shapes},
    {"remove_identities", remove_identities},
    {"drop_expands", drop_expands},
    {"merge_equal", merge_equal},
    {"append_in_loops", append_in_loops},
    {"fuse_dynamic_quantized", fuse_dynamic_quantized},

    // What models spell out in small steps.
    {"recognise_activations", recognise_activations},
    {"recognise_softmax", recognise_softmax},
    {"recognise_layer_norm", recognise_layer_norm},
    {"fold_layer_norm_affine", fold_layer_norm_affine},
    {"recognise_global_pool", recognise_global_pool},
    {"reduce_powers", reduce_powers},

    // Fewer movements: views go up, transposes down, until they meet.
    {"number_shapes", number_shapes},
    {"recognise_interleave", recognise_interleave},
    {"merge_views", merge_views},
    {"lift_views", lift_views},
    {"sink_transposes", sink_transposes},
    {"lift_views", lift_views},
    {"merge_transposes", merge_transposes},
    {"sink_transposes", sink_transposes},
    {"merge_views", merge_views},
    {"absorb_transposes", absorb_transposes},
    {"remove_identities", remove_identities},

    // Constants into weights.
    {"fold_padding", fold_padding},
    {"fold_batch_norm", fold_batch_norm},
    {"fold_affine", fold_affine},
    {"fold_input_scale", fold_input_scale},
    {"fold_constants", fold_constants},

    // Attention, and the movements around it.
    {"recognise_attention", recognise_attention},
    {"absorb_attention_transposes", absorb_attention_transposes},
    {"lift_views", lift_views},
    {"sink_transposes", sink_transposes},
    {"lift_views", lift_views},
    {"merge_transposes", merge_transposes},
    {"sink_transposes", sink_transposes},
    {"merge_transposes", merge_transposes},
    {"absorb_attention_transposes", absorb_attention_transposes},
    {"merge_views", merge_views},
    {"remove_identities", remove_identities},
    {"fold_affine", fold_affine},
    {"fold_constants", fold_constants},
    {"merge_equal", merge_equal},

};

// Several operators in one kernel.
constexpr Pass fusing[] = {
    // Quantised ones.
    {"sink_dequantize", sink_dequantize},
    {"fuse_quantized", fuse_quantized},
    {"lines_to_images", lines_to_images},
    {"fuse_f8", fuse_f8},
    {"fold_dequantized", fold_dequantized},

    // The others.
    {"fuse_epilogue", fuse_epilogue},
    {"fuse_pointwise", fuse_pointwise},
    {"fuse_epilogue", fuse_epilogue},

    {"remove_unused", remove_unused},
};

constexpr std::span<const Pass> neutral[] = {preparing, fusing};

constexpr Pass concrete[] = {
    {"sink_constants", sink_constants},
    {"inline_branches", inline_branches},
    {"fold_shapes", fold_shapes},
    {"remove_identities", remove_identities},
    {"drop_expands", drop_expands},
    {"number_shapes", number_shapes},
    {"merge_views", merge_views},
    {"lift_views", lift_views},
    {"sink_transposes", sink_transposes},
    {"lift_views", lift_views},
    {"merge_transposes", merge_transposes},
    {"absorb_transposes", absorb_transposes},
    {"recognise_attention", recognise_attention},
    {"absorb_attention_transposes", absorb_attention_transposes},
    {"merge_views", merge_views},
    {"remove_identities", remove_identities},
    {"merge_equal", merge_equal},
    {"fuse_epilogue", fuse_epilogue},
    {"fuse_pointwise", fuse_pointwise},
    {"fuse_epilogue", fuse_epilogue},
    {"remove_unused", remove_unused},
};

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Graph run(Graph graph, std::span<const Pass> passes, const PassOptions& options) {
  for (const std::string& name : options.disabled) pass_named(name);
  if (!options.dump_after.empty() && options.dump_after != "all") pass_named(options.dump_after);
  for (const Pass& pass : passes) {
    if (!contains(options.disabled, pass.name)) run_pass(graph, pass, options);
  }
  return graph;
}

}  // namespace

Graph prepare(Graph graph, const PassOptions& options) {
  return run(std::move(graph), preparing, options);
}

Graph fuse(Graph graph, const PassOptions& options) {
  return run(std::move(graph), fusing, options);
}

Graph optimize(Graph graph, const PassOptions& options) {
  return fuse(prepare(std::move(graph), options), options);
}

Graph refine(Graph graph, const PassOptions& options) {
  return run(std::move(graph), concrete, options);
}

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const std::span<const Pass> passes : neutral) {
    for (const Pass& pass : passes) {
      if (!contains(names, pass.name)) names.emplace_back(pass.name);
    }
  }
  return names;
}

const Pass& pass_named(std::string_view name) {
  for (const std::span<const Pass> passes : neutral) {
    const auto found =
        std::find_if(passes.begin(), passes.end(), [&](const Pass& p) { return p.name == name; });
    if (found != passes.end()) return *found;
  }
  std::string names;
  for (const std::string& known : pass_names()) names += (names.empty() ? "" : ", ") + known;
  fail(ErrorCode::invalid_argument, "there is no pass '{}', only {}", name, names);
}

}  // namespace drawbar
