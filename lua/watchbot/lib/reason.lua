--- reason: a reason that foreign code gave, as text: a string, a number, a boolean, or a value with
-- `__tostring`; nil for other values. Reasons appear in log lines and notifications, so their
-- length is limited.

local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"

-- Bytes.
local LONGEST = 16 * 1024

-- Seconds that `__tostring` may take.
local LIMIT = 2

local function cut(value)
  if #value <= LONGEST then return value end
  return ("%s ... (%d bytes in all)"):format(text.cut(value, LONGEST), #value)
end

-- `__tostring` is user code: it may raise an error, return anything, or never return.
local function of_method(value)
  if not scheduler.running() then return pcall(tostring, value) end
  return pcall(scheduler.limit_turn, LIMIT, "__tostring did not return", tostring, value)
end

---@param value any
---@return string?
local function reason(value)
  local kind = type(value)
  if kind == "string" then return cut(value) end
  if kind == "number" or kind == "boolean" then return tostring(value) end
  local meta = debug.getmetatable(value)
  if type(meta) ~= "table" or rawget(meta, "__tostring") == nil then return nil end
  local ok, made = of_method(value)
  return ok and cut(made) or nil
end

return reason
