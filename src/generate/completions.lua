--- completions: what a shell completes after `watchbot`: completions.lua bash|zsh|fish, from the
-- declarations of the commands: their options, the choices of a value, and their actions.

local cli = require "watchbot.cli"

-- Values that are files, by name.
local FILES = { FILE = true, DIR = true, ["POLICY.lua"] = true }

local function commands()
  local list = {}
  for _, entry in ipairs(cli.commands) do
    list[#list + 1] = { name = entry[1], module = require(entry[2]) }
  end
  return list
end

local function names(list, key, prefix)
  local words = {}
  for _, item in ipairs(list) do
    words[#words + 1] = (prefix or "") .. (key and item[key] or item)
  end
  return table.concat(words, " ")
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- The first sentence, for shells that show one next to a word.
local function short(text) return (text:match "^[^;:.\n]*") end

local function kind(option)
  if option.choices then return table.concat(option.choices, " ") end
  return FILES[option.value] and "@file" or "@value"
end

local shells = {}

-- A line of a case for each option that takes a value.
local function bash_values(write, command)
  for _, option in ipairs(command.module.options) do
    if option.value then
      local values = kind(option)
      local reply = values == "@file" and 'compgen -f -- "$word"'
        or values == "@value" and ":" or ('compgen -W %s -- "$word"'):format(quoted(values))
      write(("    %s) COMPREPLY=($(%s)); return ;;\n"):format(
        quoted(command.name .. " --" .. option.name), reply))
    end
  end
end

-- Completions if no value is expected.
local BASH_END = [==[
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [ "$COMP_CWORD" = 2 ] && [ "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}

complete -o filenames -F _watchbot watchbot
]==]

function shells.bash(write)
  write "# bash completion of watchbot; made by `make generated`\n\n_watchbot() {\n"
  write '  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n'
  write '  local options= words=\n  COMPREPLY=()\n  if [ "$COMP_CWORD" = 1 ]; then\n'
  write(("    COMPREPLY=($(compgen -W %s -- \"$word\"))\n    return\n  fi\n"):format(
    quoted(names(commands(), "name") .. " help --version --help")))
  write '  case "${COMP_WORDS[1]} $before" in\n'
  for _, command in ipairs(commands()) do bash_values(write, command) end
  write "  esac\n  case ${COMP_WORDS[1]} in\n"
  for _, command in ipairs(commands()) do
    write(("    %s) options=%s words=%s ;;\n"):format(command.name,
      quoted(names(command.module.options, "name", "--") .. " --help"),
      quoted(names(command.module.actions or {}))))
  end
  write(("    help) words=%s ;;\n  esac\n"):format(
    quoted(names(commands(), "name") .. " policy recipes")))
  write(BASH_END)
end

-- What stands in brackets or behind a colon must not have these.
local function zsh_text(text) return (short(text):gsub("[%[%]:]", "\\%0")) end

local function zsh_option(option)
  local head = ("%s--%s%s[%s]"):format(option.many and "*" or "", option.name,
    option.value and "=" or "", zsh_text(option.help))
  if not option.value then return quoted(head) end
  local values = kind(option)
  local action = values == "@file" and "_files" or values == "@value" and " "
    or "(" .. values .. ")"
  return quoted(("%s:%s:%s"):format(head, option.value:lower(), action))
end

function shells.zsh(write)
  write "#compdef watchbot\n# zsh completion of watchbot; made by `make generated`\n\n"
  write "_watchbot() {\n  local -a commands\n  commands=(\n"
  for _, command in ipairs(commands()) do
    write(("    %s\n"):format(quoted(command.name .. ":" .. short(command.module.summary))))
  end
  write "    'help:Prints help on a command or topic'\n  )\n"
  write "  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
  write "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n"
  for _, command in ipairs(commands()) do
    write(("    %s)\n      _arguments -S \\\n"):format(command.name))
    for _, option in ipairs(command.module.options) do
      write(("        %s \\\n"):format(zsh_option(option)))
    end
    local actions = command.module.actions
    if actions then
      write(("        %s \\\n"):format(quoted("1:action:(" .. names(actions) .. ")")))
    end
    write "        '*:file:_files' ;;\n"
  end
  write(("    help) _values topic %s policy recipes ;;\n"):format(names(commands(), "name")))
  write "  esac\n}\n\n_watchbot \"$@\"\n"
end

local function fish_option(command, option)
  local values = kind(option)
  local value = not option.value and "" or values == "@file" and " -r -F"
    or values == "@value" and " -x" or " -x -a " .. quoted(values)
  return ("complete -c watchbot -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n"):format(
    command, option.name, value, quoted(short(option.help)))
end

function shells.fish(write)
  write "# fish completion of watchbot; made by `make generated`\n\n"
  for _, command in ipairs(commands()) do
    write(("complete -c watchbot -n __fish_use_subcommand -f -a %s -d %s\n"):format(command.name,
      quoted(short(command.module.summary))))
    for _, option in ipairs(command.module.options) do write(fish_option(command.name, option)) end
    if command.module.actions then
      write(("complete -c watchbot -n '__fish_seen_subcommand_from %s' -f -a %s\n"):format(
        command.name, quoted(names(command.module.actions))))
    end
  end
  write(("complete -c watchbot -n __fish_use_subcommand -f -a help\ncomplete -c watchbot "
    .. "-n '__fish_seen_subcommand_from help' -f -a %s\n"):format(
    quoted(names(commands(), "name") .. " policy recipes")))
end

shells[arg[1]](function(text) io.write(text) end)
