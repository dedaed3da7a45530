--- log: lines with the date, a category and the message id in front.
--
--     local log = require "watchbot".log
--     log("tile", 7, "done")             -- in a worker: like print, with the id from $MessageId
--
-- A watcher writes through a log from `log.open`, which never waits for the reader, see src/sink.h.

local core = require "watchbot.core".log

---@class watchbot.Log
---@field write fun(self: watchbot.Log, category: string, id: string?, text: string, ...: any)
--- queues a line; `...`: its level, 30, 40 or 50. In text mode each line of `text` becomes one, in
--- JSON mode it is `msg`, or is merged when it is an object
---@field say fun(self: watchbot.Log, category: string, id: string?, level: integer, ...: any)
--- queues a line that is a JSON object of the members name, value, name, value...; a nil value
--- leaves its member out
---@field raw fun(self: watchbot.Log, line: string) queues a line as it is, in both formats: without
--- newline, date and id
---@field drain fun(self: watchbot.Log, seconds: number?): true?, string?, string? waits until
--- everything is written
---@field dropped fun(self: watchbot.Log): integer lines that were dropped because the disk was full
--- or the reader stuck; the log has a line about them once there is room
---@field taken fun(self: watchbot.Log): integer, integer lines and bytes that were not dropped
---@field full fun(self: watchbot.Log): boolean whether a producer should wait
---@field pending fun(self: watchbot.Log): integer bytes in the queue
---@field format fun(self: watchbot.Log): "text"|"json"
---@field error fun(self: watchbot.Log): string?, string? message and code once the output has
--- failed permanently
---@field close fun(self: watchbot.Log) writes what can be written at once

---@class watchbot.LogModule
local log = {}

-- Receives the lines of `log.worker` instead of standard output.
local taker

--- Opens a log on a file descriptor, which the caller still owns.
---@type fun(fd: integer, format: "text"|"json"|nil): watchbot.Log?, string?, string?
log.open = core.open

--- One formatted line, or several for a text with newlines.
---@type fun(format: "text"|"json", category: string, id: string?, text: string): string
log.line = core.line

local function words(...)
  local values = table.pack(...)
  for index = 1, values.n do values[index] = tostring(values[index]) end
  return table.concat(values, "\t")
end

--- Writes its arguments, like print, as a line of the worker to stdout, at once. Also works outside
--- a task.
---@param ... any
function log.worker(...)
  if taker then return taker(words(...)) end
  local id = os.getenv "MessageId"
  local format = os.getenv "structuredLogging" == "true" and "json" or "text"
  io.stdout:write(core.line(format, "worker", id ~= "" and id or nil, words(...)))
  io.stdout:flush()
end

--- For the watcher: the lines of `log.worker` go to this function, or with nil to standard output.
---@param to fun(text: string)?
function log.redirect(to)
  taker = to
end

return setmetatable(log, { __call = function(_, ...) log.worker(...) end })
