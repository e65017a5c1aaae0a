// The DNS server's lines of /metrics, summed over its threads.
#pragma once

#include <memory>
#include <vector>

#include "common/counter.h"
#include "dns/server/thread_state.h"
#include "dns/server/view.h"
#include "dns/server/zone_lines.h"

namespace popnet::dns {

void collect_metrics(const std::vector<std::unique_ptr<ThreadState>>& threads, const View& view,
                     ZoneLines& zones, std::vector<CounterValue>& into);

}  // namespace popnet::dns
