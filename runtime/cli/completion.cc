#include "runtime/cli/completion.h"

#include <fmt/format.h>

namespace holdfast::cli {

namespace {

std::vector<std::string> NamesOf(const CommandNode& node) {
  std::vector<std::string> names = node.aliases;
  names.insert(names.begin(), node.name);
  return names;
}

// The words that may follow `path` ("", "checkpoints", "checkpoints show"): children and options.
void Collect(const CommandNode& node, const std::string& path, const std::string& global,
             std::vector<std::pair<std::string, std::string>>& out) {
  std::string words;
  for (const CommandNode& child : node.children) {
    for (const std::string& name : NamesOf(child)) words += name + " ";
  }
  for (const auto& option : node.options) {
    for (const std::string& name : option.long_names) words += "--" + name + " ";
  }
  out.emplace_back(path, words + global);
  for (const CommandNode& child : node.children) {
    for (const std::string& name : NamesOf(child))
      Collect(child, path.empty() ? name : path + " " + name, global, out);
  }
}

std::string BashScript(const CommandNode& root) {
  std::string global;
  for (const auto& option : root.options) {
    for (const std::string& name : option.long_names) global += "--" + name + " ";
  }
  std::vector<std::pair<std::string, std::string>> paths;
  Collect(root, "", global, paths);
  std::string cases;
  for (const auto& [path, words] : paths) {
    cases += fmt::format("    '{}') words='{}' ;;\n", path, words);
  }
  return fmt::format(
      R"(# bash completion of holdfast: source it, or put it into bash-completion's folder.
_holdfast() {{
  local word path='' words='' current="${{COMP_WORDS[COMP_CWORD]}}"
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) continue ;; esac
    case "${{path:+$path }}$word" in
{}      *) break ;;
    esac
    path="${{path:+$path }}$word"
  done
  case "$path" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ ${{#COMPREPLY[@]}} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F _holdfast holdfast
)",
      [&] {
        std::string known;
        for (const auto& [path, words] : paths) {
          if (!path.empty()) known += fmt::format("      '{}') ;;\n", path);
        }
        return known;
      }(),
      cases);
}

std::string QuotedForFish(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("\\'", at)) != std::string::npos; at += 2)
    text.insert(at, 1, '\\');
  return "'" + text + "'";
}

// What may follow `node`, where `condition` says that all commands down to it have been typed.
void FishLines(const CommandNode& node, const std::string& condition, std::string& out) {
  for (const CommandNode& child : node.children) {
    for (const std::string& name : NamesOf(child)) {
      out += fmt::format("complete -c holdfast -n '{}' -a {} -d {}\n",
                         condition.empty() ? "__fish_use_subcommand" : condition, name,
                         QuotedForFish(child.description));
    }
    FishLines(child,
              fmt::format("{}{}__fish_seen_subcommand_from {}", condition,
                          condition.empty() ? "" : "; and ", fmt::join(NamesOf(child), " ")),
              out);
  }
  const std::string when = condition.empty() ? "" : fmt::format(" -n '{}'", condition);
  for (const auto& option : node.options) {
    for (const std::string& name : option.long_names) {
      out += fmt::format("complete -c holdfast{} -l {} -d {}\n", when, name,
                         QuotedForFish(option.description));
    }
  }
}

std::string FishScript(const CommandNode& root) {
  std::string out =
      "# fish completion of holdfast: put it into ~/.config/fish/completions/holdfast.fish\n";
  FishLines(root, "", out);
  return out;
}

}  // namespace

std::string CompletionScript(const CommandNode& root, std::string_view shell) {
  if (shell == "fish") return FishScript(root);
  // zsh runs bash completions through bashcompinit.
  if (shell == "zsh") {
    return "#compdef holdfast\nautoload -U +X bashcompinit && bashcompinit\n" + BashScript(root);
  }
  return BashScript(root);
}

}  // namespace holdfast::cli
