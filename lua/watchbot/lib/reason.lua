--- reason: what foreign code gave as a reason, as text: a string, a number, a boolean, or something
-- that has a `__tostring`; nil for what has nothing to say to a person.

---@param value any
---@return string?
local function reason(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" or kind == "boolean" then return tostring(value) end
  local meta = getmetatable(value)
  if type(meta) ~= "table" or rawget(meta, "__tostring") == nil then return nil end
  local ok, text = pcall(tostring, value)
  return ok and text or nil
end

return reason
