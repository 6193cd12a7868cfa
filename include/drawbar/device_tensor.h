#pragma once

#include "drawbar/tensor.h"

/// DLPack's description of a tensor (dlpack.h), which PyTorch, CuPy, JAX and others give and take.
struct DLManagedTensor;

namespace drawbar {

/// Tensors in the memory of accelerators. Sessions take them as inputs and write outputs that are
/// given there, without copies where the engine's target runs there, else with them:
///
///     Tensor x = from_dlpack(managed);                         // of a GPU
///     std::vector<Tensor> y = {allocate_on(x.place(), ElementType::f32, {1, 1000})};
///     session.run(std::vector{x}, y);
///
/// What writes an input must be done when `run` is called (streams synchronised); outputs are
/// complete when it returns. Runs with the same pointers as before are fastest.

/// Uninitialised numbers. Throws UNAVAILABLE where that place does not exist, RESOURCE_EXHAUSTED.
Tensor allocate_on(const Place& place, ElementType type, Shape shape);
/// The elements copied to another place; itself where it lies there already.
Tensor copied_to(const Place& place, const Tensor& tensor);
/// Copies the elements into memory that is there, wherever both lie. Throws INVALID_ARGUMENT unless
/// both are tensors of numbers of one type and shape.
void copy_elements(const Tensor& from, Tensor& to);

/// Shares the memory, and gives the description back (its deleter) with the last copy of the
/// result. Throws INVALID_ARGUMENT, with `managed` left alone, for null, other devices than the
/// host and CUDA's, types of several lanes, and strides that are not row-major.
Tensor from_dlpack(DLManagedTensor* managed);
/// A description that keeps the tensor's memory alive until its deleter is called. Throws
/// INVALID_ARGUMENT for what DLPack has no type for: strings, sequences, floats of 8 bits and
/// less, integers of less than 8.
DLManagedTensor* to_dlpack(const Tensor& tensor);

}  // namespace drawbar
