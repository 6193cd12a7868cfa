#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <typeindex>
#include <vector>

#include "ir/attribute.h"
#include "ir/evaluate.h"
#include "ir/infer.h"

namespace drawbar {

/// What one execution costs, as expressions over the symbols.
struct Work {
  Dim operations;  // floating-point operations, a multiply-add counts two
  Dim bytes_read, bytes_written;
};

class Op;

/// What the graph knows about an operator. Built by `register_op` from the operator's struct.
struct OpSchema {
  std::string_view name;
  std::type_index type;
  bool deterministic = true;  // false: random generators; never folded nor merged
  Op (*create)(const OpSchema&, const Attributes&);
  Attributes (*attributes)(const void* op);  // those that differ from their defaults
  void (*infer)(const void* op, Infer&);
  void (*reference)(const void* op, Evaluation&);   // null: has none, a pass must replace it
  Dim (*operations)(const void* op, const Infer&);  // null: one per output element
  bool (*keeps_rows)(const void* op, const Infer&, const std::vector<bool>& batched);  // null: no
  uint32_t (*half_weights)(const void* op);                                            // null: none
};

/// A node's operator: a schema and an immutable struct of attributes.
class Op {
 public:
  Op() = default;
  template <class T>
  requires(!std::is_same_v<std::decay_t<T>, Op>)
      Op(T attributes);  // NOLINT: an attribute struct is an operator
  Op(const OpSchema& schema, std::shared_ptr<const void> held)
      : schema_(&schema), held_(std::move(held)) {}
  /// By name, as in the text form. Throws INVALID_MODEL for unknown names and attributes.
  static Op named(std::string_view name, const Attributes& attributes);

  const OpSchema& schema() const { return *schema_; }
  std::string_view name() const { return schema_->name; }
  const void* attributes_struct() const { return held_.get(); }
  /// The attribute struct when the operator is (of the family) T, else null.
  template <class T>
  const T* as() const {
    return schema_ && schema_->type == typeid(T) ? static_cast<const T*>(held_.get()) : nullptr;
  }
  Attributes attributes() const { return schema_->attributes(held_.get()); }
  void infer(Infer& context) const { schema_->infer(held_.get(), context); }
  bool has_reference() const { return schema_->reference; }
  void reference(Evaluation& evaluation) const { schema_->reference(held_.get(), evaluation); }
  bool keeps_rows(const Infer& context, const std::vector<bool>& batched) const {
    return schema_->keeps_rows && schema_->keeps_rows(held_.get(), context, batched);
  }
  /// Bit i: input i may be f16 or bf16 where the first one is f32.
  uint32_t half_weights() const {
    return schema_->half_weights ? schema_->half_weights(held_.get()) : 0;
  }
  friend bool operator==(const Op& a, const Op& b) {
    return a.schema_ == b.schema_ && (a.held_ == b.held_ || a.attributes() == b.attributes());
  }

 private:
  const OpSchema* schema_ = nullptr;
  std::shared_ptr<const void> held_;
};

const OpSchema* find_schema(std::string_view name);  // null: unknown
std::vector<const OpSchema*> all_schemas();          // by name
void register_schema(OpSchema schema);

/// Operators are structs with `static constexpr std::string_view name` (or, for a family of one
/// struct, `op_name()` and `static T named(std::string_view)`) and `void fields(auto&& field)` that
/// calls field("name", member) for every attribute. Free functions beside the struct:
///   void infer(const T&, Infer&);
///   void reference(const T&, Evaluation&);            (may be missing)
///   Dim operations(const T&, const Infer&);           (may be missing)
///   bool keeps_rows(const T&, const Infer&, const std::vector<bool>& batched);  (may be missing)
///   uint32_t half_weights(const T&);                  (may be missing)
/// `keeps_rows` says whether entry i of every output along its first axis depends on entry i of the
/// `batched` inputs alone and on the others, given that all of these have as many entries: whether
/// the node may run on a part of a batch. `half_weights` says which inputs may be f16 or bf16 while
/// the first one is f32 (bit i: input i); each of their numbers then counts as the f32 it is.
template <class T>
concept OpFamily = requires(const T& op) {
  op.op_name();
};

template <class T>
std::string_view op_name(const T& op) {
  if constexpr (OpFamily<T>)
    return op.op_name();
  else
    return T::name;
}

namespace detail {

template <class T>
Op create(const OpSchema& schema, const Attributes& given) {
  auto op = std::make_shared<T>();
  if constexpr (OpFamily<T>) *op = T::named(schema.name);
  size_t used = 0;
  op->fields([&](std::string_view name, auto& member) {
    if (const auto found = given.find(name); found != given.end()) {
      attribute::decode(name, found->second, member);
      ++used;
    }
  });
  if (used != given.size()) {
    for (const auto& entry : given) {
      const std::string& name = entry.first;
      bool known = false;
      op->fields([&](std::string_view field, auto&) { known |= field == name; });
      if (!known) fail(ErrorCode::invalid_model, "{} has no attribute '{}'", schema.name, name);
    }
  }
  return Op(schema, std::move(op));
}

template <class T>
Attributes attributes(const void* held) {
  T plain;
  T op = *static_cast<const T*>(held);
  if constexpr (OpFamily<T>) plain = T::named(op.op_name());
  Attributes all, defaults;
  op.fields(
      [&](std::string_view name, auto& member) { all.emplace(name, attribute::encode(member)); });
  plain.fields([&](std::string_view name, auto& member) {
    defaults.emplace(name, attribute::encode(member));
  });
  std::erase_if(all, [&](const auto& entry) { return defaults.at(entry.first) == entry.second; });
  return all;
}

}  // namespace detail

template <class T>
void register_op(std::string_view name) {
  OpSchema schema{.name = name, .type = typeid(T)};
  schema.create = detail::create<T>;
  schema.attributes = detail::attributes<T>;
  schema.infer = [](const void* op, Infer& context) { infer(*static_cast<const T*>(op), context); };
  if constexpr (requires(const T& op, Evaluation& e) { reference(op, e); }) {
    schema.reference = [](const void* op, Evaluation& e) {
      reference(*static_cast<const T*>(op), e);
    };
  }
  if constexpr (requires(const T& op, const Infer& i) { operations(op, i); }) {
    schema.operations = [](const void* op, const Infer& i) {
      return operations(*static_cast<const T*>(op), i);
    };
  }
  if constexpr (requires(const T& op, const Infer& i, const std::vector<bool>& batched) {
                  keeps_rows(op, i, batched);
                }) {
    schema.keeps_rows = [](const void* op, const Infer& context, const std::vector<bool>& batched) {
      return keeps_rows(*static_cast<const T*>(op), context, batched);
    };
  }
  if constexpr (requires(const T& op) { half_weights(op); }) {
    schema.half_weights = [](const void* op) { return half_weights(*static_cast<const T*>(op)); };
  }
  if constexpr (requires { T::deterministic; }) schema.deterministic = T::deterministic;
  register_schema(std::move(schema));
}

template <class T>
requires(!std::is_same_v<std::decay_t<T>, Op>) Op::Op(T attributes)
    : schema_(find_schema(op_name(attributes))) {
  if (!schema_) fail(ErrorCode::internal, "operator {} is not registered", op_name(attributes));
  held_ = std::make_shared<const T>(std::move(attributes));
}

/// Registers an operator's struct; stands once in its op.cc.
#define DRAWBAR_OP(T) \
  [[maybe_unused]] static const bool registered_##T = (::drawbar::register_op<T>(T::name), true)

}  // namespace drawbar
