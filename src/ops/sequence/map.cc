#include "ir/graph.h"
#include "ops/control_flow/merge.h"
#include "ops/sequence/op.h"

namespace drawbar::ops {

DRAWBAR_OP(SequenceMap);

void infer(const SequenceMap& op, Infer& context) {
  if (context.subgraphs() != 1 || op.mapped < 1 ||
      context.inputs() < static_cast<size_t>(op.mapped) ||
      context.subgraph(0).inputs().size() != context.inputs() ||
      context.subgraph(0).outputs().size() != context.outputs()) {
    fail(ErrorCode::invalid_model, "{} inputs and {} outputs do not fit its subgraph",
         context.inputs(), context.outputs());
  }
  std::vector<Type> types;
  for (size_t i = 0; i < context.inputs(); ++i) {
    const bool sequence = i < static_cast<size_t>(op.mapped) &&
                          (i == 0 || context.type(i).kind == Tensor::Kind::sequence);
    types.push_back(sequence ? without_varying(element_of_sequence(context, i), context)
                             : context.type(i));
  }
  std::vector<Infer::Input> inputs;
  for (const Type& type : types) inputs.push_back({&type});
  const std::vector<Type> results = context.infer_subgraph(0, inputs);
  const std::set<std::string> known = symbols_of(context, 0, context.inputs());
  for (size_t i = 0; i < results.size(); ++i) {
    const Type sequence = Type::of(Tensor::Kind::sequence, results[i]);
    context.output(i, without_inner_symbols(sequence, known, context));
  }
}

void reference(const SequenceMap& op, Evaluation& e) {
  const size_t count = e.input(0).elements().size();
  std::vector<std::vector<Tensor>> results(e.outputs());
  for (size_t k = 0; k < count; ++k) {
    e.checkpoint();
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < e.inputs(); ++i) {
      const Tensor& given = e.input(i);
      const bool sequence =
          i < static_cast<size_t>(op.mapped) && given.kind() == Tensor::Kind::sequence;
      if (sequence && given.elements().size() != count) {
        fail(ErrorCode::invalid_argument, "sequence {} has {} elements, the first has {}", i,
             given.elements().size(), count);
      }
      inputs.push_back(sequence ? given.elements()[k] : given);
    }
    std::vector<Tensor> outputs = e.run_subgraph(0, std::move(inputs));
    for (size_t i = 0; i < results.size(); ++i) results[i].push_back(std::move(outputs[i]));
  }
  for (size_t i = 0; i < results.size(); ++i) {
    e.set_output(i, Tensor::compound(Tensor::Kind::sequence, std::move(results[i])));
  }
}

}  // namespace drawbar::ops
