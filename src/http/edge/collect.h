// The edge's lines of /metrics.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "common/counter.h"
#include "http/edge/view.h"
#include "http/store/store.h"

namespace popnet::http {

class AccessLog;
class Worker;

void collect_workers(std::span<const std::unique_ptr<Worker>> workers, std::vector<CounterValue>& out);
void collect_sites(const Registry& registry, int threads, std::vector<CounterValue>& out);
void collect_store(const Store::Stats& stats, std::vector<CounterValue>& out);
void collect_log(const AccessLog& log, std::vector<CounterValue>& out);

}  // namespace popnet::http
