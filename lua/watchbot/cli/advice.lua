--- cli.advice: what in a policy is probably a mistake, although it is valid: hooks whose parameters
-- do not fit, fields that nothing reads in this kind of policy, exit codes with another meaning.

local hooks = require "watchbot.policy.hooks"
local policy = require "watchbot.policy"

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
  if first and first == words[1] and first ~= "self" then
    return ("hook '%s': its first parameter is '%s', but it gets the policy there; write %s")
      :format(hook.name, first, definition)
  elseif info.nparams > #words + 1 then
    return ("hook '%s': it has %d parameters besides the policy and gets %d; write %s"):format(
      hook.name, info.nparams - 1, #words, definition)
  end
end

-- Fields about child processes.
local OF_PROCESSES = {
  "limits", "deliver", "envelope", "inherit", "cwd", "volumes", "kill_grace", "memory",
  "cpu_seconds", "files", "nice", "umask", "user", "private_tmp",
}

local function idle_fields(loaded, kind)
  local found = {}
  for _, name in ipairs(kind == "lua" and OF_PROCESSES or {}) do
    if loaded:is_set(name) then
      found[#found + 1] = ("field '%s' has no effect: a handler runs in the watcher, without a "
        .. "child process"):format(name)
    end
  end
  if loaded:is_set "volumes" and loaded:is_set "workers" and loaded.workers > 1 then
    found[#found + 1] = "field 'volumes': they are emptied only while no job runs, which is rare "
      .. "with several workers"
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

local function shadowing_exits(loaded)
  local found = {}
  for code, standard in pairs(STANDARD) do
    local outcome = loaded.exits[code]
    if outcome and outcome ~= standard then
      found[#found + 1] = ("'exits': code %d is '%s' here, and '%s' in every other policy"):format(
        code, outcome, standard)
    end
  end
  table.sort(found)
  if next(loaded.exits) and loaded:is_set "verdict" and not reads_exits(loaded.verdict) then
    found[#found + 1] = "'exits' has no effect unless the hook 'verdict' returns "
      .. "watchbot.policy.verdict(self, job, exit)"
  end
  return found
end

--- What is probably a mistake, a sentence each.
---@param loaded watchbot.Policy
---@return string[]
function advice.of(loaded)
  local found = {}
  for _, hook in ipairs(hooks) do
    if loaded:is_set(hook.name) then found[#found + 1] = of_hook(hook, loaded[hook.name]) end
  end
  for _, list in ipairs {
    idle_fields(loaded, policy.kind(loaded)), shadowing_exits(loaded),
  } do
    table.move(list, 1, #list, #found + 1, found)
  end
  return found
end

return advice
