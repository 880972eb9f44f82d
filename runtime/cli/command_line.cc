#include "runtime/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "compiler/emit/engine_emitter.h"
#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/places.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/version.h"
#include "runtime/store/layout.h"

// The command line of `holdfast`: CLI11 reads it into the structs of commands.h. The one file that
// sees CLI11, whose own exit codes and texts stop here.

namespace holdfast::cli {
namespace {

constexpr std::string_view kSampleHelp =
    "Read only this share of what is stored, such as 10%, of each stream at least one segment: "
    "other ones each time";

// Everything that the options write into. One process, one command line.
struct Arguments {
  GlobalArguments global;
  ProvidersArguments providers;
  PluginsArguments plugins;
  ResourcesArguments resources;
  PlanArguments plan;
  NewPlanArguments new_plan;
  PreflightArguments preflight;
  CompileArguments compile;
  ExplainArguments explain;
  LintArguments lint;
  GraphArguments graph;
  RunArguments run;
  PublishArguments publish;
  VerifyWorkflowArguments verify_workflow;
  InitArgoArguments init;
  SubmitArguments submit;
  ClusterRunArguments cluster_run;
  StepArguments step;
  CheckpointsArguments checkpoints;
  PruneArguments prune;
  CopyArguments copy;
  RestoresArguments restores;
  ShowArguments show;
  BankArguments bank;
  FsckArguments fsck;
  KeyArguments key;
  GcArguments gc;
  std::string graph_operation = "protect";
  std::string shell;
  std::string topic = "cli";
  Action action;
};

}  // namespace

class CommandLine::Declared {
 public:
  Declared()
      : app_("Compiles protect, restore and delete of a resource graph into a workflow.",
             "holdfast") {
    app_.require_subcommand(0, 1);
    app_.set_help_flag("-h,--help", "Print this help and exit");
    app_.set_version_flag("--version", std::string(kVersionText));
    app_.add_option("--provider-config-dir", a_.global.provider_config_dir,
                    "Folder of provider files (default: $HOLDFAST_PROVIDER_CONFIG_DIR, else " +
                        std::string(kDefaultProviderFolder) + ")");
    app_.add_flag("--json", a_.global.json, "Data as one JSON object a line, with a message_type");
    app_.add_flag("-q,--quiet", a_.global.quiet, "No words beside data, warnings and errors");
    app_.fallthrough();
    AddProviders();
    AddPlans();
    AddCompile();
    AddInit();
    AddRun();
    AddCluster();
    AddRecords();
    AddRest();
  }

  CLI::App& app() { return app_; }
  Arguments& arguments() { return a_; }

 private:
  CLI::App* Group(const std::string& name, const std::string& what) {
    CLI::App* const group = app_.add_subcommand(name, what);
    group->require_subcommand(1);
    group->fallthrough();
    return group;
  }

  CLI::App* Command(CLI::App* parent, const std::string& name, const std::string& what,
                    Action action) {
    CLI::App* const command = parent->add_subcommand(name, what);
    command->fallthrough();
    command->callback([this, action = std::move(action)] { a_.action = action; });
    return command;
  }

  void Provider(CLI::App* command, std::string& target, bool required = false) {
    auto* const option = command->add_option(
        "-p,--provider", target, "Name or id of the provider (default: the only one there is)");
    if (required) option->required();
  }

  // Which of the providers whose checkpoints, or copies of them, are in one bank.
  void Origin(CLI::App* command, std::string& target, const std::string& what,
              const std::string& otherwise = "") {
    NotEmpty(command->add_option("--origin", target, what + ", name or id" + otherwise));
  }

  // An option or argument that names a run or a record.
  CLI::Option* Id(CLI::App* command, const std::string& name, std::string& target,
                  const std::string& what) {
    return command->add_option(name, target, what)
        ->check(CLI::Validator(
            [](const std::string& text) {
              const Status known = runtime::CheckId(text);
              return known ? std::string() : known.error().message();
            },
            ""));
  }

  // A name that is empty is a variable of a script that nothing was put into, and no run is called so.
  static void NotEmpty(CLI::Option* option) {
    option->check(CLI::Validator(
        [](const std::string& text) { return text.empty() ? "it is empty" : std::string(); }, ""));
  }

