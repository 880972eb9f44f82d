#include "plugins/net/keystone_session.h"

#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

#include "plugins/net/json_answer.h"
#include "plugins/net/url.h"
#include "plugins/sdk/text.h"

namespace holdfast::net {

namespace {

struct Project {
  std::string id;
  std::string name;
};

// Those that a token of this user may have (GET /v3/auth/projects); none that is disabled.
Result<std::vector<Project>> ProjectsOf(HttpClient& client, const KeystoneIdentity& identity,
                                        const KeystoneToken& token, SteadyTime deadline,
                                        const Cancellation* cancellation) {
  HOLDFAST_ASSIGN_OR_RETURN(const Url url, ParseUrl(identity.auth_url));
  const std::string origin = "Keystone at " + url.Origin();
  HttpRequest request;
  request.url = WithVersion(identity.auth_url, "/v3") + "/auth/projects";
  request.headers["Accept"] = "application/json";
  request.headers["User-Agent"] = "holdfast";
  request.headers["X-Auth-Token"] = token.id;
  request.cancellation = cancellation;
  HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client.Send(request, deadline));
  if (!response.ok()) {
    return Error(CodeOfStatus(response.status),
                 fmt::format("{}: it does not list the user's projects (status {})", origin,
                             response.status));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value answer, JsonOf(response, origin));
  const Value* const projects = answer.is_map() ? answer.Find("projects") : nullptr;
  if (projects == nullptr || !projects->is_list())
    return Corrupt(origin + " answered with what is no list of projects");
  std::vector<Project> out;
  for (const Value& project : projects->AsList()) {
    if (!project.is_map() || !project.BoolOr("enabled", true)) continue;
    out.push_back({project.StringOr("id", ""), project.StringOr("name", "")});
  }
  return out;
}

Result<Project> OnlyOne(const std::vector<Project>& projects, const std::string& project_key) {
  if (projects.size() == 1) return projects.front();
  if (projects.empty()) {
    return Error(ErrorCode::kDenied, "this user of Keystone has no project")
        .Hint("it takes a role in one: openstack role add --project PROJECT --user USER ROLE");
  }
  std::vector<std::string> names;
  names.reserve(projects.size());
  for (const Project& project : projects) names.push_back(project.name);
  return InvalidInput(Printable("this user of Keystone has several projects: " + Join(names, ", ")))
      .Hint("say which one: " + project_key + " = " + Printable(names.front()));
}

}  // namespace

AskForToken KeystoneTokens(HttpClient& client, KeystoneIdentity identity, std::string project_key) {
  // Once chosen, the project stays.
  const auto chosen = std::make_shared<KeystoneIdentity>(std::move(identity));
  return [&client, chosen, project_key = std::move(project_key)](
             SteadyTime deadline, const Cancellation* cancellation) -> Result<SessionToken> {
    HOLDFAST_ASSIGN_OR_RETURN(KeystoneToken token,
                              Authenticate(client, *chosen, deadline, cancellation));
    if (token.project.empty() && chosen->application_credential_id.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto projects,
                                ProjectsOf(client, *chosen, token, deadline, cancellation));
      HOLDFAST_ASSIGN_OR_RETURN(const Project project, OnlyOne(projects, project_key));
      KeystoneIdentity with_project = *chosen;
      with_project.project = project.id;
      with_project.project_is_id = true;
      HOLDFAST_ASSIGN_OR_RETURN(token, Authenticate(client, with_project, deadline, cancellation));
      *chosen = std::move(with_project);
    }
    SessionToken out;
    // What is a token already cannot be renewed, and of one of which nothing is left Keystone would have given none: it has
    // not said how long it lives.
    if (!IsToken(*chosen) && token.left.count() > 0) out.left = token.left;
    out.token = std::move(token);
    return out;
  };
}

}  // namespace holdfast::net
