#include "control/cli/commands.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "control/cli/fields.h"
#include "control/cli/render.h"
#include "http/wire/head.h"

namespace popnet::control {

namespace {

/// Warnings, one a line, and what became of the config.
std::string render_outcome(const std::string& answer) {
  const Fields fields = Fields::parse(answer);
  std::string text;
  for (const std::string& problem : fields.texts("problems")) text += problem + "\n";
  const double revision = fields.number("revision").value_or(0);
  const std::string as = revision > 0 ? fmt::format(" as revision {:.0f}", revision) : "";
  return text + (fields.flag("on_bus") ? "the bus has it" + as + ": every node takes it over\n"
                                       : "this node has taken it over" + as + "\n");
}

constexpr std::string_view revision_mark = "# popnet config revision ";
constexpr std::string_view revision_help = "; keep this line, popnet config push goes by it";

struct Marked {
  uint64_t revision = 0;
  std::string_view text;
};

/// Takes off the line that `popnet config show` puts before the text.
Marked take_mark(std::string_view text) {
  if (!text.starts_with(revision_mark)) return {0, text};
  Marked marked;
  const char* digits = text.data() + revision_mark.size();
  std::from_chars(digits, text.data() + text.size(), marked.revision);
  const auto end = text.find('\n');
  marked.text = end == text.npos ? std::string_view() : text.substr(end + 1);
  return marked;
}

}  // namespace

Result<std::string> ask_status(Client& client) {
  auto answer = client.get("/v1/status");
  if (!answer) return answer;
  return render_status(*answer);
}

Result<std::string> ask_explanation(Client& client, const std::string& name,
                                    const std::string& client_network, const std::string& type) {
  auto answer =
      client.get("/v1/explain?name=" + Client::escape(name) + "&client=" + Client::escape(client_network) +
                 (type.empty() ? "" : "&type=" + Client::escape(type)));
  if (!answer) return answer;
  return render_explanation(*answer);
}

Result<std::string> ask_purge(Client& client, const PurgeRequest& request) {
  const int named = !request.url.empty() + !request.prefix.empty() + !request.site.empty();
  if (named != 1 || (!request.tags.empty() && request.site.empty()))
    return Error{
        ErrorCode::usage,
        "say what to purge: a URL, as in http://host/path, or --prefix http://host/folder/, or --site "
        "NAME, of which --tag TAG takes only what has that tag"};
  nlohmann::json body;
  // Here, before it is JSON, which can hold nothing but UTF-8.
  if (!request.url.empty()) body["url"] = http::escape_url(request.url);
  if (!request.prefix.empty()) body["prefix"] = http::escape_url(request.prefix);
  if (!request.site.empty()) body["site"] = request.site;
  if (!request.tags.empty()) body["tags"] = request.tags;
  if (request.soft) body["soft"] = true;
  const auto answer =
      client.post("/v1/purge", body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!answer) return answer;
  return fmt::format("{}: every node {} it\n", Fields::parse(*answer).text("purged"),
                     request.soft ? "revalidates" : "forgets");
}

Result<std::string> ask_config(Client& client) {
  std::string etag;
  auto text = client.get("/v1/config", &etag);
  if (!text || etag.size() < 3) return text;
  return fmt::format("{}{}{}\n{}", revision_mark, etag.substr(1, etag.size() - 2), revision_help, *text);
}

Result<std::string> push_config(Client& client, const PushRequest& request) {
  const Marked marked = take_mark(request.text);
  const uint64_t revision = request.revision.value_or(marked.revision);
  const std::string condition = request.force   ? ""
                                : revision == 0 ? "If-None-Match: *"
                                                : fmt::format("If-Match: \"{}\"", revision);
  const auto answer = client.put("/v1/config", std::string(marked.text), condition);
  if (answer) return render_outcome(*answer);
  if (answer.error().code != ErrorCode::conflict) return answer;
  return Error{ErrorCode::conflict,
               answer.error().message +
                   "; see with popnet config show what is new, bring it into your file, and push "
                   "that with --revision; or overwrite all of it with --force"};
}

Result<std::string> ask_reload(Client& client) {
  const auto answer = client.post("/v1/reload", "");
  if (!answer) return answer;
  return render_outcome(*answer);
}

}  // namespace popnet::control
