// Work on another thread's loop, waited for. Not from that thread.
#pragma once

#include <functional>
#include <future>
#include <memory>

#include "rt/loop.h"

namespace popnet::node {

/// False when that loop has ended: the work is not done.
inline bool run_on(rt::Loop& loop, const std::function<void()>& work) {
  auto done = std::make_shared<std::promise<void>>();
  if (!loop.post([done, work] {
        work();
        done->set_value();
      }))
    return false;
  done->get_future().wait();
  return true;
}

}  // namespace popnet::node
