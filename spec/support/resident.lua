--- resident: shared by the specs of resident programs: sends messages, runs the policy until the
-- queue is empty, and reads the outcomes in its log.

local cjson = require "cjson"
local workshop = require "support.workshop"

local resident = {}

--- The folder of runtimes and clients that specs start.
resident.runtimes = io.popen "pwd":read "l" .. "/spec/support/runtimes/"

--- Sends a message for each value: text unchanged, anything else as JSON.
function resident.send(folder, ...)
  local lines = {}
  for index, value in ipairs { ... } do
    lines[index] = type(value) == "string" and value or cjson.encode(value)
  end
  workshop.send(folder, lines)
end

--- Writes a policy whose messages come back at once. `fields` are Lua text within its table, `more`
--- is Lua text behind it.
function resident.policy(folder, fields, more)
  folder:write("policy.lua", ([[
    local policy = require "watchbot".policy {
      queue = %q, max_receives = 2, kill_grace = 0.2, %s
    }
    function policy:backoff() return 0 end
    %s
    return policy]]):format(folder:url(), fields, more or ""))
end

--- Writes a policy of a Lambda function whose runtime does what its messages say, see
--- runtimes/scripted.py; `options` are Lua text within the field `lambda`.
function resident.lambda(folder, fields, options, more)
  resident.policy(folder, ("%s lambda = { command = { 'python3', %q, 'seen' }, %s %s }"):format(
    fields or "", resident.runtimes .. "scripted.py", "handler = 'app.handler',", options or ""),
    more)
end

--- What the scripted runtime noted of each invocation.
function resident.seen(folder) return resident.read(folder, "seen") end

--- Runs the policy until the queue is empty.
---@return string log
function resident.drain(folder, more)
  local exit, log, err = workshop.run(folder, { "run", "--drain", "policy.lua" }, more)
  assert(exit.code == 0, log .. err)
  return log
end

--- The lines of the outcomes in a log, decoded, in their order.
function resident.outcomes(log)
  local all = {}
  for json in log:gmatch '%[watcher%] %[[^%]]*%] ({"outcome"[^\n]*})\n' do
    all[#all + 1] = cjson.decode(json)
  end
  return all
end

--- The outcomes in a log, in their order.
---@return string[]
function resident.in_order(log)
  local words = {}
  for index, one in ipairs(resident.outcomes(log)) do words[index] = one.outcome end
  return words
end

--- The outcomes in a log, sorted.
---@return string[]
function resident.words(log)
  local words = {}
  for index, one in ipairs(resident.outcomes(log)) do words[index] = one.outcome end
  table.sort(words)
  return words
end

--- A file of JSON lines, decoded.
function resident.read(folder, name)
  local all = {}
  for _, line in ipairs(folder:lines(name)) do all[#all + 1] = cjson.decode(line) end
  return all
end

return resident
