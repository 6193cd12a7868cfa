#pragma once

#include "ir/evaluate_graph.h"
