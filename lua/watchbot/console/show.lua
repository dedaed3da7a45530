--- console.show: numbers, durations, times and messages, as people read them.

local html = require "watchbot.console.html"
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"

local show = {}

-- What has no value.
local NONE = "–"

--- "12,345"
---@param value number?
---@return string
function show.count(value)
  if not value then return NONE end
  local digits = ("%d"):format(math.floor(value + 0.5))
  return (digits:reverse():gsub("%d%d%d", "%0,"):reverse():gsub("^,", ""))
end

--- "1 message", "1,200 messages"
---@param value number
---@param noun string
---@return string
function show.counted(value, noun)
  return ("%s %s%s"):format(show.count(value), noun, value == 1 and "" or "s")
end

--- A rate for an axis or a tile: "0.4", "120".
---@param value number?
---@return string
function show.rate(value)
  if not value then return NONE end
  if value > 0 and value < 10 and value % 1 ~= 0 then return ("%.1f"):format(value) end
  return show.count(value)
end

--- "12 s", "4 min 5 s", "3 h 20 min", "2 d 4 h"
---@param seconds number?
---@return string
function show.duration(seconds)
  if not seconds then return NONE end
  local whole = math.max(0, seconds) // 1 | 0
  if whole < 60 then return ("%d s"):format(whole) end
  if whole < 3600 then return ("%d min %d s"):format(whole // 60, whole % 60) end
  if whole < 86400 then return ("%d h %d min"):format(whole // 3600, whole % 3600 // 60) end
  return ("%d d %d h"):format(whole // 86400, whole % 86400 // 3600)
end

--- "6 hours", "7 days"
---@param count integer
---@return string
function show.hours(count)
  if count >= 48 and count % 24 == 0 then return ("%d days"):format(count // 24) end
  return ("%d hours"):format(count)
end

--- "31 ms", "1.31 s", "12.4 s", "4 min 5 s"
---@param seconds number
---@return string
function show.precise(seconds)
  if seconds < 1 then return ("%.0f ms"):format(seconds * 1000) end
  if seconds < 10 then return ("%.2f s"):format(seconds) end
  if seconds < 60 then return ("%.1f s"):format(seconds) end
  return show.duration(seconds)
end

--- A moment of the last day or so: "3 min ago".
---@param seconds number
---@return string
local function ago(seconds)
  if seconds < 0 then return "in " .. show.duration(-seconds) end
  if seconds < 2 then return "now" end
  if seconds >= 60 and seconds < 3600 then return ("%d min ago"):format(seconds // 60) end
  if seconds >= 3600 and seconds < 86400 then return ("%d h ago"):format(seconds // 3600) end
  if seconds >= 86400 then return ("%d d ago"):format(seconds // 86400) end
  return show.duration(seconds) .. " ago"
end

--- "2026-11-28 14:03:22 UTC"
---@param milliseconds integer?
---@return string
function show.date(milliseconds)
  if not milliseconds then return NONE end
  local day, time = scheduler.iso_date(milliseconds):match "^(.-)T(%d+:%d+:%d+)"
  return ("%s %s UTC"):format(day, time)
end

local time = html.template
  [[<time datetime="{machine}" title="{exact}">{shown}</time>]]

--- A moment relative to now, with the exact one for who points at it.
---@param milliseconds integer?
---@return watchbot.Html|string
function show.time(milliseconds)
  if not milliseconds then return NONE end
  return time {
    machine = scheduler.iso_date(milliseconds), exact = show.date(milliseconds),
    shown = ago((scheduler.time() - milliseconds) / 1000),
  }
end

--- A moment in full.
---@param milliseconds integer?
---@return watchbot.Html|string
function show.moment(milliseconds)
  if not milliseconds then return NONE end
  local exact = show.date(milliseconds)
  return time { machine = scheduler.iso_date(milliseconds), exact = exact, shown = exact }
end

--- The beginning of a text, on one line.
---@param value string
---@param most integer bytes
---@return string
function show.line(value, most)
  local cut = text.line(text.cut(value, most))
  return #value > most and cut .. "…" or cut
end

--- A number of bytes: "312 bytes", "4.2 KiB".
---@param bytes integer
---@return string
function show.size(bytes)
  if bytes < 1024 then return show.counted(bytes, "byte") end
  if bytes < 1 << 20 then return ("%.1f KiB"):format(bytes / 1024) end
  return ("%.1f MiB"):format(bytes / (1 << 20))
end

return show
