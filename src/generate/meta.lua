-- meta: writes the definitions by which an editor completes a policy or a template's options, from
-- their declarations.
-- usage: lua5.4 src/generate/meta.lua policy|template > lua/watchbot/meta/...; `make generated`
-- does it. Format: LuaCATS,
-- https://luals.github.io/wiki/annotations/

local function comment(text)
  local help = require "watchbot.cli.help"
  return (help.wrap(text, "---"))
end

local function field(name, kind, text)
  return ("%s\n---@field %s? %s"):format(comment(text), name, kind)
end

-- policies

-- Types of fields as an editor knows them.
local types = {
  text = "string", count = "integer", whole = "integer", rate = "number", seconds = "number",
  schedules = "table<string, watchbot.ScheduleOptions>", listen = "string", metrics = "\"emf\"",
  console = "boolean|\"write\"", names = "string[]",
  envelope = '"s3"|"eventbridge"|"cloudevents"|"auto"',
  history_output = '"failed"|"all"',
  interval = "number",
  visibility = "number", retention = "number",
  size = "integer|string", nice = "integer", umask = "string",
  handler = "fun(job: watchbot.Job): any, string?", flag = "boolean",
  folders = "string[]",
  command = "string|string[]|fun(job: watchbot.Job): string|string[]",
  variables = "table<string, string>",
  exits = "table<integer|string, watchbot.Outcome>", inherit = "boolean|string[]",
  deliver = '"environment"|"stdin"', timestamps = '"iso"|"epoch"', log = '"text"|"json"',
  on_stop = '"leave"|"drain"|"stop"',
  folder_in_s3 = "string", logged = "integer|false",
  once = '"id"|"body"|"deduplication"|fun(job: watchbot.Job): string?',
  limits = "watchbot.Limit[]", lambda = "watchbot.Lambda", serve = "watchbot.Serve",
  resident = "watchbot.Resident",
  queues = "(string|table)[]",
  task = "watchbot.ecs.Task|fun(job: watchbot.Job): watchbot.ecs.Task",
}

local arguments = {
  job = "watchbot.Job", exit = "watchbot.Exit", outcome = "watchbot.Failure", err = "string",
  where = "string", state = "{ free: integer, running: integer, lingering: integer }",
}

local returns = {
  poll = { "integer messages", "number seconds" },
  admit = { 'true|watchbot.Outcome|"hold"|"pause"', "number? seconds" },
  environment = { "table<string, string>" },
  verdict = { 'watchbot.Outcome|"pause"', "number? seconds" },
  backoff = { "number seconds" },
  notify = { "true?", "string? err", "string? code" },
  notification = { "string subject", "string body" },
}

-- A method: a field's type would be one line, however long.
local function hook_method(hook)
  local lines, names = { comment(hook.help .. "; default: " .. hook.default) }, {}
  for name in hook.arguments:gmatch "%w+" do
    names[#names + 1] = name
    lines[#lines + 1] = ("---@param %s %s"):format(name, assert(arguments[name], name))
  end
  for _, value in ipairs(returns[hook.name] or {}) do lines[#lines + 1] = "---@return " .. value end
  lines[#lines + 1] =
    ("function PolicyFields:%s(%s) end\n"):format(hook.name, table.concat(names, ", "))
  return table.concat(lines, "\n")
end

local parts = {}

function parts.policy(lines)
  lines[#lines + 1] = "--- What `watchbot.policy { ... }` takes."
  lines[#lines + 1] = "---@class watchbot.PolicyFields"
  for _, one in ipairs(require "watchbot.policy.fields".declared) do
    lines[#lines + 1] = field(one.name, assert(types[one.type], one.type), one.help)
  end
  lines[#lines + 1] = "local PolicyFields = {}\n"
  for _, hook in ipairs(require "watchbot.policy.hooks") do
    lines[#lines + 1] = hook_method(hook)
  end
  lines[#lines + 1] =
    "--- A policy has all of them, and the methods of lua/watchbot/policy/init.lua."
  lines[#lines + 1] = "---@class watchbot.Policy: watchbot.PolicyFields"
end

-- templates

-- By the first words of what a kind expects; any value may be an intrinsic.
local expectations = {
  { "^text$", "string" }, { "^true or false", "boolean" }, { "^a whole number", "integer" },
  { "^a number", "number" },
  { "^a list of text", "string[]" }, { "^a list", "table[]" }, { "^a table", "table" },
}

local function option_type(option)
  if option.modes == nil and option.name == "mode" then return '"task"|"process"' end
  for _, expectation in ipairs(expectations) do
    if option.kind.expected:find(expectation[1]) then
      return expectation[2] .. "|watchbot.cf.Intrinsic"
    end
  end
  return "any"
end

function parts.template(lines)
  lines[#lines + 1] =
    "--- An intrinsic function of CloudFormation: { Ref = ... }, { [\"Fn::...\"] = ... }."
  lines[#lines + 1] = "---@alias watchbot.cf.Intrinsic table<string, any>\n"
  lines[#lines + 1] = "--- What `watchbot.template { ... }` takes."
  lines[#lines + 1] = "---@class watchbot.TemplateOptions"
  for _, option in ipairs(require "watchbot.template.options".declared) do
    lines[#lines + 1] = field(option.name, option_type(option), option.help)
  end
end

local make = parts[arg and arg[1]]
if not make then error "usage: meta.lua policy|template" end
local lines = {
  "---@meta", "-- Made by src/generate/meta.lua from what is declared; for editors only, nothing "
    .. "requires it.\n",
}
make(lines)
print(table.concat(lines, "\n"))
