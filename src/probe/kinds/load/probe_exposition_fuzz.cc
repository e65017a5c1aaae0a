// libFuzzer entry for the page of prometheus-node-exporter.
#include "probe/kinds/load/exposition.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, unsigned long size) {
  const auto figures = popnet::probe::read_exposition({reinterpret_cast<const char*>(data), size});
  if (figures.cpu) (void)popnet::probe::busy_share({}, *figures.cpu);
  return 0;
}