  void AddProviders() {
    CLI::App* const group = Group("providers", "The providers of this machine");
    Command(group, "list", "List the providers and the files that are not used",
            [](Session& s) { return ListProviders(s); });
    CLI::App* command =
        Command(group, "show", "Show a provider: its bank, plugins, settings and schemas",
                [this](Session& s) { return ShowProvider(s, a_.providers); });
    command->add_option("provider", a_.providers.provider, "Name or id");
    command = Command(group, "check", "Check provider files in full",
                      [this](Session& s) { return CheckProviders(s, a_.providers); });
    command->add_option("provider", a_.providers.provider,
                        "Name, id or file (default: every file of the folder)");

    CLI::App* const plugins = Group("plugins", "The plugins that are built in");
    Command(plugins, "list", "List banks, protection and protectable plugins",
            [](Session& s) { return ListPlugins(s); });
    command = Command(plugins, "check", "Run the conformance kit on plugins",
                      [this](Session& s) { return CheckPlugins(s, a_.plugins); });
    command->add_option("plugin", a_.plugins.plugin,
                        "A plugin's name or exec:PATH (default: all that are built in)");
    command->add_option("--sample", a_.plugins.sample,
                        "File that says on what the plugin is tried (default: what is built in for "
                        "it, PATH.sample.yaml)");

    command = Command(plugins, "check-here", "What 'plugins check' starts for each plugin",
                      [this](Session& s) { return CheckPluginHere(s, a_.plugins); });
    command->group("");  // not for people
    command->add_option("plugin", a_.plugins.plugin, "The plugin")->required();
    command->add_option("folder", a_.plugins.folder, "An empty folder")->required();
    command->add_option("first", a_.plugins.first, "The first check")->required();
    command->add_option("--sample", a_.plugins.sample, "A file");

    CLI::App* const resources = Group("resources", "The resources that a provider's plugins find");
    command = Command(resources, "list", "List the resources that can be protected",
                      [this](Session& s) { return ListResources(s, a_.resources); });
    Provider(command, a_.resources.provider);
    command->add_option("--type", a_.resources.type, "Only this resource type");
  }

  void AddPlans() {
    CLI::App* const plan = Group("plan", "Plans: what to protect");
    CLI::App* command = Command(plan, "new", "Write a plan for some resources, to be edited",
                                [this](Session& s) { return NewPlan(s, a_.new_plan); });
    command->add_option("name", a_.new_plan.name, "The plan's name")->required();
    command->add_option("resource", a_.new_plan.resources, "TYPE#ID (see holdfast resources list)")
        ->required();
    Provider(command, a_.new_plan.provider);
    command->add_option("-o,--output", a_.new_plan.output,
                        "File to write (default: NAME.yaml; - = stdout)");
    command = Command(plan, "discover", "Write the resource graph of a plan as a file to review",
                      [this](Session& s) { return DiscoverPlan(s, a_.plan); });
    command->add_option("plan", a_.plan.plan, "The plan's file")->required();
    command->add_option("-o,--output", a_.plan.output,
                        "File to write (default: PLAN.graph.yaml beside the plan; - = stdout)");
    command->add_flag(
        "--allow-missing", a_.plan.allow_missing,
        "A listing that fails is a warning, which the checkpoint records; the graph may "
        "then be smaller");
    command->add_flag("--json-lines", a_.plan.json_lines, "One resource a line, for large graphs");
    command = Command(
        &app_, "check",
        "Check a plan before it runs: provider, bank, tools, permissions, space. Exit code 0 or 3",
        [this](Session& s) { return CheckPlan(s, a_.preflight); });
    command->add_option("plan", a_.preflight.plan, "The plan's file")->required();
  }

  void CompileOptions(CLI::App* command) {
    command->add_option(
        "-o,--output", a_.compile.output,
        "Workflow file to write (default: PLAN-OPERATION.yaml); its bundle stands beside it");
    command->add_option("--engine", a_.compile.engine, "Engine that is to run it")
        ->check(CLI::IsMember(compiler::EngineNames()))
        ->capture_default_str();
    command
        ->add_option("--kind", a_.compile.kind,
                     "workflow: started once; template: a WorkflowTemplate with a stable name, and "
                     "for either engine the plan's schedule: a CronWorkflow, or a cron trigger of "
                     "Mistral")
        ->check(CLI::IsMember({"workflow", "template"}))
        ->capture_default_str();
    command
        ->add_option("--fuse", a_.compile.fuse,
                     "none: one activity a step; leaf: one step for the activities of a leaf "
                     "(default: as the plan says)")
        ->check(CLI::IsMember({"none", "leaf"}));
    command
        ->add_option(
            "--max-tasks-per-template", a_.compile.max_tasks_per_template,
            "Tasks in one template, or in one definition of Mistral. Argo's own definitions refuse "
            "more than 200, and so does 'compile' for Mistral. More steps than that become "
            "templates, or sub-workflows, that call each other")
        ->check(CLI::Range(compiler::kFewestItems, 1'000'000U))
        ->capture_default_str();
    command
        ->add_option(
            "--max-tasks-per-workflow", a_.compile.max_tasks_per_workflow,
            "Tasks in one Workflow of Argo; what is more becomes child Workflows that it starts. "
            "More than 1500 in one are for the local engine alone")
        ->check(CLI::Range(compiler::kFewestTasks, 10'000'000U))
        ->capture_default_str();
  }

