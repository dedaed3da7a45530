--- journal.printed: what the Lua code of a policy prints (print, io.write, io.stdout:write,
-- watchbot.log) goes to the watcher's log, as lines of the worker with the message's id; tasks that
-- it spawns have the id, too, also after the message has ended.
-- A direct write to standard output would block the event loop, signals and heartbeats until it is
-- read. Only the program does this: in an embedding host, standard output belongs to the host.

local log = require "watchbot.log"
local scheduler = require "watchbot.scheduler"

-- Bytes kept of an incomplete line, and of the newest output where that is kept.
local LONGEST, KEPT = 64 * 1024, 4096

---@class watchbot.Printed
---@field sink watchbot.Log?
---@field early string[]? lines from before there was a log
local Printed = {}
Printed.__index = Printed

local printed = {}

-- What a task that runs the code of a policy is of without a message, and the watcher's own code.
local NO_MESSAGE, OWN = false, 0

-- Whose lines a task prints (a message's id, or one of these), and what it has printed of a line,
-- by the task. The tasks of a watcher take one job after the other: an id that is replaced costs
-- less than one that is taken out.
local ids, parts = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })

-- The newest output of tasks of which it is kept, by the task.
local tails = setmetatable({}, { __mode = "k" })

-- The capture that is active.
local current

--- Keeps the newest output of the task.
---@param task watchbot.Task
function printed.keep(task)
  tails[task] = ""
end

--- The newest output of the task, which is not kept any more.
---@param task watchbot.Task
---@return string?
function printed.kept(task)
  local tail = tails[task]
  tails[task] = nil
  return tail ~= "" and tail or nil
end

local function keep(task, text)
  local tail = tails[task]
  if tail then tails[task] = (tail .. text .. "\n"):sub(-KEPT) end
end

local function flush(task)
  if parts[task] and current then current:complete(task) end
end

--- The task has finished its work for the message.
---@param task watchbot.Task
---@param before any what `begin` has returned
function printed.finish(task, before)
  if parts[task] then flush(task) end
  ids[task] = before
end

--- Output of the task belongs to this message from now on.
---@param task watchbot.Task
---@param id string? nil: of no message
---@return any before for `finish`
function printed.begin(task, id)
  if parts[task] then flush(task) end
  local before = ids[task]
  ids[task] = id or NO_MESSAGE
  return before == nil and OWN or before
end

-- => the id of the message whose lines the task prints
local function message_of(task)
  local id = ids[task]
  return id ~= OWN and id or nil
end

function Printed:line(text, id)
  if self.sink then self.sink:write("worker", id, text) else table.insert(self.early, text) end
end

--- An incomplete line is completed.
function Printed:complete(key)
  local text = parts[key]
  parts[key] = nil
  if not text or text == "" then return end
  keep(key, text)
  self:line(text, message_of(key))
end

-- => the text after the last newline; a pattern would start at each byte
local function rest_of(text)
  if text:byte(-1) == 10 then return "" end
  local behind = text:reverse():find("\n", 1, true)
  return behind and text:sub(1 - behind) or text
end

function Printed:write(text)
  local key = scheduler.current() or self
  text = (parts[key] or "") .. text
  local rest = rest_of(text)
  if #rest >= LONGEST then rest = "" end
  local lines = text:sub(1, #text - #rest)
  parts[key] = rest ~= "" and rest or nil
  if lines == "" then return end
  lines = lines:gsub("\n$", "")
  keep(key, lines)
  self:line(lines, message_of(key))
end

local Begun = {}

function Begun:__close()
  flush(self.task)
end

-- The body of a task that the code of a policy has spawned.
local function as_of(id, body, ...)
  local task = scheduler.current()
  ids[task] = id
  local begun <close> = setmetatable({ task = task }, Begun) -- luacheck: ignore 211
  return body(...)
end

-- The same rule as Lua's: numbers are converted, other types are refused.
local function text_of(...)
  local values = table.pack(...)
  for index = 1, values.n do
    local value = values[index]
    if type(value) ~= "string" and type(value) ~= "number" then
      error(("bad argument #%d to 'write' (string expected, got %s)"):format(index,
        value == nil and "nil" or type(value)), 3)
    end
  end
  return table.concat(values, "", 1, values.n)
end

local function printable(...)
  local values = table.pack(...)
  for index = 1, values.n do values[index] = tostring(values[index]) end
  return table.concat(values, "\t", 1, values.n)
end

-- Replaces the functions that write to standard output; => a function that restores them
local function replace(self)
  -- The policy's library is not that of this module: see lib/apart.lua.
  local library = _G.io
  local stdout, methods = io.stdout, getmetatable(io.stdout).__index
  local own_print, own_io, own_method = _G.print, library.write, methods.write
  function _G.print(...) self:write(printable(...) .. "\n") end
  methods.write = function(file, ...)
    if file ~= stdout then return own_method(file, ...) end
    self:write(text_of(...))
    return file
  end
  rawset(library, "write", function(...)
    local file = io.output()
    if file ~= stdout then return own_io(...) end
    self:write(text_of(...))
    return file
  end)
  log.redirect(function(text)
    local key = scheduler.current() or self
    keep(key, text)
    self:line(text, message_of(key))
  end)
  local own_spawn = scheduler.spawn
  function scheduler.spawn(body, ...)
    local task = scheduler.current()
    local id = task and ids[task]
    if id == nil or id == OWN or type(body) ~= "function" then return own_spawn(body, ...) end
    return own_spawn(as_of, id, body, ...)
  end
  return function()
    _G.print, methods.write = own_print, own_method
    scheduler.spawn = own_spawn
    rawset(library, "write", own_io)
    log.redirect(nil)
  end
end

--- Begins; output before `open` is kept.
---@return watchbot.Printed
function printed.capture()
  local self = setmetatable({ early = {} }, Printed)
  self.restore = replace(self)
  current = self
  return self
end

--- From now on lines go to the log.
---@param sink watchbot.Log
function Printed:open(sink)
  self.sink = sink
  for _, text in ipairs(self.early) do self:line(text) end
  self.early = nil
  self:complete(scheduler.current() or self)
end

--- Restores standard output.
---@return string text that was not logged
function Printed:close()
  self.restore()
  current = nil
  for key in pairs(parts) do self:complete(key) end
  return self.early and #self.early > 0 and table.concat(self.early, "\n") .. "\n" or ""
end

return printed
