-- man: writes the generated manual pages: watchbot(1) from the commands and their options,
-- watchbot-policy(5) from the declared fields and hooks. usage: lua5.4 src/generate/man.lua
-- watchbot.1|watchbot-policy.5 > doc/man/...; run by `make generated`.

local cli = require "watchbot.cli"
local fields = require "watchbot.policy.fields"
local help = require "watchbot.cli.help"
local options = require "watchbot.cli.options"
local hooks = require "watchbot.policy.hooks"
local version = require "watchbot.version"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- The date of the version's entry in the changelog; before the release, that of the hand-written
-- page.
local function date_of(number)
  local entry = "\n## %[" .. number:gsub("%p", "%%%0") .. "%] %- (%d+%-%d+%-%d+)\n"
  return read "CHANGELOG.md":match(entry)
    or read "doc/man/watchbot-log.1":match "^%.TH %S+ 1 (%d+%-%d+%-%d+) "
end

local DATE = date_of(version)

-- roff

-- Escapes a text for roff; names in backquotes become bold.
local function escaped(text)
  text = text:gsub("\\", "\\e"):gsub("%-%-", "\\-\\-"):gsub("`([^`]*)`", "\\fB%1\\fR")
  return (text:gsub("^[.']", "\\&%0"):gsub("\n([.'])", "\n\\&%1"))
end

-- The lines of the source are readable, too.
local WIDTH = 66

local function filled(text)
  return escaped(help.wrap(text, "", WIDTH))
end

local function heading(page, section, name)
  return ('.TH %s %s %s "watchbot %s" "%s"'):format(page, section, DATE, version, name)
end

local function paragraph(text)
  return ".PP\n" .. filled(text)
end

local function item(term, text)
  return (".TP\n%s\n%s"):format(term, filled(text))
end

local function literal(text)
  return ".PP\n.nf\n" .. escaped(text) .. "\n.fi"
end

local function bold(text)
  return "\\fB" .. text:gsub("\\", "\\e"):gsub("%-", "\\-") .. "\\fR"
end

local function page(parts)
  return table.concat(parts, "\n") .. "\n"
end

-- watchbot(1)

