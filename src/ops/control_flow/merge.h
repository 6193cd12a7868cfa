#pragma once

#include <set>

#include "ir/infer.h"

namespace drawbar::ops {

inline constexpr int64_t no_bound = std::numeric_limits<int64_t>::max();

/// The dimension of an element of a sequence whose elements differ in it. It stands in types of
/// sequences only: whoever takes an element out puts a fresh symbol in its place.
Dim varying_dim();
bool is_varying(const Dim& dim);
/// Puts fresh symbols in the place of varying dimensions.
Type without_varying(Type type, Infer& context);

/// What is true of both types: for a value that is of one or the other. Dimensions that differ
/// become fresh symbols of `context`, ranks that differ unknown; inside sequences they become
/// varying. Throws INVALID_MODEL naming `what` when kinds or element types differ.
Type merge(const Type& a, const Type& b, Infer& context, std::string_view what);
/// The same for elements of one sequence.
Type merge_elements(const Type& a, const Type& b, std::string_view what);

/// Symbols of the types of inputs [from, to).
std::set<std::string> symbols_of(const Infer& context, size_t from, size_t to);
/// Puts fresh symbols in the place of dimensions that need symbols not in `known`: those that mean
/// something inside a subgraph only.
Type without_inner_symbols(Type type, const std::set<std::string>& known, Infer& context);

}  // namespace drawbar::ops
