--- runner.handled: converts the result of a handler to an exit. Only no result, or true, is
-- success, for which the message is deleted. A function that fails in Lua's usual way (nil and an
-- error, like io.open and os.execute) has failed.

local reason = require "watchbot.lib.reason"
local text = require "watchbot.lib.text"

local codes = { complete = 0, reject = 3, release = 4, retry = 1, bury = 1 }

-- Bytes of an invalid result to show.
local LONGEST = 100

local function shown(result)
  if type(result) == "number" then return tostring(result) end
  if type(result) ~= "string" then return "a " .. type(result) end
  return ("'%s'%s"):format(text.cut(result, LONGEST), #result > LONGEST and " and more" or "")
end

local handled = {}

local function failure(why)
  return { code = 1, reason = why, duration = 0 }
end

local function failed(result, why, count)
  local given = reason(why)
  if given then return failure(given) end
  if result == false then return failure "the handler returned false" end
  if count > 1 then return failure(("the handler returned nil and a %s"):format(type(why))) end
  return failure "the handler returned nil; success is to return nothing, or true"
end

--- The exit of a handler: `ok` and its results, or false and its error, in the form of `task:join`.
---@param ok boolean
---@param ... any
---@return watchbot.Exit exit
---@return boolean? clean it has succeeded, without anything else to report
function handled.exit(ok, ...)
  local result, why = ...
  if not ok then return failure(reason(result) or ("the handler raised a " .. type(result))) end
  if result == true then return { code = 0, duration = 0 }, true end
  local count = select("#", ...)
  if count == 0 then return { code = 0, duration = 0 }, true end
  if result == nil or result == false then return failed(result, why, count) end
  if math.type(result) == "integer" then
    return { code = result, reason = reason(why), duration = 0 }
  end
  if codes[result] then
    return {
      code = codes[result], outcome = result, reason = reason(why), duration = 0,
    }
  end
  return failure(("the handler returned %s, which is neither an exit code nor an outcome"):format(
    shown(result)))
end

return handled
