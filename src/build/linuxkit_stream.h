#pragma once

#include "build/plan.h"

namespace kiln::build {

/// The root tree as LinuxKit's tar has it (spec layout.md §2 to §9), entry for entry: its order, paths that occur again
/// (the last one counts), its headers, and the private records that say where each entry comes from. To be written with
/// make_stream_segments(); all other outputs are made from make_plan(), which has each path once.
///
/// What LinuxKit would take from layers that no tool that unpacks them would (files below opaque directories, hard
/// links before what they link to) is taken as those do, and only the order is LinuxKit's.
Plan make_linuxkit_stream(const ResolvedSystem& system, Layers& layers);

}  // namespace kiln::build
