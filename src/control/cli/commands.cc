#include "control/cli/commands.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/cli/fields.h"
#include "control/cli/render.h"

namespace popnet::control {

namespace {

/// Warnings, one a line, and what became of the config.
std::string render_outcome(const std::string& answer) {
  const Fields fields = Fields::parse(answer);
  std::string text;
  for (const std::string& problem : fields.texts("problems")) text += problem + "\n";
  return text + (fields.flag("on_bus") ? "the bus has it: every node takes it over\n"
                                       : "this node has taken it over\n");
}

}  // namespace

Result<std::string> ask_status(Client& client) {
  auto answer = client.get("/v1/status");
  if (!answer) return answer;
  return render_status(*answer);
}

Result<std::string> ask_explanation(Client& client, const std::string& name,
                                    const std::string& client_network) {
  auto answer =
      client.get("/v1/explain?name=" + Client::escape(name) + "&client=" + Client::escape(client_network));
  if (!answer) return answer;
  return render_explanation(*answer);
}

Result<std::string> ask_purge(Client& client, const PurgeRequest& request) {
  if (request.url.empty() == request.site.empty())
    return Error{ErrorCode::usage, "say what to purge: either a URL, as in http://host/path, or --site NAME"};
  nlohmann::json body =
      request.url.empty() ? nlohmann::json{{"site", request.site}} : nlohmann::json{{"url", request.url}};
  if (request.soft) body["soft"] = true;
  const auto answer =
      client.post("/v1/purge", body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!answer) return answer;
  return fmt::format("{}: every node {} it\n", Fields::parse(*answer).text("purged"),
                     request.soft ? "revalidates" : "forgets");
}

Result<std::string> ask_config(Client& client) {
  return client.get("/v1/config");
}

Result<std::string> push_config(Client& client, const std::string& text) {
  const auto answer = client.put("/v1/config", text);
  if (!answer) return answer;
  return render_outcome(*answer);
}

Result<std::string> ask_reload(Client& client) {
  const auto answer = client.post("/v1/reload", "");
  if (!answer) return answer;
  return render_outcome(*answer);
}

}  // namespace popnet::control