  void AddCompile() {
    CLI::App* const compile =
        Group("compile", "Compile an operation into a workflow file with its bundle");
    CLI::App* command =
        Command(compile, "protect", "Protect the resources of a plan", [this](Session& s) {
          a_.compile.operation = Operation::kProtect;
          return CompileWorkflow(s, a_.compile);
        });
    command->add_option("plan", a_.compile.plan, "The plan's file")->required();
    command->add_option("--graph", a_.compile.graph,
                        "The resource graph (default: PLAN.graph.yaml beside the plan)");
    CompileOptions(command);
    const auto from_checkpoint = [&](Operation operation, const std::string& what) {
      CLI::App* const c =
          Command(compile, std::string(NameOf(operation)), what, [this, operation](Session& s) {
            a_.compile.operation = operation;
            return CompileWorkflow(s, a_.compile);
          });
      Id(c, "checkpoint", a_.compile.checkpoint, "The checkpoint's id, or latest")->required();
      Provider(c, a_.compile.provider);
      c->add_option("--plan", a_.compile.of_plan,
                    "With latest: the newest checkpoint of this plan");
      Origin(c, a_.compile.of_origin, "With latest: the newest one that this provider made");
      c->add_option("--parameters", a_.compile.parameters,
                    "File of parameters: TYPE or TYPE#ID, then its map");
      CompileOptions(c);
      return c;
    };
    from_checkpoint(Operation::kRestore, "Restore a checkpoint")
        ->add_flag("--partial", a_.compile.partial, "Also from a checkpoint that is in error");
    from_checkpoint(Operation::kDelete, "Delete a checkpoint");
    command = from_checkpoint(Operation::kVerify,
                              "Verify a checkpoint: read every byte, or a sample, back");
    command->add_flag("--partial", a_.compile.partial, "Also of a checkpoint that is in error");
    command->add_option("--sample", a_.compile.sample, std::string(kSampleHelp));

    command = Command(&app_, "explain",
                      "Say which resource, plugin and rule put a step's edges and gates there",
                      [this](Session& s) { return ExplainStep(s, a_.explain); });
    command->add_option("file", a_.explain.file, "The workflow file")->required();
    command->add_option("step", a_.explain.step, "The step's name")->required();

    command = Command(&app_, "lint", "Check workflow files offline, as their engine would and more",
                      [this](Session& s) { return LintFiles(s, a_.lint); });
    command->add_option("file", a_.lint.files, "Workflow files and templates")->required();
    command->add_option("--engine", a_.lint.engine, "The engine that the files are for")
        ->check(CLI::IsMember(compiler::EngineNames()))
        ->capture_default_str();
    command->add_option(
        "--templates", a_.lint.templates,
        "Folder of the templates they refer to (default: the installed templates/argo)");

    command = Command(&app_, "verify-workflow",
                      "Prove that a workflow file, of whatever engine, does what its bundle says: "
                      "every pair of steps in order, and none kept back that could run",
                      [this](Session& s) { return VerifyWorkflow(s, a_.verify_workflow); });
    FileOptions(command, a_.verify_workflow.file, a_.verify_workflow.bundle,
                a_.verify_workflow.templates);
    command->add_option("--schedule", a_.verify_workflow.schedule,
                        "What starts it by itself (default: NAME.schedule.yaml, if it is there)");

    command = Command(&app_, "graph", "Draw the resource graph or the activity DAG of a plan",
                      [this](Session& s) {
                        a_.graph.operation = *ParseOperation(a_.graph_operation);
                        return DrawGraph(s, a_.graph);
                      });
    command->add_option("plan", a_.graph.plan, "The plan's file")->required();
    command->add_option("--graph", a_.graph.graph,
                        "The resource graph (default: PLAN.graph.yaml beside the plan)");
    command->add_flag("--activities", a_.graph.activities,
                      "The activity DAG instead of the resource graph");
    command->add_option("--operation", a_.graph_operation, "Operation of the activity DAG")
        ->check(CLI::IsMember({"protect", "restore", "delete", "verify"}))
        ->capture_default_str();
    command->add_option("--fuse", a_.graph.fuse, "none or leaf (default: as the plan says)")
        ->check(CLI::IsMember({"none", "leaf"}));
    command->add_option("--format", a_.graph.format, "dot, mermaid or svg")
        ->check(CLI::IsMember({"dot", "mermaid", "svg"}))
        ->capture_default_str();
    command->add_option("-o,--output", a_.graph.output, "File to write (default: stdout)");
  }

