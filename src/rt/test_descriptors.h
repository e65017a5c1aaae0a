// For tests of what happens when files and sockets run out.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

#include <vector>

#include "rt/fd.h"

namespace popnet::rt::testing {

#ifdef __SANITIZE_ADDRESS__
/// UBSan, which our builds have beside it, proves the type of an object through a pipe.
inline constexpr bool can_run_out = false;
#else
inline constexpr bool can_run_out = true;
#endif

/// While it lives the process can open only so many more. REQUIRES: no thread opens or closes any meanwhile,
/// but what the test itself makes happen.
class FewDescriptors {
 public:
  explicit FewDescriptors(int free) {
    getrlimit(RLIMIT_NOFILE, &before_);
    // The kernel gives the lowest number that is free, and refuses those from the limit on.
    std::vector<UniqueFd> probes;
    rlim_t limit = 0;
    for (int i = 0; i <= free; ++i) {
      probes.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      limit = static_cast<rlim_t>(probes.back().get());
    }
    set(limit);
  }
  ~FewDescriptors() { set(before_.rlim_cur); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  void set(rlim_t limit) const {
    const rlimit now{limit, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &now);
  }
  rlimit before_{};
};

}  // namespace popnet::rt::testing
