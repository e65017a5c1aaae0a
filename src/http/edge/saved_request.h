// A request kept beyond the loop turn in which it was read: what its connection's buffer held is copied, the
// fields packed. Restored into the thread's RequestHead when the request goes on. Used again and again: see spares.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/ip.h"
#include "http/edge/view.h"
#include "http/wire/head.h"

namespace popnet::http {

class SavedRequest {
 public:
  SavedRequest() = default;
  SavedRequest(const SavedRequest&) = delete;
  SavedRequest& operator=(const SavedRequest&) = delete;

  /// `route` with its path as in head.target. REQUIRES: empty
  void save(const RequestHead& head, const Route& route, std::shared_ptr<const View> view,
            const IpAddress& client, std::string_view request_id);
  void clear();

  /// The views in `head` are valid as long as this is, and not cleared.
  void restore(RequestHead& head) const;
  [[nodiscard]] const Route& route() const { return route_; }
  [[nodiscard]] const View& view() const { return *view_; }
  [[nodiscard]] const IpAddress& client() const { return client_; }
  [[nodiscard]] std::string_view request_id() const { return request_id_; }
  [[nodiscard]] Method method() const { return method_; }

 private:
  std::string_view keep(std::string_view text);

  std::string bytes_;  // reserved once: views into it stay
  std::vector<Field> lines_;
  Method method_{};
  std::string_view method_text_;
  Target target_;
  std::string_view host_, port_;
  uint16_t own_port_ = 0;
  bool https_ = false;
  uint8_t minor_ = 1;
  bool keep_alive_ = false;
  bool expect_continue_ = false;
  Framing body_;
  Route route_;
  std::shared_ptr<const View> view_;
  IpAddress client_;
  std::string_view request_id_;
};

}  // namespace popnet::http