  void AddInit() {
    CLI::App* const init = Group("init", "Write what a site keeps for its engine");
    CLI::App* command = Command(
        init, "argo",
        "Write the templates of a cluster: leaf templates, accounts, provider files. Run again "
        "it shows what changed, and overwrites nothing that was edited",
        [this](Session& s) { return InitArgo(s, a_.init); });
    command->add_option("folder", a_.init.folder, "Folder to write to")->required();
    command->add_option("--image", a_.init.image,
                        "Image of the steps, by digest: NAME@sha256:... ('make image')");
    command->add_option("--namespace", a_.init.name_space, "Namespace of the runs (default: argo)");
    command->add_option("--bank", a_.init.bank,
                        "Volume of a bank that is a folder: claim:NAME or hostPath:/PATH");
    command->add_option("--staging", a_.init.staging,
                        "Volume for what a step stages and a later one takes, such as dumps of "
                        "PostgreSQL: claim:NAME or hostPath:/PATH");
    command->add_option("--run-as", a_.init.run_as, "UID or UID:GID of the steps (default: 10001)");
    command->add_option("-p,--provider", a_.init.providers,
                        "Providers of the site, by name or id (default: all)");
    command->add_option(
        "--templates", a_.init.templates,
        "Folder to take the templates from (default: the installed templates/argo)");
    command->add_flag("--dry-run", a_.init.dry_run, "Only show what would change");
  }

  void FileOptions(CLI::App* command, std::string& file, std::string& bundle,
                   std::string& templates) {
    auto* const named = command->add_option("file", file, "The workflow file");
    NotEmpty(named->required());
    command->add_option("--bundle", bundle,
                        "Its bundle's folder (default: NAME.bundle beside the file)");
    command->add_option(
        "--templates", templates,
        "Folder of the templates it refers to (default: the installed templates/argo)");
  }

  void AddRun() {
    CLI::App* command = Command(&app_, "run", "Run a workflow file on this machine",
                                [this](Session& s) { return RunWorkflowFile(s, a_.run); });
    FileOptions(command, a_.run.file, a_.run.bundle, a_.run.templates);
    command
        ->add_option("-j,--jobs", a_.run.jobs,
                     "Steps at the same time (default: as many as processors)")
        ->check(CLI::Range(1U, 1024U));
    command->add_flag(
        "--resume", a_.run.resume,
        "Go on with the run of this file that was interrupted; of one that was stopped or "
        "failed, with its record in a new run");
    command->add_flag(
        "--new", a_.run.abandon,
        "Start a new run although the latest one was interrupted; 'holdfast gc --run ID' ends "
        "that one, and has to where both bring one resource to rest");
    Id(command, "--record", a_.run.record,
       "Work on this record again: finished steps return at once");
    Id(command, "--run-id", a_.run.run_id,
       "The run's id, which no other run has or had (default: a new UUID)");
    command->add_option("--run-dir", a_.run.work_folder,
                        "Folder of logs and state (default: NAME.run beside the file)");
    command->add_option("--parameter", a_.run.parameters,
                        "NAME=VALUE: a parameter of the workflow");
    command->add_flag("--fail-fast", a_.run.fail_fast,
                      "Start no preparation once something has failed");

    command = Command(&app_, "publish",
                      "Put the bundle of a workflow into the bank, for runs that others start "
                      "(GitOps, cron)",
                      [this](Session& s) { return PublishWorkflow(s, a_.publish); });
    FileOptions(command, a_.publish.file, a_.publish.bundle, a_.publish.templates);
    command->add_flag("--withdraw", a_.publish.withdraw,
                      "No longer: 'holdfast gc' removes it as soon as no checkpoint needs it");

    AddStep();
  }

  // A step of a file, or of a run on a cluster; `named`: of one step.
  CLI::App* StepCommand(CLI::App* group, const std::string& name, const std::string& what,
                        bool named, int (*function)(Session&, const StepArguments&)) {
    CLI::App* const command = group->add_subcommand(name, what);
    command->fallthrough();
    command->add_option("file", a_.step.file, "The workflow file; none with --from-cluster");
    if (named) command->add_option("step", a_.step.step, "The step's name, begin or end");
    command->add_option(
        "--bundle", a_.step.bundle,
        "Its bundle's folder (default: NAME.bundle beside the file, the bank's of a run)");
    command->add_option("--templates", a_.step.templates,
                        "Folder of the templates it refers to (default: the installed "
                        "templates/argo, the cluster's "
                        "of a run)");
    NotEmpty(command->add_option(
        "--from-cluster", a_.step.from_cluster,
        "Instead of a file: a run on a cluster, by its workflow's name or its id"));
    ClusterOptions(command, a_.step.cluster);
    command->callback([this, named, function] {
      // With --from-cluster the first word is the step.
      if (!a_.step.from_cluster.empty() && !a_.step.file.empty()) {
        if (!named || !a_.step.step.empty())
          throw CLI::ValidationError("a file, and --from-cluster", "one of them");
        std::swap(a_.step.step, a_.step.file);
      }
      if (a_.step.from_cluster.empty() && a_.step.file.empty()) throw CLI::RequiredError("file");
      if (named && a_.step.step.empty()) throw CLI::RequiredError("step");
      if (function == &RunWorkflowStep && a_.step.from_cluster.empty() && a_.step.run_id.empty())
        throw CLI::RequiredError("--run-id");
      a_.action = [this, function](Session& s) { return function(s, a_.step); };
    });
    return command;
  }

