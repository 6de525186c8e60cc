#pragma once

#include "base/reporter.h"
#include "base/thread_pool.h"
#include "oci/pull.h"

namespace kiln::oci {

/// Brings a blob into the store, verified; goes on from where an earlier attempt ended. One of several tasks of
/// `group`: when another has failed it returns at once, with nothing done. Throws Error, without saying which blob it
/// was.
void fetch_blob(const Reference& repository, const Descriptor& blob, const Store& store, Registry& registry,
                Activity& activity, const TaskGroup& group, PullObserver* observer = nullptr);

}  // namespace kiln::oci
