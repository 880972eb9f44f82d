#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plugins/sdk/operation.h"
#include "runtime/cli/session.h"

// One function a command: it does the work, talks through the session's output and returns the
// process's exit code (exit_code.h). main.cc reads the command line into the structs below and
// knows nothing else; a command knows nothing of how the line was read.
namespace holdfast::cli {

struct ProvidersArguments {
  std::string provider;  // show, check: a name or id; check: also a file; empty = all
};
int ListProviders(Session& session);
int ShowProvider(Session& session, const ProvidersArguments& arguments);
int CheckProviders(Session& session, const ProvidersArguments& arguments);

struct PluginsArguments {
  std::string plugin;     // a plugin's name or exec:PATH; empty = every one built in
  std::string sample;     // check: a file that says on what it is tried; empty = the plugin's own
  std::string folder;     // check-here: an empty one that is there
  std::size_t first = 0;  // check-here: of the checks, those from this one on
};
int ListPlugins(Session& session);
// Each plugin is tried in a process of its own (check-here), so that one that crashes is a broken
// promise and the others go on.
int CheckPlugins(Session& session, const PluginsArguments& arguments);
// That process: one plugin; says what it does as JSON lines.
int CheckPluginHere(Session& session, const PluginsArguments& arguments);

struct ResourcesArguments {
  std::string provider;
  std::string type;  // empty = all types of the provider
};
int ListResources(Session& session, const ResourcesArguments& arguments);

struct PlanArguments {
  std::string plan;
  std::string output;  // empty: beside the plan; "-": stdout
  bool allow_missing = false;
  bool json_lines = false;
};
int DiscoverPlan(Session& session, const PlanArguments& arguments);

struct NewPlanArguments {
  std::string name;
  std::string provider;
  std::vector<std::string> resources;  // "type#id"
  std::string output;                  // empty: NAME.yaml; "-": stdout
};
int NewPlan(Session& session, const NewPlanArguments& arguments);

struct PreflightArguments {
  std::string plan;
};
int CheckPlan(Session& session, const PreflightArguments& arguments);

struct CompileArguments {
  Operation operation = Operation::kProtect;
  std::string plan;        // protect
  std::string graph;       // protect; empty: beside the plan
  std::string checkpoint;  // the others: an id, or "latest"
  std::string of_plan;     // with "latest": only of this plan
  std::string of_origin;   // with "latest": only what this provider (name or id) made
  std::string provider;    // the others
  std::string parameters;  // the others: a file
  std::string output;      // empty: NAME-OPERATION.yaml in the working folder
  std::string engine = "argo";
  std::string kind = "workflow";
  std::string fuse;  // empty: as the plan says
  std::uint32_t max_tasks_per_template = 200;
  std::uint32_t max_tasks_per_workflow = 1500;
  std::string sample;    // verify: the share to read, such as "10%"; empty = as the parameters say
  bool partial = false;  // restore, verify: of a checkpoint that is not whole
  bool brief = false;    // no words of what goes well: it is one of several of a command
};
int CompileWorkflow(Session& session, const CompileArguments& arguments);

struct ExplainArguments {
  std::string file;
  std::string step;
};
int ExplainStep(Session& session, const ExplainArguments& arguments);

struct LintArguments {
  std::vector<std::string> files;
  std::string engine = "argo";
  std::string templates;  // empty: the installed templates/argo, unless the files have templates
};
int LintFiles(Session& session, const LintArguments& arguments);

struct VerifyWorkflowArguments {
  std::string file;
  std::string schedule;  // empty: NAME.schedule.yaml, if it is there
  std::string bundle;
  std::string templates;
};
int VerifyWorkflow(Session& session, const VerifyWorkflowArguments& arguments);

struct GraphArguments {
  std::string plan;   // a plan, or a resource graph file
  std::string graph;  // empty: beside the plan
  bool activities = false;
  Operation operation = Operation::kProtect;
  std::string fuse;
  std::string format = "dot";  // dot, mermaid, svg
  std::string output;          // empty: stdout
};
int DrawGraph(Session& session, const GraphArguments& arguments);

struct RunArguments {
  std::string file;
  std::string bundle;     // empty: NAME.bundle beside the file
  std::string templates;  // empty: the installed templates/argo
  std::string work_folder;
  std::string record;  // resume another run's record
  std::string run_id;
  std::vector<std::string> parameters;  // NAME=VALUE of the workflow
  unsigned jobs = 0;                    // 0 = as many as processors
  bool resume = false;
  bool abandon = false;  // start anew although the latest run was interrupted
  bool fail_fast = false;
  bool brief = false;  // no words of what goes well: it is one of several runs of a command
};
int RunWorkflowFile(Session& session, const RunArguments& arguments);

struct InitArgoArguments {
  std::string folder;
  // What is empty is as it was the last time, else as its comment says.
  std::string image;       // a placeholder
  std::string name_space;  // argo
  std::string bank;        // claim:NAME or hostPath:PATH; needed for a bank that is a folder
  std::string staging;     // the same, for plugins that stage what a later step takes
  std::string run_as;      // UID or UID:GID; 10001
  std::vector<std::string> providers;  // all that are enabled
  std::string templates;               // empty: the installed templates/argo
  bool dry_run = false;
};
int InitArgo(Session& session, const InitArgoArguments& arguments);

struct PublishArguments {
  std::string file;
  std::string bundle;
  std::string templates;
  bool withdraw = false;
};
int PublishWorkflow(Session& session, const PublishArguments& arguments);

// ClusterArguments::engine.
inline constexpr std::string_view kArgoEngine = "argo";
inline constexpr std::string_view kMistralEngine = "mistral";

// Which engine, and which cluster of Argo's; empty: what the environment and the kubeconfig say. Mistral's place is in
// the environment alone.
struct ClusterArguments {
  std::string engine{kArgoEngine};
  std::string kubeconfig;
  std::string context;
  std::string name_space;
};

struct SubmitArguments {
  ClusterArguments cluster;
  std::string file;
  std::string bundle;
  std::string templates;
  std::string record;   // resume another run's record
  std::string dry_run;  // "client": print what would be sent; "server": let the server check it
  std::vector<std::string> parameters;
  std::string environment;  // of Mistral: the places of the site; empty: "holdfast"
  bool fail_fast = false;
  bool schedule = false;  // of Mistral: store the cron trigger instead of starting it
  bool watch = false;
};
int SubmitWorkflow(Session& session, const SubmitArguments& arguments);

struct ClusterRunArguments {
  ClusterArguments cluster;
  std::string run;          // a workflow's name, or a run's id
  std::string step;         // logs; empty: all
  bool follow = false;      // logs
  bool terminate = false;   // stop
  bool no_wait = false;     // stop
  std::string environment;  // resume, resubmit on Mistral; empty: that of the run
  bool watch = false;       // resume, resubmit
};
int ShowRunStatus(Session& session, const ClusterRunArguments& arguments);
int WatchWorkflow(Session& session, const ClusterRunArguments& arguments);
int ShowRunLogs(Session& session, const ClusterRunArguments& arguments);
int StopRun(Session& session, const ClusterRunArguments& arguments);
int ResumeRun(Session& session, const ClusterRunArguments& arguments);
int ResubmitRun(Session& session, const ClusterRunArguments& arguments);

struct StepArguments {
  ClusterArguments cluster;
  std::string from_cluster;  // a run there, instead of a file
  std::string file;
  std::string step;
  std::string bundle;
  std::string templates;
  std::string record;
  std::string run_id;
  std::string activity;       // one activity of a fused step
  std::string secret_folder;  // where secrets lie that pods have mounted; empty: as written
  bool dry_run = false;
  bool trust_cluster = false;  // with from_cluster: any command, and the variables of its template
};
int ListWorkflowSteps(Session& session, const StepArguments& arguments);
int ShowWorkflowStep(Session& session, const StepArguments& arguments);
int RunWorkflowStep(Session& session, const StepArguments& arguments);

struct CheckpointsArguments {
  std::string provider;
  std::string plan;
  std::string origin;      // the provider that made it, name or id; empty: any
  std::string checkpoint;  // an id, or "latest"
  std::string resource;    // ls: "type#id"
  std::string parameters;
  std::string sample;  // verify: the share to read
  std::string max_age;
  std::string prometheus;        // status: a text file to write
  bool all = false;              // list: deleted ones, too
  bool without_plugins = false;  // delete: erase a damaged one
  bool partial = false;
  std::string reason;  // pin: why
};
int ListCheckpoints(Session& session, const CheckpointsArguments& arguments);
int ShowCheckpoint(Session& session, const CheckpointsArguments& arguments);
int ListCheckpointFiles(Session& session, const CheckpointsArguments& arguments);
int DeleteCheckpoint(Session& session, const CheckpointsArguments& arguments);
int VerifyCheckpoint(Session& session, const CheckpointsArguments& arguments);
int CheckpointStatus(Session& session, const CheckpointsArguments& arguments);
int PinCheckpoint(Session& session, const CheckpointsArguments& arguments);
int UnpinCheckpoint(Session& session, const CheckpointsArguments& arguments);

struct CopyArguments {
  std::string provider;     // where from
  std::string to_provider;  // where to
  std::string
      checkpoint;  // an id, or "latest"; empty: all available ones of the plan, or of the provider
  std::string plan;
  std::string origin;      // the provider that made it, name or id; empty: any
  bool all = false;        // without a checkpoint and a plan
  std::uint32_t last = 0;  // of several: the newest so many of each plan and origin; 0: all
  std::string deadline;    // a duration; empty: none
  bool decrypt = false;
  bool dry_run = false;
};
// One after the other; each is as if it were called alone.
int CopyCheckpoints(Session& session, const CopyArguments& arguments);

struct PruneArguments {
  std::string plan;  // a plan's name, or what cannot be one: its file
  std::string provider;
  std::string origin;  // only what this provider (name or id) made; empty: of each one
  // The rules, instead of the plan's; 0 and empty: not given.
  std::uint32_t keep_last = 0;
  std::uint32_t keep_hourly = 0;
  std::uint32_t keep_daily = 0;
  std::uint32_t keep_weekly = 0;
  std::uint32_t keep_monthly = 0;
  std::uint32_t keep_yearly = 0;
  std::string keep_within;
  std::string timezone;  // empty: the plan's, else UTC
  bool dry_run = false;
};
int PruneCheckpoints(Session& session, const PruneArguments& arguments);

struct ShowArguments {
  std::string provider;
  std::string record;  // of any kind
};
int ShowRecordById(Session& session, const ShowArguments& arguments);

struct RestoresArguments {
  std::string provider;
  std::string restore;
};
int ListRestores(Session& session, const RestoresArguments& arguments);
int ShowRestore(Session& session, const RestoresArguments& arguments);
int AcceptRestore(Session& session, const RestoresArguments& arguments);

struct BankArguments {
  std::string provider;
  unsigned listed_objects = 0;  // of the longest listing; 0: as many as the suite has
};
int CheckBank(Session& session, const BankArguments& arguments);

struct FsckArguments {
  std::string provider;
  std::string checkpoint;  // only this one; empty: all
  std::string origin;      // with "latest": only what this provider (name or id) made
  std::string min_age;     // of what is removed; empty: a day
  bool quick = false;
  bool dry_run = false;
};
// Exit code 12 when anything is damaged, 13 when something could not be read for want of a key.
int FsckBank(Session& session, const FsckArguments& arguments);

// The keys of a provider: to make one in a file, and to see which there are. Never a key itself.
struct KeyArguments {
  std::string provider;
  std::string file;
};
int NewBankKey(Session& session, const KeyArguments& arguments);
int ListBankKeys(Session& session, const KeyArguments& arguments);

struct GcArguments {
  std::string provider;
  std::string run;
  std::string min_age;  // of what nobody names; empty: a day
  bool dry_run = false;
};
int CollectGarbage(Session& session, const GcArguments& arguments);

}  // namespace holdfast::cli
