#include "runtime/cli/completion.h"

#include <fmt/format.h>

namespace holdfast::cli {

namespace {

// The words that may follow `path` ("", "checkpoints", "checkpoints show"): children and options.
void Collect(const CommandNode& node, const std::string& path, const std::string& global,
             std::vector<std::pair<std::string, std::string>>& out) {
  std::string words;
  const auto names_of = [](const CommandNode& child) {
    std::vector<std::string> names = child.aliases;
    names.insert(names.begin(), child.name);
    return names;
  };
  for (const CommandNode& child : node.children) {
    for (const std::string& name : names_of(child)) words += name + " ";
  }
  for (const auto& option : node.options) {
    for (const std::string& name : option.long_names) words += "--" + name + " ";
  }
  out.emplace_back(path, words + global);
  for (const CommandNode& child : node.children) {
    for (const std::string& name : names_of(child))
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

std::string FishScript(const CommandNode& root) {
  std::string out =
      "# fish completion of holdfast: put it into ~/.config/fish/completions/holdfast.fish\n";
  const auto quoted = [](std::string text) {
    for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 2)
      text.replace(at, 1, "\\'");
    return "'" + text + "'";
  };
  for (const CommandNode& child : root.children) {
    out += fmt::format("complete -c holdfast -n __fish_use_subcommand -a {} -d {}\n", child.name,
                       quoted(child.description));
    for (const CommandNode& grandchild : child.children) {
      out += fmt::format("complete -c holdfast -n '__fish_seen_subcommand_from {}' -a {} -d {}\n",
                         child.name, grandchild.name, quoted(grandchild.description));
    }
    for (const auto& option : child.options) {
      for (const std::string& name : option.long_names) {
        out += fmt::format("complete -c holdfast -n '__fish_seen_subcommand_from {}' -l {} -d {}\n",
                           child.name, name, quoted(option.description));
      }
    }
  }
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