  void AddStep() {
    CLI::App* const group =
        Group("step", "Single steps of a workflow file, or of a run on a cluster");
    StepCommand(group, "list", "List the steps: activities, resources, order, gates", false,
                &ListWorkflowSteps);
    const std::string run =
        "The run to work in (default with --from-cluster: that one; of a child Workflow its "
        "parent's)";
    CLI::App* command =
        StepCommand(group, "show", "Print the exact command of a step", true, &ShowWorkflowStep);
    Id(command, "--run-id", a_.step.run_id, run);
    Id(command, "--record", a_.step.record, "The record to work on");
    command->add_option("--activity", a_.step.activity, "Only this activity of a fused step");
    SecretFolder(command);
    command = StepCommand(group, "run", "Run one step as the engine would", true, &RunWorkflowStep);
    Id(command, "--run-id", a_.step.run_id, run);
    Id(command, "--record", a_.step.record, "The record to work on (default: the run's)");
    command->add_option("--activity", a_.step.activity, "Only this activity of a fused step");
    SecretFolder(command);
    command->add_flag("--dry-run", a_.step.dry_run, "Say what it would do");
    command->add_flag(
        "--trust-cluster", a_.step.trust_cluster,
        "With --from-cluster: whatever the cluster's templates say: also a program that "
        "is not holdfast-step, any option, another bundle, provider, run, record or "
        "step, and the environment that they set");
  }

  void SecretFolder(CLI::App* command) {
    command->add_option(
        "--secret-dir", a_.step.secret_folder,
        "Folder with the secrets that pods have mounted, by the last part of their paths");
  }

  void ClusterOptions(CLI::App* command, ClusterArguments& cluster) {
    command
        ->add_option("--engine", cluster.engine,
                     "The engine that runs it; where Mistral is, $OS_MISTRAL_URL or $OS_AUTH_URL "
                     "and its like say")
        ->check(CLI::IsMember({std::string(kArgoEngine), std::string(kMistralEngine)}))
        ->capture_default_str();
    command->add_option(
        "-n,--namespace", cluster.name_space,
        "Argo: namespace (default: the context's; of an Argo server $ARGO_NAMESPACE)");
    command->add_option("--context", cluster.context,
                        "Argo: context of the kubeconfig (default: the current one)");
    command->add_option("--kubeconfig", cluster.kubeconfig,
                        "Argo: kubeconfig (default: $KUBECONFIG, else ~/.kube/config); with "
                        "$ARGO_SERVER and neither of "
                        "these two, the Argo server is asked");
  }

  void MistralEnvironment(CLI::App* command, std::string& environment, const std::string& help) {
    NotEmpty(command->add_option("--environment", environment, help));
  }

  CLI::App* ClusterCommand(const std::string& name, const std::string& what,
                           int (*function)(Session&, const ClusterRunArguments&), bool required) {
    CLI::App* const command = Command(
        &app_, name, what, [this, function](Session& s) { return function(s, a_.cluster_run); });
    auto* const run =
        command->add_option("run", a_.cluster_run.run,
                            "The workflow's name (Mistral: its newest run), or the run's id");
    NotEmpty(run);
    if (required) run->required();
    ClusterOptions(command, a_.cluster_run.cluster);
    return command;
  }

