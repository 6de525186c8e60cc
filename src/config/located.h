#pragma once

#include "base/error.h"
#include "config/diagnostics.h"

namespace kiln::config {

/// What `step` returns; an error of it says first where in the YAML it happened.
template <typename Step>
auto located(const Position& where, const Step& step) {
  try {
    return step();
  } catch (const Error& error) {
    throw error.within(where.to_string());
  }
}

}  // namespace kiln::config