-- Prose is filled; tables and examples are not.
local function details_of(text)
  local parts = {}
  for block in (text .. "\n\n"):gmatch "(.-)\n\n+" do
    local stays = block:match "^examples:" or block:find "\n  " or block:find "%S   *%S"
    if block ~= "" then parts[#parts + 1] = stays and literal(block) or paragraph(block) end
  end
  return table.concat(parts, "\n")
end

local function add_command(parts, name, command)
  parts[#parts + 1] =
    ('.SS "watchbot %s %s"'):format(name, (command.usage:gsub("%-%-", "\\-\\-"):gsub('"', '""')))
  parts[#parts + 1] = filled(command.summary)
  for _, option in ipairs(command.options) do
    local short = option.short and bold("-" .. option.short) .. ", " or ""
    local value = option.value and " \\fI" .. option.value .. "\\fR" or ""
    parts[#parts + 1] = item(short .. bold("--" .. option.name) .. value, options.help(option))
  end
  if command.details then parts[#parts + 1] = details_of(command.details) end
end

-- The variables that fields are read from, each with the field.
local function variables()
  local found = {}
  for _, field in ipairs(fields.declared) do
    for _, variable in ipairs { field.environment, field.fallback } do
      found[#found + 1] =
        item(bold(variable), ("the default of the policy's `%s`"):format(field.name))
    end
  end
  return table.concat(found, "\n")
end

local pages = {}

pages["watchbot.1"] = function()
  local parts = {
    heading("WATCHBOT", "1", "User Commands"),
    ".SH NAME\nwatchbot \\- watches a queue and runs one task for each message",
    ".SH SYNOPSIS\n.B watchbot\n.I COMMAND\n.RI [ ARGUMENTS ]\n.br\n.B watchbot help\n.RI [ "
      .. "COMMAND | policy | template ]",
    ".SH DESCRIPTION",
    filled("watchbot watches an SQS queue, or a queue in an SQLite file, and runs one task for "
      .. "each message: a "
      .. "program, an ECS task or a Lua function. The task's exit code decides what happens to "
      .. "the message."),
    item(bold "0", "complete: the message is deleted"),
    item(bold "3", "reject: the message is deleted, with a notification"),
    item(bold "4", "release: the message is returned to the queue"),
    item("any other, or a signal",
      "retry: the message is returned, with a longer delay each time and a notification; after "
      .. "`max_receives` receives it goes to the dead-letter queue"),
    paragraph "A policy, a Lua file, changes each of these rules: see `watchbot-policy`(5).",
    ".SH COMMANDS",
  }
  for _, command in ipairs(cli.commands) do add_command(parts, command[1], require(command[2])) end
  parts[#parts + 1] = ".SH ENVIRONMENT\n" .. variables()
  parts[#parts + 1] = item("\\fBAWS_REGION\\fR, \\fBAWS_PROFILE\\fR, \\fBAWS_ENDPOINT_URL\\fR ...",
    "the variables of the AWS SDKs, including credentials of containers and instances")
  parts[#parts + 1] = ".SH EXIT STATUS"
  parts[#parts + 1] = item(bold "0", "success") .. "\n"
    .. item(bold "1", "failure, such as a queue that cannot be opened")
  parts[#parts + 1] = item(bold "2", "the arguments or the policy are wrong")
  parts[#parts + 1] = ".SH RECIPES\n.B watchbot help recipes\nprints which part of watchbot, or "
    .. "which example, does what people ask for."
  parts[#parts + 1] = ".SH SEE ALSO\n.BR watchbot\\-log (1),\n.BR watchbot\\-policy (5)"
  return page(parts)
end

-- watchbot-policy(5)

local EXAMPLE = [[
local watchbot = require "watchbot"

local policy = watchbot.policy {
  queue   = "sqlite:tiles.db",
  command = "./render",
  exits   = { [75] = "release" },
}

-- A retry does not help when a task runs out of memory.
function policy:verdict(job, exit)
  if exit.oom then return "bury" end
  return watchbot.policy.verdict(self, job, exit)
end

return policy]]

local function of_field(field)
  return item(bold(field.name) .. escaped(help.silent(field)), field.help)
end

local function of_hook(hook)
  local signature = ("%s(%s)"):format(hook.name, hook.arguments)
  local returns = hook.returns and (" Returns %s."):format(hook.returns) or ""
  return item(bold(signature), ("%s.%s Default: %s."):format(hook.help, returns, hook.default))
end

pages["watchbot-policy.5"] = function()
  local parts = {
    heading("WATCHBOT\\-POLICY", "5", "File Formats"),
    ".SH NAME\nwatchbot\\-policy \\- a Lua file that defines what watchbot does with messages",
    ".SH SYNOPSIS\n.nf\n" .. escaped(EXAMPLE) .. "\n.fi",
    ".SH DESCRIPTION",
    filled("A policy is a Lua 5.4 file that returns `watchbot.policy { ... }`. Its fields say "
      .. "what runs for each "
      .. "message, and how. Its hooks, functions of the policy, decide where the fields are not "
      .. "enough; they may wait: sleep, "
      .. "call AWS, run a program. A hook that handles its own case passes the rest to the "
      .. "default, "
      .. "`watchbot.policy.NAME(self, ...)`. A misspelt name is refused, with its line."),
    ".SH FIELDS",
  }
  for _, field in ipairs(fields.declared) do parts[#parts + 1] = of_field(field) end
  parts[#parts + 1] = ".SH HOOKS"
  for _, hook in ipairs(hooks) do parts[#parts + 1] = of_hook(hook) end
  parts[#parts + 1] = ".SH TESTING"
  parts[#parts + 1] =
    filled("`watchbot check` shows what a policy does, `watchbot test` what it would do with a "
    .. "message and an exit code. The Lua module `watchbot.testing` drives it in tests, with a "
    .. "clock that the test controls.")
  parts[#parts + 1] = ".SH SEE ALSO\n.BR watchbot (1)"
  return page(parts)
end

local make = pages[arg and arg[1]]
if not make then error "usage: man.lua watchbot.1|watchbot-policy.5" end
io.write(make())