  void AddCluster() {
    CLI::App* command = Command(
        &app_, "submit", "Start a workflow file on a cluster: its bundle goes into the bank first",
        [this](Session& s) { return SubmitWorkflow(s, a_.submit); });
    FileOptions(command, a_.submit.file, a_.submit.bundle, a_.submit.templates);
    ClusterOptions(command, a_.submit.cluster);
    command->add_flag("--watch", a_.submit.watch, "Then watch it; the exit code is the verdict");
    command
        ->add_option(
            "--dry-run", a_.submit.dry_run,
            "client prints what would be sent, server has it checked there; neither makes anything")
        ->check(CLI::IsMember({"client", "server"}));
    Id(command, "--record", a_.submit.record,
       "Work on this record again: finished steps return at once");
    command->add_option("--parameter", a_.submit.parameters,
                        "NAME=VALUE: a parameter of the workflow");
    command->add_flag("--fail-fast", a_.submit.fail_fast,
                      "Start no preparation once something has failed");
    MistralEnvironment(command, a_.submit.environment,
                       "Mistral: its environment with the places of the site (default: holdfast)");
    command->add_flag(
        "--schedule", a_.submit.schedule,
        "Mistral: store the workflow with its cron trigger (NAME.schedule.yaml), and start "
        "nothing now");
    ClusterCommand("status", "Show the runs on a cluster, or the steps of one", &ShowRunStatus,
                   false);
    ClusterCommand("watch",
                   "Watch a run on a cluster until it has ended; the exit code is its verdict",
                   &WatchWorkflow, true);
    command = ClusterCommand("logs", "Print what the steps of a run on a cluster wrote",
                             &ShowRunLogs, true);
    NotEmpty(command->add_option("step", a_.cluster_run.step, "Only this step"));
    command->add_flag("-f,--follow", a_.cluster_run.follow, "Go on while it runs");
    command = ClusterCommand("stop",
                             "Stop a run on a cluster: what is owed is cleaned up, and waited for",
                             &StopRun, true)
                  ->alias("cancel");
    command->add_flag("--terminate", a_.cluster_run.terminate,
                      "End everything at once and clean up nothing: 'holdfast gc' does that later, "
                      "of Mistral 'holdfast "
                      "cancel'");
    command->add_flag("--no-wait", a_.cluster_run.no_wait, "Only say it");
    const auto again = [&](const std::string& name, const std::string& what,
                           int (*function)(Session&, const ClusterRunArguments&)) {
      CLI::App* const start = ClusterCommand(name, what, function, true);
      start->add_flag("--watch", a_.cluster_run.watch,
                      "Then watch it; the exit code is the verdict");
      MistralEnvironment(start, a_.cluster_run.environment,
                         "Mistral: another environment than that of the run");
    };
    again("resume",
          "Go on with the record of a run that failed or was stopped: a new run, which keeps what "
          "is finished",
          &ResumeRun);
    again("resubmit", "Start the workflow of a run on a cluster anew, with a record of its own",
          &ResubmitRun);
  }

  void AddRecords() {
    CLI::App* const group = Group("checkpoints", "The checkpoints of a provider's bank");
    const auto add = [&](const std::string& name, const std::string& what,
                         int (*function)(Session&, const CheckpointsArguments&)) {
      CLI::App* const c = Command(
          group, name, what, [this, function](Session& s) { return function(s, a_.checkpoints); });
      Provider(c, a_.checkpoints.provider);
      c->add_option("--plan", a_.checkpoints.plan, "Only of this plan");
      Origin(c, a_.checkpoints.origin, "Only what this provider made");
      return c;
    };
    const auto id = [this](CLI::App* c) {
      Id(c, "checkpoint", a_.checkpoints.checkpoint, "The checkpoint's id, or latest")->required();
    };
    CLI::App* command = add("list", "List checkpoints, newest first", &ListCheckpoints);
    command->add_flag("--all", a_.checkpoints.all, "Also those that were deleted");
    id(add("show", "Show a checkpoint: resources, states, points in time", &ShowCheckpoint));
    command = add("ls", "List the files of a directory in a checkpoint", &ListCheckpointFiles);
    id(command);
    command->add_option("resource", a_.checkpoints.resource,
                        "TYPE#ID (default: every resource that has a listing)");
    command = add("delete", "Delete a checkpoint: compiles the operation and runs it here",
                  &DeleteCheckpoint);
    id(command);
    command->add_option("--parameters", a_.checkpoints.parameters, "File of parameters");
    command->add_flag(
        "--without-plugins", a_.checkpoints.without_plugins,
        "Of a damaged checkpoint that cannot be deleted otherwise: erase what the bank "
        "has of it; what plugins made elsewhere, such as a snapshot, stays");
    command = add("verify", "Verify a checkpoint: every byte, or a sample, is read back",
                  &VerifyCheckpoint);
    id(command);
    command->add_option("--sample", a_.checkpoints.sample, std::string(kSampleHelp));
    command->add_option("--parameters", a_.checkpoints.parameters, "File of parameters");
    command->add_flag("--partial", a_.checkpoints.partial, "Also of a checkpoint that is in error");
    command = add(
        "status",
        "Is the newest checkpoint of a plan young enough, did its run find no drift that fails it, "
        "and did its last verification not fail? Exit code 0 or 7",
        &CheckpointStatus);
    command->add_option("--max-age", a_.checkpoints.max_age, "Such as 26h")->required();
    command->add_option("--prometheus", a_.checkpoints.prometheus,
                        "Also write this text file for the node exporter");

    command = add("pin", "Keep a checkpoint: neither prune nor delete takes it", &PinCheckpoint);
    id(command);
    command->add_option("--reason", a_.checkpoints.reason, "Why: one line, which lists show");
    id(add("unpin", "Let prune and delete have a checkpoint again", &UnpinCheckpoint));
    AddPrune(group);
    AddCopy(group);

    command = Command(&app_, "show",
                      "Show a checkpoint, restore, verification or deletion: resources, states, "
                      "warnings",
                      [this](Session& s) { return ShowRecordById(s, a_.show); });
    Provider(command, a_.show.provider);
    Id(command, "record", a_.show.record, "Its id")->required();

    CLI::App* const restores = Group("restores", "What was restored");
    command = Command(restores, "list", "List restores, newest first",
                      [this](Session& s) { return ListRestores(s, a_.restores); });
    Provider(command, a_.restores.provider);
    command = Command(restores, "show", "Show a restore: what became of each resource",
                      [this](Session& s) { return ShowRestore(s, a_.restores); });
    Provider(command, a_.restores.provider);
    Id(command, "restore", a_.restores.restore, "The restore's id")->required();
    command =
        Command(restores, "accept",
                "Say that what a restore left that did not end well is whole: a protect warns "
                "of it no more",
                [this](Session& s) { return AcceptRestore(s, a_.restores); });
    Provider(command, a_.restores.provider);
    Id(command, "restore", a_.restores.restore, "The restore's id")->required();
  }

