// Frame Streams (github.com/farsightsec/fstrm): how dnstap goes into files and to readers on a local socket.
//
//   file:    START, frames, STOP
//   socket:  READY ->, <- ACCEPT, START ->, frames ->, STOP ->, <- FINISH
//
// Nobody waits for a reader: what finds no room in the buffer for him is lost, as is what comes while there is none; it
// is tried to connect again once a second. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/time.h"
#include "records/file.h"
#include "rt/fd.h"

namespace popnet::dns::tap {

/// Where frames go.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  /// False: lost.
  virtual bool put(std::string_view frame) = 0;
  /// Call a few times a second, behind the frames of that time: sends, connects, follows rotation.
  virtual void tick(TimePoint now) = 0;
};

/// What is there is set aside by the first tick(). ErrorCode::machine when it cannot be written.
Result<std::unique_ptr<FrameSink>> open_frame_file(const std::string& path, const std::string& option);
/// Its reader need not be there yet.
std::unique_ptr<FrameSink> open_frame_socket(const std::string& path);

}  // namespace popnet::dns::tap
