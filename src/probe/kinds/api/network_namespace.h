// For tests only: runs a piece of a test in a child process with a network namespace of its own (loopback
// only), where it may change what the kernel allows. Works as root and, through a user namespace, for others.
#pragma once

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <string>

#include "rt/fd.h"

namespace popnet::probe::testing {

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.flush();
  EXPECT_TRUE(file.good()) << "cannot write " << text << " to " << path;
}

/// "net/ipv4/icmp_echo_ignore_all"
inline void set_sysctl(const std::string& name, const std::string& value) {
  write_file("/proc/sys/" + name, value);
}

inline bool enter_own_network() {
  const auto uid = getuid();
  const auto gid = getgid();
  if (unshare(CLONE_NEWNET) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
    write_file("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
  }
  const rt::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

/// Runs `body` in the child; its failed expectations fail the test.
inline void in_own_network(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (!enter_own_network()) {
      ADD_FAILURE() << "cannot make a network namespace: " << std::strerror(errno);
    } else {
      body();
    }
    fflush(nullptr);
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "see the failures of the child above";
}

}  // namespace popnet::probe::testing
