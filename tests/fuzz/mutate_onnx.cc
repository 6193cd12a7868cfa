#include <algorithm>
#include <iterator>
#include <limits>

#include "import/onnx/onnx.pb.h"
#include "tests/fuzz/mutate.h"

namespace drawbar::fuzz {
namespace {

using namespace drawbar_onnx;

template <class List>
auto* some(List* list, Random& random) {
  return list->size()
             ? list->Mutable(static_cast<int>(below(random, static_cast<size_t>(list->size()))))
             : nullptr;
}

std::string some_name(const GraphProto& graph, Random& random) {
  if (graph.node_size() == 0) return "x";
  const NodeProto& node =
      graph.node(static_cast<int>(below(random, static_cast<size_t>(graph.node_size()))));
  const auto& names = below(random, 2) ? node.input() : node.output();
  return names.empty() ? ""
                       : names[static_cast<int>(below(random, static_cast<size_t>(names.size())))];
}

/// Adds a number, removes the last one or sets one.
template <class T, class Draw>
void change_numbers(google::protobuf::RepeatedField<T>* list, Random& random, const Draw& draw) {
  const size_t choice = below(random, 4);
  if (choice == 0 || list->empty()) {
    list->Add(draw());
  } else if (choice == 1) {
    list->RemoveLast();
  } else {
    list->Set(static_cast<int>(below(random, static_cast<size_t>(list->size()))), draw());
  }
}

void change_list(google::protobuf::RepeatedField<int64_t>* list, Random& random) {
  change_numbers(list, random, [&] { return awkward_number(random); });
}

void change_floats(google::protobuf::RepeatedField<float>* list, Random& random) {
  constexpr float numbers[] = {0,
                               -1,
                               1e-45f,
                               3e38f,
                               std::numeric_limits<float>::infinity(),
                               std::numeric_limits<float>::quiet_NaN()};
  change_numbers(list, random, [&] { return numbers[below(random, std::size(numbers))]; });
}

void change_strings(google::protobuf::RepeatedPtrField<std::string>* list, Random& random) {
  std::string& text = *some(list, random);
  switch (below(random, 6)) {
    case 0:
      *list->Add() = text;
      break;
    case 1:
      list->RemoveLast();
      break;
    case 2:
      text.clear();
      break;
    case 3:
      text = *some(list, random);
      break;
    case 4:
      text += static_cast<char>(random());
      break;
    default:
      text.resize(below(random, text.size() + 1));
  }
}

void change_tensor(TensorProto* tensor, Random& random) {
  switch (below(random, 6)) {
    case 0:
      change_list(tensor->mutable_dims(), random);
      break;
    case 1:
      tensor->set_data_type(static_cast<int32_t>(below(random, 30)));
      break;
    case 2: {
      std::string* raw = tensor->mutable_raw_data();
      raw->resize(below(random, 64));
      break;
    }
    case 3:
      if (tensor->string_data_size()) {
        change_strings(tensor->mutable_string_data(), random);
      } else if (tensor->int64_data_size()) {
        change_list(tensor->mutable_int64_data(), random);
      } else if (std::string* raw = tensor->mutable_raw_data(); !raw->empty()) {
        (*raw)[below(random, raw->size())] = static_cast<char>(random());
      }
      break;
    case 4:
      tensor->clear_raw_data();
      tensor->set_doc_string(below(random, 2) ? "fill normal 0 1" : "fill constant 2");
      break;
    default:  // contents of small integer tensors steer shapes
      if (tensor->data_type() == 7 && tensor->raw_data().size() >= 8) {
        const int64_t number = awkward_number(random);
        const size_t at = below(random, tensor->raw_data().size() / 8) * 8;
        tensor->mutable_raw_data()->replace(at, 8, reinterpret_cast<const char*>(&number), 8);
      }
  }
}

void change_graph(GraphProto* graph, const ModelProto& other, Random& random);

void change_attribute(AttributeProto* attribute, const ModelProto& other, Random& random) {
  if (attribute->has_g() && below(random, 4))
    return change_graph(attribute->mutable_g(), other, random);
  if (attribute->has_t() && below(random, 4)) return change_tensor(attribute->mutable_t(), random);
  if (attribute->floats_size() && below(random, 4))
    return change_floats(attribute->mutable_floats(), random);
  if (attribute->strings_size() && below(random, 4))
    return change_strings(attribute->mutable_strings(), random);
  switch (below(random, 6)) {
    case 0:
      attribute->set_type(static_cast<int32_t>(below(random, 16)));
      break;
    case 1:
      attribute->set_f(static_cast<float>(awkward_number(random)));
      break;
    case 2:
      if (!attribute->s().empty()) attribute->set_s(attribute->s().substr(1));
      break;
    default:
      if (attribute->ints_size()) {
        change_list(attribute->mutable_ints(), random);
      } else {
        attribute->set_i(awkward_number(random));
      }
  }
}

void change_node(NodeProto* node, const GraphProto& graph, const ModelProto& other,
                 Random& random) {
  switch (below(random, 9)) {
    case 0:
      if (other.graph().node_size()) {
        const auto& from = other.graph().node(
            static_cast<int>(below(random, static_cast<size_t>(other.graph().node_size()))));
        node->set_op_type(from.op_type());
        if (below(random, 2)) *node->mutable_attribute() = from.attribute();
      }
      break;
    case 1:
      if (std::string* input = some(node->mutable_input(), random))
        *input = some_name(graph, random);
      break;
    case 2:
      if (node->input_size() && below(random, 2)) {
        node->mutable_input()->RemoveLast();
      } else {
        node->add_input(some_name(graph, random));
      }
      break;
    case 3:
      if (node->output_size() > 1 && below(random, 2)) {
        node->mutable_output()->RemoveLast();
      } else {
        node->add_output("extra" + std::to_string(below(random, 4)));
      }
      break;
    case 4:
      if (node->attribute_size())
        node->mutable_attribute()->DeleteSubrange(
            static_cast<int>(below(random, static_cast<size_t>(node->attribute_size()))), 1);
      break;
    default:
      if (AttributeProto* attribute = some(node->mutable_attribute(), random))
        change_attribute(attribute, other, random);
  }
}

void change_type(TypeProto* type, Random& random) {
  if (type->has_sequence_type())
    return change_type(type->mutable_sequence_type()->mutable_elem_type(), random);
  if (type->has_optional_type())
    return change_type(type->mutable_optional_type()->mutable_elem_type(), random);
  if (type->has_map_type()) {
    if (below(random, 2))
      return type->mutable_map_type()->set_key_type(static_cast<int32_t>(below(random, 14)));
    return change_type(type->mutable_map_type()->mutable_value_type(), random);
  }
  if (!type->has_tensor_type()) return;
  auto* tensor = type->mutable_tensor_type();
  switch (below(random, 5)) {
    case 0:
      tensor->set_elem_type(static_cast<int32_t>(below(random, 30)));
      break;
    case 1:
      tensor->clear_shape();
      break;
    case 2:
      tensor->mutable_shape()->add_dim()->set_dim_value(awkward_number(random));
      break;
    case 3:
      if (auto* dim = some(tensor->mutable_shape()->mutable_dim(), random))
        dim->set_dim_param(below(random, 2) ? "N" : "M");
      break;
    default:
      if (auto* dim = some(tensor->mutable_shape()->mutable_dim(), random))
        dim->set_dim_value(awkward_number(random));
  }
}

void change_graph(GraphProto* graph, const ModelProto& other, Random& random) {
  switch (below(random, 10)) {
    case 0:
      if (auto* input = some(graph->mutable_input(), random))
        change_type(input->mutable_type(), random);
      break;
    case 1:
      if (auto* tensor = some(graph->mutable_initializer(), random)) change_tensor(tensor, random);
      break;
    case 2:
      if (graph->node_size()) {
        const auto count = static_cast<size_t>(graph->node_size());
        graph->mutable_node()->SwapElements(static_cast<int>(below(random, count)),
                                            static_cast<int>(below(random, count)));
      }
      break;
    case 3:
      if (graph->node_size())
        graph->mutable_node()->DeleteSubrange(
            static_cast<int>(below(random, static_cast<size_t>(graph->node_size()))), 1);
      break;
    case 4: {  // an input becomes a constant of small integers
      if (graph->input_size() == 0) break;
      TensorProto* tensor = graph->add_initializer();
      tensor->set_name(
          graph->input(static_cast<int>(below(random, static_cast<size_t>(graph->input_size()))))
              .name());
      tensor->set_data_type(7);
      for (size_t i = below(random, 5); i > 0; --i) tensor->add_int64_data(awkward_number(random));
      tensor->add_dims(tensor->int64_data_size());
      break;
    }
    default:
      if (NodeProto* node = some(graph->mutable_node(), random))
        change_node(node, *graph, other, random);
  }
}

}  // namespace

std::string mutate_onnx(const std::string& bytes, const Seeds& seeds, Random& random) {
  if (below(random, 5) == 0) return mutate_bytes(bytes, seeds, random);
  ModelProto model, other;
  if (!model.ParseFromString(bytes) || !other.ParseFromString(seeds[below(random, seeds.size())]))
    return mutate_bytes(bytes, seeds, random);
  for (size_t i = 1 + below(random, 4); i > 0; --i) {
    if (below(random, 30) == 0) {
      model.set_ir_version(awkward_number(random));
    } else if (auto* opset = some(model.mutable_opset_import(), random);
               opset && below(random, 8) == 0) {
      opset->set_version(static_cast<int64_t>(below(random, 30)));
    } else if (model.functions_size() && below(random, 2)) {
      FunctionProto* function = some(model.mutable_functions(), random);
      if (NodeProto* node = some(function->mutable_node(), random))
        change_node(node, model.graph(), other, random);
    } else {
      change_graph(model.mutable_graph(), other, random);
    }
  }
  return model.SerializeAsString();
}

}  // namespace drawbar::fuzz