  void AddPrune(CLI::App* group) {
    CLI::App* const command = Command(
        group, "prune",
        "Delete the checkpoints of a plan that its retention, or --keep-* in its place, lets "
        "go, one after another as 'checkpoints delete' does",
        [this](Session& s) { return PruneCheckpoints(s, a_.prune); });
    Provider(command, a_.prune.provider);
    command
        ->add_option("--plan", a_.prune.plan,
                     "The plan's file, with its rules; or a plan's name, with --keep-*")
        ->required();
    Origin(command, a_.prune.origin, "Only what this provider made",
           " (default: what each one made, as if it were alone)");
    const auto keep = [&](const std::string& name, std::uint32_t& target, const std::string& what) {
      command->add_option(name, target, what)->check(CLI::Range(1U, 100'000U));
    };
    keep("--keep-last", a_.prune.keep_last, "Keep the newest so many");
    keep("--keep-hourly", a_.prune.keep_hourly, "Keep the newest of each of so many hours");
    keep("--keep-daily", a_.prune.keep_daily, "Keep the newest of each of so many days");
    keep("--keep-weekly", a_.prune.keep_weekly, "Keep the newest of each of so many weeks");
    keep("--keep-monthly", a_.prune.keep_monthly, "Keep the newest of each of so many months");
    keep("--keep-yearly", a_.prune.keep_yearly, "Keep the newest of each of so many years");
    command->add_option("--keep-within", a_.prune.keep_within,
                        "Keep what is at most so much older than the newest, such as 14d");
    command->add_option(
        "--timezone", a_.prune.timezone,
        "Whose hours to years (default: that of the plan's schedule, else Etc/UTC)");
    command->add_flag("--dry-run", a_.prune.dry_run,
                      "Only say of each checkpoint why it stays or goes");
  }

  void AddCopy(CLI::App* group) {
    CLI::App* const command = Command(
        group, "copy",
        "Copy a checkpoint, or those of a plan that are not there yet, to the bank of another "
        "provider; one that was interrupted goes on",
        [this](Session& s) { return CopyCheckpoints(s, a_.copy); });
    Provider(command, a_.copy.provider);
    Id(command, "checkpoint", a_.copy.checkpoint,
       "The checkpoint's id, or latest (default: all, with --plan or --all)");
    NotEmpty(command
                 ->add_option("--to-provider", a_.copy.to_provider,
                              "The provider that it is copied to, name or id")
                 ->required());
    command->add_option("--plan", a_.copy.plan, "All available ones of this plan; latest: of it");
    Origin(command, a_.copy.origin, "Only what this provider made");
    command->add_flag("--all", a_.copy.all, "All available ones of the provider");
    command
        ->add_option("--last", a_.copy.last, "Of these the newest so many of each plan and origin")
        ->check(CLI::Range(1U, 100'000U));
    command->add_option("--deadline", a_.copy.deadline,
                        "Stop after so long, such as 6h; the same command again goes on");
    command->add_flag("--decrypt", a_.copy.decrypt,
                      "Store in plain what is encrypted, where that provider has no key_file");
    command->add_flag("--dry-run", a_.copy.dry_run, "Only say what would be copied");
  }

  void AddRest() {
    CLI::App* const bank = Group("bank", "The bank of a provider");
    CLI::App* command = Command(bank, "check", "Run the conformance suite on a provider's bank",
                                [this](Session& s) { return CheckBank(s, a_.bank); });
    Provider(command, a_.bank.provider);
    command
        ->add_option("--objects", a_.bank.listed_objects,
                     "How many objects the longest listing shows (1100)")
        ->check(CLI::Range(1U, 1'000'000U));
    command =
        Command(bank, "fsck",
                "Look for damage and rubbish in all that a bank holds and no run works on, and "
                "remove the rubbish. Exit code 0, 12 or 13",
                [this](Session& s) { return FsckBank(s, a_.fsck); });
    Provider(command, a_.fsck.provider);
    Id(command, "--checkpoint", a_.fsck.checkpoint, "Only this checkpoint: its id, or latest");
    Origin(command, a_.fsck.origin, "With latest: the newest one that this provider made");
    command->add_flag("--quick", a_.fsck.quick,
                      "Only whether what a restore needs is there, with its size; no data is read");
    command->add_flag("--dry-run", a_.fsck.dry_run, "Only say what is found");
    command->add_option("--min-age", a_.fsck.min_age,
                        "Rubbish goes when it is older than this (24h)");
    CLI::App* const key = bank->add_subcommand("key", "The keys that encrypt what a bank holds");
    key->require_subcommand(1);
    key->fallthrough();
    command =
        Command(key, "new",
                "Make a new key the current one of a key file; the file too, where there is none",
                [this](Session& s) { return NewBankKey(s, a_.key); });
    NotEmpty(command->add_option("file", a_.key.file, "The key file")->required());
    command =
        Command(key, "list", "List the keys of a provider by their ids, the current one first",
                [this](Session& s) { return ListBankKeys(s, a_.key); });
    Provider(command, a_.key.provider);
    command = Command(&app_, "gc", "Finish what crashed runs left: owed clean-ups, states, orphans",
                      [this](Session& s) { return CollectGarbage(s, a_.gc); });
    Provider(command, a_.gc.provider);
    Id(command, "--run", a_.gc.run,
       "This run, whose engine is known to be dead, although its lease has not expired; clean-ups "
       "of "
       "it that failed are tried again");
    command->add_flag("--dry-run", a_.gc.dry_run, "Only say what would be done");
    command->add_option("--min-age", a_.gc.min_age,
                        "Bundles that nobody names, temporary files and uploads that were never "
                        "completed go when they are older than this (24h)");
    command = app_.add_subcommand("completion", "Print the completion script of a shell");
    command->add_option("shell", a_.shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    command = app_.add_subcommand("reference", "Print the reference as Markdown");
    command->add_option("topic", a_.topic, "cli, exit-codes, plugins or provider-keys")
        ->check(CLI::IsMember({"cli", "exit-codes", "plugins", "provider-keys"}))
        ->capture_default_str();
  }

  CLI::App app_;
  Arguments a_;
};

namespace {

CommandNode NodeOf(const CLI::App& app) {
  CommandNode node;
  node.name = app.get_name();
  node.description = app.get_description();
  node.aliases = app.get_aliases();
  for (const CLI::Option* option : app.get_options()) {
    CommandNode::Option entry;
    entry.name = option->get_name(option->get_positional(), true);
    entry.long_names = option->get_lnames();
    entry.short_names = option->get_snames();
    entry.description = option->get_description();
    entry.default_text = option->get_default_str();
    entry.required = option->get_required();
    entry.positional = option->get_positional();
    entry.takes_value = option->get_items_expected_max() > 0;
    node.options.push_back(std::move(entry));
  }
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!child->get_group().empty()) node.children.push_back(NodeOf(*child));
  }
  return node;
}

// The commands that were given, by their own names.
std::string PathOf(const CLI::App& app) {
  std::string path;
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    path += (path.empty() ? "" : " ") + at->get_name();
  }
  return path;
}

}  // namespace

CommandLine::CommandLine() : declared_(std::make_unique<Declared>()) {}
CommandLine::~CommandLine() = default;

ReadCommand CommandLine::Read(int argc, char** argv) {
  CLI::App& app = declared_->app();
  const auto printed = [&app](const CLI::Error& what) {
    ReadCommand out;
    out.exit_code = app.exit(what) == 0 ? 0 : static_cast<int>(ExitCode::kInternal);
    return out;
  };
  ReadCommand out;
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return printed(help);
  } catch (const CLI::CallForVersion& version) {
    return printed(version);
  } catch (const CLI::ParseError& error) {
    out.wrong = error.what();
    return out;
  }
  const Arguments& arguments = declared_->arguments();
  out.global = arguments.global;
  out.path = PathOf(app);
  out.action = arguments.action;
  out.shell = arguments.shell;
  out.topic = arguments.topic;
  return out;
}

std::string CommandLine::Help() const { return declared_->app().help(); }
CommandNode CommandLine::Tree() const { return NodeOf(declared_->app()); }

}  // namespace holdfast::cli
