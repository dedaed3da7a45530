--- cli: the program watchbot. One file a command; here only which there are, help, and how a command ends.
-- Exit status: 0; 1 when the world failed (a queue that cannot be opened); 2 when the arguments or the policy are wrong.

local options = require "watchbot.cli.options"
local suggest = require "watchbot.suggest"
local version = require "watchbot.version"

local cli = {}

---@class watchbot.Command
---@field summary string
---@field usage string the arguments
---@field details string? further text of the help
---@field options watchbot.Option[]
---@field runs_words boolean? the words are a command with options of its own
---@field run fun(arguments: watchbot.Arguments): integer?, string?, string? the exit status, or `nil, message, code`

local commands = {
  { "run", "watchbot.cli.run" },
  { "listen", "watchbot.cli.listen" },
  { "check", "watchbot.cli.check" },
  { "send", "watchbot.cli.send" },
  { "dead-letter", "watchbot.cli.dead_letter" },
  { "template", "watchbot.cli.template" },
}

local function complain(message)
  io.stderr:write("watchbot: ", message, "\n")
end

local function help()
  print "watchbot watches a queue, runs one task for each message, and lets its exit code decide.\n"
  print "usage: watchbot COMMAND [ARGUMENTS]\n"
  for _, command in ipairs(commands) do
    print(("  %-12s %s"):format(command[1], require(command[2]).summary))
  end
  print "\n  watchbot COMMAND --help tells more; watchbot --version"
end

local function command_help(name, command)
  print(("%s\n\nusage: watchbot %s %s"):format(command.summary, name, command.usage))
  if #command.options > 0 then print("\n" .. options.describe(command.options)) end
  if command.details then print("\n" .. command.details) end
end

local function find(name)
  local names = {}
  for _, command in ipairs(commands) do
    if command[1] == name then return require(command[2]) end
    names[#names + 1] = command[1]
  end
  local near = suggest(name, names)
  return nil, ("unknown command '%s'%s; watchbot --help lists them"):format(name,
    near and ("; did you mean '%s'?"):format(near) or "")
end

local function run(name, command, argv)
  local arguments, message = options.parse(command.options, argv, command.runs_words)
  if not arguments then
    complain(message)
    return 2
  end
  if arguments.help then
    command_help(name, command)
    return 0
  end
  local status, problem, code = command.run(arguments)
  if status then return status end
  complain(problem)
  return code == "Usage" and 2 or 1
end

--- The whole program.
---@param argv string[]
---@param nofile integer the soft limit of open files that tasks get back; 0: they keep the program's own
---@return integer status
function cli.main(argv, nofile)
  local name = argv[1]
  if name == "--version" then
    print("watchbot " .. version)
    return 0
  elseif name == nil or name == "--help" or name == "-h" or name == "help" then
    help()
    return name and 0 or 2
  end
  local command, message = find(name)
  if not command then
    complain(message)
    return 2
  end
  if nofile > 0 then require "watchbot.process".nofile(nofile) end
  return run(name, command, table.move(argv, 2, #argv, 1, {}))
end

return cli
