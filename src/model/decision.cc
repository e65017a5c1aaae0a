#include "model/decision.h"

namespace popnet::model {

const char* to_string(Reason reason) {
  switch (reason) {
    case Reason::least_load:
      return "least_load";
    case Reason::measured:
      return "measured";
    case Reason::configured:
      return "configured";
    case Reason::distance:
      return "distance";
    case Reason::unplaced:
      return "unplaced";
    case Reason::spilled:
      return "spilled";
    case Reason::weighted:
      return "weighted";
    case Reason::failover:
      return "failover";
    case Reason::only_one:
      return "only_one";
    case Reason::fail_open:
      return "fail_open";
  }
  return "?";
}

}  // namespace popnet::model
