--- cli.advice: what in a policy is probably a mistake, although it is valid: hooks whose parameters
-- do not fit, fields that nothing reads in this kind of policy, exit codes with another meaning, a
-- visibility timeout that is too short, secrets in the text.

local hooks = require "watchbot.policy.hooks"
local idle_fields = require "watchbot.cli.idle_fields"
local leases = require "watchbot.watcher.leases"
local misfit_times = require "watchbot.cli.misfit_times"
local policy = require "watchbot.policy"
local process = require "watchbot.process"
local queues = require "watchbot.policy.queues"
local resident = require "watchbot.policy.resident"
local secret_names = require "watchbot.cli.secret_names"
local sorted = require "watchbot.lib.sorted"

local advice = {}

local function words_of(arguments)
  local words = {}
  for word in arguments:gmatch "[%w_]+" do words[#words + 1] = word end
  return words
end

-- A hook defined with a dot gets the policy as its first parameter; more parameters than it is
-- given are nil.
local function of_hook(hook, body)
  local info, words = debug.getinfo(body, "uS"), words_of(hook.arguments)
  if info.what ~= "Lua" or info.isvararg then return nil end
  local first = info.nparams > 0 and debug.getlocal(body, 1) or nil
  local definition = ("function policy:%s(%s)"):format(hook.name, hook.arguments)
  if first and first ~= "self" and (first == words[1] or first == words[2]) then
    return ("hook '%s': its first parameter is '%s', but it gets the policy there; write %s")
      :format(hook.name, first, definition)
  elseif info.nparams > #words + 1 then
    return ("hook '%s': it has %d parameters besides the policy and gets %d; write %s"):format(
      hook.name, info.nparams - 1, #words, definition)
  end
end

-- Fields that are functions get one parameter, and are not methods.
local CALLED = { "handler", "command", "task" }

local function of_function(name, body)
  local info = debug.getinfo(body, "uS")
  if info.what ~= "Lua" then return nil end
  local first = info.nparams > 0 and debug.getlocal(body, 1) or nil
  if first == "self" or info.nparams > 1 then
    return ("'%s': it is called with one parameter and has %d, the first of them '%s'; write "
      .. "function policy.%s(job)"):format(name, info.nparams, first, name)
  end
end

-- The hooks and functions among `fields`, which are a policy's own or those of an entry of
-- `queues`; `where` is put before each sentence.
local function misfits_among(fields, where, found)
  for _, hook in ipairs(hooks) do
    local body = fields[hook.name]
    local problem = type(body) == "function" and of_hook(hook, body)
    if problem then found[#found + 1] = where .. problem end
  end
  for _, name in ipairs(CALLED) do
    local problem = type(fields[name]) == "function" and of_function(name, fields[name])
    if problem then found[#found + 1] = where .. problem end
  end
end

local function misfit_functions(loaded)
  local found, own = {}, {}
  for _, hook in ipairs(hooks) do
    if loaded:is_set(hook.name) then own[hook.name] = loaded[hook.name] end
  end
  for _, name in ipairs(CALLED) do own[name] = loaded[name] end
  misfits_among(own, "", found)
  for index, entry in ipairs(queues.entries(loaded.queues or {})) do
    misfits_among(entry.changes, ("queues[%d]: "):format(index), found)
  end
  return found
end

-- Codes that watchbot has a meaning for.
local STANDARD = { [0] = "complete", [3] = "reject", [4] = "release" }

-- Whether a hook's code has the name of the default hook, or of the field, or the default in an
-- upvalue. The constants of a function are in its bytecode, those of functions within it, too.
local function reads_exits(body)
  if debug.getinfo(body, "S").what ~= "Lua" then return true end
  local code, index = string.dump(body, true), 1
  while debug.getupvalue(body, index) do
    if select(2, debug.getupvalue(body, index)) == policy.verdict then return true end
    index = index + 1
  end
  return (code:find("verdict", 1, true) or code:find("exits", 1, true)) ~= nil
end

local function exits_with_other_meanings(exits, found)
  for code, standard in pairs(STANDARD) do
    local outcome = exits[code]
    if outcome and outcome ~= standard then
      found[#found + 1] = ("'exits': code %d is '%s' here, and '%s' in every other policy"):format(
        code, outcome, standard)
    end
  end
end

-- Number of each signal, by name.
local SIGNALS = {}
for number = 1, 64 do
  local name = process.signal_name(number)
  if name then SIGNALS[name] = number end
end

-- A process that is killed has a signal and no code: the entry of the code is for shells alone.
local function codes_of_signals(exits, loaded, found)
  if policy.of_queues(loaded) or policy.kind(loaded) ~= "process" then return end
  for name, number in pairs(SIGNALS) do
    if exits[128 + number] and not exits[name] then
      found[#found + 1] = ("'exits': code %d is %s in a shell; a command that is ended by it "
        .. "without a shell has no code: write %s, which is for both"):format(128 + number, name,
        name)
    end
  end
end

-- A shell and ECS report a signal as 128 plus its number; the code is looked up first.
local function hidden_signals(exits, found)
  for name, outcome in pairs(exits) do
    local code = SIGNALS[name] and 128 + SIGNALS[name]
    if code and exits[code] and exits[code] ~= outcome then
      found[#found + 1] = ("'exits': code %d is %s in a shell and in ECS: there '%s' comes before "
        .. "'%s'"):format(code, name, exits[code], outcome)
    end
  end
end

-- The types of errors ("ValidationError", "HTTP503") are those of resident programs, which have no
-- exit codes for a message; only `resident` has both.
local function foreign_exits(exits, loaded, found)
  local names = not policy.of_queues(loaded) and (loaded.lambda or loaded.serve) ~= nil
  local codes = not policy.of_queues(loaded) and not names and not resident.kind(loaded)
  for key in pairs(exits) do
    local is_type = type(key) == "string" and not SIGNALS[key]
    if names and not is_type then
      found[#found + 1] = ("'exits': %s has no effect: a message of '%s' ends with the type of an "
        .. "error, not with an exit code"):format(key, loaded.lambda and "lambda" or "serve")
    elseif codes and is_type then
      found[#found + 1] = ("'exits': '%s' has no effect: it is the type of an error of 'lambda' or "
        .. "'serve'"):format(key)
    end
  end
end

local function shadowing_exits(loaded)
  local found = {}
  exits_with_other_meanings(loaded.exits, found)
  hidden_signals(loaded.exits, found)
  foreign_exits(loaded.exits, loaded, found)
  codes_of_signals(loaded.exits, loaded, found)
  table.sort(found)
  if next(loaded.exits) and loaded:is_set "verdict" and not reads_exits(loaded.verdict) then
    found[#found + 1] = "'exits' has no effect unless the hook 'verdict' returns "
      .. "watchbot.policy.verdict(self, job, exit)"
  end
  return found
end

-- Heartbeats of an SQS queue are requests, which may be slow or fail.
local function short_visibility(loaded)
  local found, seen = {}, {}
  for _, one in ipairs(policy.of_queues(loaded) or { { policy = loaded } }) do
    local seconds = one.policy.visibility
    if (one.policy.queue or ""):find "^https?:" and seconds < leases.SHORTEST
      and not seen[seconds] then
      seen[seconds] = true
      found[#found + 1] = ("'visibility' of %g s is shorter than heartbeats can keep: one that "
        .. "gets no answer is given up after %g s, too late for a second one; set at least %g")
        :format(seconds, leases.LEAST_PATIENCE, leases.SHORTEST)
    end
  end
  return found
end

local function written_secrets(loaded, texts)
  local found = {}
  for _, one in ipairs(policy.of_queues(loaded) or { { policy = loaded } }) do
    for _, name in ipairs(secret_names.written(one.policy.env, texts)) do
      found[name] = ("'env': the secret '%s' is written in the policy: read it with "
        .. "os.getenv \"%s\", and let the machine or the template's `secrets` set it"):format(
        name, name)
    end
  end
  local sentences = {}
  for index, name in ipairs(sorted.keys(found)) do sentences[index] = found[name] end
  return sentences
end

local function times(loaded)
  local found, seen = {}, {}
  for _, one in ipairs(policy.of_queues(loaded) or { { policy = loaded } }) do
    for _, sentence in ipairs(misfit_times(one.policy)) do
      if not seen[sentence] then found[#found + 1] = sentence end
      seen[sentence] = true
    end
  end
  return found
end

--- What is probably a mistake, a sentence each.
---@param loaded watchbot.Policy
---@param texts table<any, true>? constants of the policy's files
---@return string[]
function advice.of(loaded, texts)
  local found = {}
  for _, list in ipairs {
    misfit_functions(loaded), idle_fields(loaded), shadowing_exits(loaded),
    short_visibility(loaded), times(loaded), written_secrets(loaded, texts or {}),
  } do
    table.move(list, 1, #list, #found + 1, found)
  end
  return found
end

return advice
