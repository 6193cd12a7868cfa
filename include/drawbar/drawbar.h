#pragma once

/// \mainpage Drawbar
///
/// Compiles trained models for a processor and runs them:
///
///     #include <drawbar/drawbar.h>
///
///     auto engine = drawbar::compile_model({.model = "resnet50.onnx"});
///     engine->save("resnet50.engine");
///
///     drawbar::Session session(drawbar::Engine::load("resnet50.engine"), {.threads = 2});
///     auto x = drawbar::Tensor::allocate(drawbar::ElementType::f32, {1, 3, 224, 224});
///     …
///     std::vector<drawbar::Tensor> y = session.run(std::vector{x});
///
/// Failures are exceptions of one type, drawbar::Error.

#include "drawbar/compile.h"
#include "drawbar/engine.h"
#include "drawbar/error.h"
#include "drawbar/session.h"
#include "drawbar/tensor.h"
#include "drawbar/version.h"
