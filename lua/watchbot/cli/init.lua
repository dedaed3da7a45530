--- cli: the program watchbot: the list of commands, help, and exit statuses. Each command is a
-- file.
-- Exit status: 0; 1 when something outside failed (a queue that cannot be opened); 2 when the
-- arguments or the policy are invalid.

local options = require "watchbot.cli.options"
local output = require "watchbot.cli.output"
local suggest = require "watchbot.lib.suggest"
local text = require "watchbot.lib.text"
local version = require "watchbot.version"

local cli = {}

---@class watchbot.Command
---@field summary string
---@field usage string the arguments
---@field details string? further text of the help
---@field options watchbot.Option[]
---@field actions string[]? what the first word may be
---@field runs_words boolean? the words are a command, which may have options
---@field keeps_rest boolean? what follows `--` is a command, not words of watchbot's command line
---@field run fun(arguments: watchbot.Arguments): integer?, string?, string? the exit status, or
--- `nil, err, code`

-- Name, module, and group in the help; no group: for operators.
local commands = {
  { "run", "watchbot.cli.run", "run" },
  { "listen", "watchbot.cli.listen", "run" },
  { "send", "watchbot.cli.send", "run" },
  { "message", "watchbot.cli.message", "run" },
  { "schedule", "watchbot.cli.schedule", "run" },
  { "status", "watchbot.cli.status" },
  { "console", "watchbot.cli.console" },
  { "pause", "watchbot.cli.pause" },
  { "resume", "watchbot.cli.resume" },
  { "logs", "watchbot.cli.logs" },
  { "health", "watchbot.cli.health" },
  { "jobs", "watchbot.cli.jobs" },
  { "dead-letter", "watchbot.cli.dead_letter" },
  { "queue", "watchbot.cli.queue" },
  { "move", "watchbot.cli.move" },
  { "worker-capacity", "watchbot.cli.worker_capacity" },
  { "progress", "watchbot.cli.progress" },
  { "init", "watchbot.cli.project", "project" },
  { "check", "watchbot.cli.check", "project" },
  { "test", "watchbot.cli.test", "project" },
  { "simulate", "watchbot.cli.simulate", "project" },
  { "lua", "watchbot.cli.lua", "project" },
  { "template", "watchbot.cli.template", "project" },
}

--- The commands, for the generated pages.
cli.commands = commands

-- Loaded on demand: a watcher starts without it.
local function help() return require "watchbot.cli.help" end

local function find(name)
  local names = {}
  for _, command in ipairs(commands) do
    if command[1] == name then return require(command[2]) end
    names[#names + 1] = command[1]
  end
  names[#names + 1] = "help"
  local kind = name:find "^%-" and "option" or "command"
  return nil, ("unknown %s '%s'%s"):format(kind, text.word(name),
    suggest.hint(name, kind == "option" and { "--help", "--version" } or names,
      "see watchbot --help"))
end

local function run(name, command, argv)
  local arguments, err = options.parse(command.options, argv, command)
  if not arguments then
    output.complain(("%s: %s (see watchbot help %s)"):format(name, err, name))
    return 2
  end
  if arguments.help then
    help().command(name, command)
    return 0
  end
  local status, problem, code = command.run(arguments)
  if status then return status end
  output.complain(problem)
  return code == "Usage" and 2 or 1
end

-- `watchbot help [COMMAND|TOPIC]`
local function help_on(name)
  if not name or name == "help" then
    help().overview(commands)
    return 0
  end
  local status, err = help().about(name, commands)
  if status then return status end
  output.complain(err)
  return 2
end

local function main(argv, nofile)
  local name = argv[1]
  if name == "--version" then
    output.line("watchbot " .. version)
    if argv[2] == "--verbose" then output.line(require "watchbot.cli.libraries".describe()) end
    return 0
  elseif name == nil then
    help().overview(commands)
    return 2
  elseif name == "--help" or name == "-h" or name == "help" then
    return help_on(argv[2])
  end
  local command, err = find(name)
  if not command then
    output.complain(err)
    return 2
  end
  if nofile > 0 then require "watchbot.process".nofile(nofile) end
  return run(name, command, table.move(argv, 2, #argv, 1, {}))
end

--- The whole program.
---@param argv string[]
---@param nofile integer the soft limit of open files to restore for tasks; 0: they keep the
--- program's limit
---@return integer status
function cli.main(argv, nofile)
  return output.finish(main(argv, nofile))
end

return cli
