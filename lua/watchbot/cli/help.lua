--- cli.help: what `watchbot help` and --help print. The lists come from the declarations: a
-- command's options, a policy's fields and hooks, a template's options.

local fields = require "watchbot.policy.fields"
local hooks = require "watchbot.policy.hooks"
local options = require "watchbot.cli.options"
local output = require "watchbot.cli.output"
local suggest = require "watchbot.lib.suggest"
local text = require "watchbot.lib.text"

local help = {}

-- Columns of a text.
local WIDTH = 100

-- Commands by purpose.
local groups = {
  { "run", "Run tasks for messages" },
  { "operate", "Operate what runs" },
  { "project", "Write a policy and its stack" },
}

--- Wraps a text to the width of a terminal.
---@param words string
---@param indent string before each line
---@param width integer? columns; default: 100
---@return string
function help.wrap(words, indent, width)
  width = width or WIDTH
  local lines, line = {}, ""
  for word in words:gmatch "%S+" do
    if line ~= "" and #indent + #line + 1 + #word > width then
      lines[#lines + 1] = indent .. line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = indent .. line
  return table.concat(lines, "\n")
end

-- all commands

local function of_group(commands, group)
  local found = {}
  for _, command in ipairs(commands) do
    if (command[3] or "operate") == group then found[#found + 1] = command end
  end
  return found
end

--- Prints the list of commands.
---@param commands { [1]: string, [2]: string, [3]: string? }[] name, module and group
function help.overview(commands)
  output.line("watchbot watches a queue and runs one task for each message; the exit code "
    .. "decides what happens to the message.\n")
  output.line "usage: watchbot COMMAND [ARGUMENTS]"
  for _, group in ipairs(groups) do
    local members = of_group(commands, group[1])
    if #members > 0 then output.line(("\n%s:"):format(group[2])) end
    for _, command in ipairs(members) do
      output.line(("  %-16s %s"):format(command[1], require(command[2]).summary))
    end
  end
  output.line("\nDetails and examples: watchbot help COMMAND, watchbot help policy, "
    .. "watchbot help template,\nwatchbot help recipes.")
  output.line "watchbot --version; with --verbose, also the libraries in use"
end

-- one command

--- Prints a command's usage and options.
---@param name string
---@param command watchbot.Command
function help.command(name, command)
  output.line(("%s\n\nusage: watchbot %s %s"):format(command.summary, name, command.usage))
  if #command.options > 0 then output.line("\n" .. options.describe(command.options)) end
  if command.details then output.line("\n" .. command.details) end
end

-- topics

--- A field's default and its environment variables.
---@param field watchbot.Field
---@return string empty without either
function help.silent(field)
  local default = field.default ~= nil and type(field.default) ~= "table"
    and (" (default %s)"):format(field.default) or ""
  local variable = field.environment and (", $%s"):format(field.environment) or ""
  if field.fallback then variable = ("%s or $%s"):format(variable, field.fallback) end
  return default .. variable
end

--- Prints every field of a policy.
function help.fields()
  for _, field in ipairs(fields.declared) do
    output.line(("%s%s\n%s\n"):format(field.name, help.silent(field),
      help.wrap(field.help, "    ")))
  end
end

local function print_hooks()
  for _, hook in ipairs(hooks) do
    output.line(("function policy:%s(%s)%s"):format(hook.name, hook.arguments,
      hook.returns and " -> " .. hook.returns or ""))
    output.line(help.wrap(hook.help, "    "))
    output.line(help.wrap("default: " .. hook.default, "    ") .. "\n")
  end
end

--- Prints every option of a template.
function help.template_options()
  for line in require "watchbot.template.options".describe "text":gmatch "([^\n]*)\n" do
    output.line(help.wrap(line, line:match "^ *"))
  end
end

local topics = {}

function topics.policy()
  output.line(help.wrap("A policy is a Lua file that returns watchbot.policy { ... }. Its fields "
    .. "define what runs for each message, and how; its hooks make decisions that the fields "
    .. "cannot. A hook handles its own case and returns "
    .. "the rest:", ""))
  output.line [[

    function policy:verdict(job, exit)
      if exit.oom then return "bury" end
      return watchbot.policy.verdict(self, job, exit)
    end

FIELDS, all optional but `queue` and one of `command`, `handler` and `task`
]]
  help.fields()
  output.line "HOOKS, all of which may block: sleep, call AWS, run a program\n"
  print_hooks()
end

function topics.template()
  output.line(help.wrap("A stack is a Lua file that returns watchbot.template { ... }, alone or "
    .. "merged with other templates: "
    .. "`watchbot template FILE` prints it for CloudFormation. Its options:", "") .. "\n")
  help.template_options()
end

function topics.recipes()
  require "watchbot.cli.recipes"()
end

--- Prints the help of a command or topic.
---@param name string
---@param commands table[]
---@return integer? status
---@return string? err
---@return "Usage"? code
function help.about(name, commands)
  local names, known = { "policy", "template", "recipes" }, topics[name] ~= nil
  for _, command in ipairs(commands) do
    names[#names + 1] = command[1]
    if command[1] == name then
      help.command(name, require(command[2]))
      if known then output.line "" end
      known = true
    end
  end
  if topics[name] then topics[name]() end
  if known then return 0 end
  return nil, ("no help for '%s'%s"):format(text.word(name),
    suggest.hint(name, names, "see watchbot help")), "Usage"
end

return help
