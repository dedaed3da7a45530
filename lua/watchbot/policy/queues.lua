--- policy.queues: the field `queues`: several queues of one watcher, each with its share and with
-- fields that replace the policy's.
--
--     queues = { "sqlite:a.db", { "sqlite:b.db", weight = 3, timeout = 60 } }

local hooks = require "watchbot.policy.hooks"
local list = require "watchbot.lib.list"
local queue = require "watchbot.queue"
local suggest = require "watchbot.lib.suggest"

local queues = {}

--- The fields that define what a task is: of an entry that sets one, it is the only one.
queues.KINDS = { "command", "handler", "task", "lambda", "serve", "resident" }

-- The fields that an entry may set. All others are of the whole watcher.
local PER_QUEUE = {
  "command", "handler", "batch", "window", "lambda", "serve", "resident", "task",
  "pending_timeout", "on_stop", "handover", "timeout", "exits", "visibility", "max_receives",
  "retention", "deliver", "timestamps", "attributes", "env", "inherit", "cwd", "memory",
  "cpu_seconds", "files", "nice", "umask", "user", "private_tmp", "work_topic", "log_group",
  "progress", "notify_after", "probe", "gather", "linger", "history", "history_rows",
  "history_output", "overflow", "schedules", "limits", "envelope", "once", "once_for", "once_table",
}

-- Hooks are called for one queue, except these.
local OF_WATCHER = { start = true, stop = true }

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  return set
end

local per_queue, hook_of, known = set_of(PER_QUEUE), {}, table.move(PER_QUEUE, 1, #PER_QUEUE, 2,
  { "weight" })
for _, hook in ipairs(hooks) do
  hook_of[hook.name] = true
  if not OF_WATCHER[hook.name] then known[#known + 1] = hook.name end
end

--- The names of these fields, for the documentation.
queues.PER_QUEUE = PER_QUEUE

---@class watchbot.QueueEntry
---@field queue string
---@field weight number
---@field changes table<string, any> fields and hooks in place of the policy's

--- The entries of the field, in one form.
---@param value table a valid one
---@return watchbot.QueueEntry[]
function queues.entries(value)
  local entries = {}
  for index, given in ipairs(value) do
    local entry = { weight = 1, changes = {} }
    if type(given) == "string" then given = { given } end
    for name, item in pairs(given) do
      if name == 1 then
        entry.queue = item
      elseif name == "weight" then
        entry.weight = item
      else
        entry.changes[name] = item
      end
    end
    entries[index] = entry
  end
  return entries
end

--- One URL for all the ways to write that of the same queue.
---@param url string
---@return string
function queues.same(url)
  url = url:gsub("[\r\n]+$", "")
  if url:match "^sqlite:" then return queue.absolute(url) or url end
  return (url:gsub("/+$", ""))
end

local function weight_problem(weight)
  if type(weight) == "number" and weight > 0 and weight <= 1e6 then return nil end
  return ("'weight': expected a number above 0, got %s"):format(tostring(weight))
end

-- What is wrong with one name of an entry.
local function member_problem(name, value, fields)
  if name == "weight" then return weight_problem(value) end
  if per_queue[name] then
    local ok, err = fields.check(name, value)
    return not ok and err or nil
  elseif hook_of[name] and not OF_WATCHER[name] then
    return type(value) ~= "function"
      and ("hook '%s': expected a function, got a %s"):format(name, type(value)) or nil
  elseif fields.by_name[name] or hook_of[name] then
    return ("'%s' is for the whole watcher: set it in the policy, next to 'queues'"):format(name)
  end
  return ("unknown field '%s'%s"):format(tostring(name), suggest.hint(name, known))
end

local function entry_problem(entry, fields)
  if type(entry) == "string" then entry = { entry } end
  if type(entry) ~= "table" or type(entry[1]) ~= "string" then
    return "expected a URL, or a table like { \"sqlite:jobs.db\", weight = 3 }"
  end
  local ok, err = queue.check(entry[1])
  if not ok then return err end
  for name, value in pairs(entry) do
    local problem = name ~= 1 and member_problem(name, value, fields)
    if problem then return problem end
  end
end

local function problem_of(value, fields)
  local seen = {}
  for index, entry in ipairs(value) do
    local problem = entry_problem(entry, fields)
    if problem then return ("entry %d: %s"):format(index, problem) end
    local url = type(entry) == "table" and entry[1] or entry
    local earlier = seen[queues.same(url)]
    if earlier then
      return ("entry %d: '%s' is the same queue as entry %d"):format(index, url, earlier)
    end
    seen[queues.same(url)] = index
  end
end

--- The type of the field.
---@param fields table watchbot.policy.fields
---@return table
function queues.type(fields)
  return {
    expected = "a list of queues like { \"sqlite:a.db\", { \"sqlite:b.db\", weight = 3 } }",
    check = function(value)
      if not list.is(value) or #value == 0 then return false end
      local problem = problem_of(value, fields)
      return problem == nil, problem
    end,
  }
end

local function sets_kind(changes)
  for _, name in ipairs(queues.KINDS) do
    if changes[name] ~= nil then return true end
  end
  return false
end

local function declared_for(entry, given)
  local declared, own = {}, { queue = true, queues = true, strict = true }
  for name, value in pairs(given) do declared[name] = value end
  declared.queues, declared.strict, declared.queue = nil, nil, entry.queue
  if sets_kind(entry.changes) then
    for _, name in ipairs(queues.KINDS) do declared[name], own[name] = nil, true end
  end
  for name, value in pairs(entry.changes) do declared[name], own[name] = value, true end
  entry.declared, entry.own = declared, own
  return entry
end

--- The entries, each with `declared`, the fields and hooks of its policy, and `own`, the names of
--- those that are of the queue alone.
---@param given table<string, any> what the policy sets, `queues` among it
---@return watchbot.QueueEntry[]
function queues.declared(given)
  local entries = queues.entries(given.queues)
  for _, entry in ipairs(entries) do declared_for(entry, given) end
  return entries
end

--- Keeps the entries of the queues that are named, with their fields; others get the policy's.
---@param value table? the field as it is
---@param urls string[]
---@return table value
function queues.select(value, urls)
  local by_url, chosen = {}, {}
  for _, given in ipairs(value or {}) do
    by_url[queues.same(type(given) == "table" and given[1] or given)] = given
  end
  for index, url in ipairs(urls) do chosen[index] = by_url[queues.same(url)] or url end
  return chosen
end

return queues
