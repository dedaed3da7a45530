--- refusal: errors about a name in a table in a user's file: with the file and line of that name
-- instead of the call that found it. If the file's stack frame is gone (`return watchbot.policy {
-- ... }` is a tail call), the raised error is an object, which `explain` converts to the same text
-- once the path is known.

local refusal = {}

local Refusal = { __name = "watchbot.lib.refusal" }

---@class watchbot.Refusal
---@field name string
---@field message string

function Refusal:__tostring()
  return self.message
end

-- A table constructor's call is at its first line; the name itself is somewhere below. A missing
-- name has no line: it gets that of the call or, if that is unknown, the line that returns the
-- table.
local function line_of(name, path, call)
  local first = call or 1
  local file <close> = io.open(path, "r")
  if not file then return first end
  local number, wanted = 0, "%f[%w_]" .. tostring(name):gsub("%p", "%%%0") .. "[\"'%]]*%s*="
  local returned
  for line in file:lines() do
    number = number + 1
    local code = line:gsub("%-%-.*", "")
    if number >= first and code:find(wanted) then return number end
    if not call and code:find "^return%f[%W]" then returned = number end
  end
  return returned or first
end

--- Raises `err` with the file and line where `name` is set.
---@param err string
---@param name string
---@param level integer 1: the caller of the calling function
function refusal.raise(err, name, level)
  local info = debug.getinfo(level + 2, "Sl")
  if not info or info.currentline < 1 then
    error(setmetatable({ name = name, message = err }, Refusal), 0)
  end
  local path = info.source:match "^@(.+)"
  local line = path and line_of(name, path, info.currentline) or info.currentline
  error(("%s:%d: %s"):format(info.short_src, line, err), 0)
end

--- A value in the form that errors show.
---@param value any
---@return string
function refusal.shown(value)
  local kind = type(value)
  if kind == "string" then return ("'%s'"):format(value) end
  if kind == "number" or kind == "boolean" then return tostring(value) end
  return "a " .. kind
end

--- The text of an error that loading the file `path` has raised: with the line, even if only the
--- name of the file leads to it.
---@param err any
---@param path string
---@return string
function refusal.explain(err, path)
  if getmetatable(err) ~= Refusal then return tostring(err) end
  return ("%s:%d: %s"):format(path, line_of(err.name, path), err.message)
end

return refusal
