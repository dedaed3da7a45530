--- cli.project: `watchbot init`.

local output = require "watchbot.cli.output"
local files = require "watchbot.cli.project.files"
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"

local init = {
  summary = "Creates a working project: a policy, its tests, a worker, a stack.",
  usage = "[--mode task|process] [--lambda python|node] [--systemd] [DIR]",
  options = {
    { name = "mode", value = "MODE", choices = { "process", "task" },
      help = "a container runs a process for each message (the default), or starts an ECS task" },
    { name = "lambda", value = "LANGUAGE", choices = { "python", "node" },
      help = "a resident Lambda function in this language, instead of the worker" },
    { name = "systemd", help = "a systemd unit for one machine as well" },
  },
  details = [[
Writes policy.lua, worker, spec/policy_spec.lua, stack.lua, Dockerfile, README.md, .gitignore and
.luarc.json (for editors) into DIR, by default the current folder. Overwrites nothing: if one of
them exists, none is written, and the exit status is 1.

examples:
  watchbot init tiles && cd tiles                              a new project in the folder tiles
  watchbot send --queue sqlite:jobs.db hello                   a message for it
  watchbot run --drain policy.lua                              run on this machine
  watchbot init --mode task tiles                              an ECS task for each message
  watchbot init --lambda python tiles                          a Lambda function for each message
  watchbot init --systemd tiles                                with the unit tiles.service]],
}

-- A word, quoted for the shell.
local function quoted(word)
  if word:match "^[%w_./-]+$" and word:sub(1, 1) ~= "-" then return word end
  return (word:match "^-" and "-- " or "") .. "'" .. word:gsub("'", "'\\''") .. "'"
end

local function start(mode, folder, systemd)
  local planned = files.files(mode, files.name(folder), systemd)
  local ok, err, code = files.write(folder, planned)
  if not ok then return nil, "init: " .. err, code end
  for _, file in ipairs(planned) do
    output.line((folder == "." and "" or text.line(folder) .. "/") .. file.path)
  end
  output.note(("\nTry it:%s\n  watchbot send --queue sqlite:jobs.db hello\n  watchbot run --drain "
    .. "policy.lua\n"):format(
    folder == "." and "" or "\n  cd " .. quoted(text.line(folder))))
  return 0
end

function init.run(arguments)
  if arguments.lambda and arguments.mode then
    return nil, "init: either --lambda or --mode, not both", "Usage"
  end
  local mode = arguments.lambda or arguments.mode or "process"
  if #arguments.words > 1 then
    return nil, ("init: expected one folder, got '%s'"):format(
      text.word(table.concat(arguments.words, " "))), "Usage"
  end
  local folder = arguments.words[1] or "."
  if folder == "" then return nil, "init: expected a folder, got ''", "Usage" end
  return scheduler.run(start, mode, (folder:gsub("(.)/+$", "%1")), arguments.systemd)
end

return init
