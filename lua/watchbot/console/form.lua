--- console.form: the fields of a query or of a form, as browsers write them
-- (application/x-www-form-urlencoded, https://url.spec.whatwg.org/#urlencoded-parsing).

local percent = require "watchbot.lib.percent"

-- Fields of one form: the letters of some pages, and more than any page has.
local MOST = 20000

---@class watchbot.ConsoleForm
local Form = {}
Form.__index = Form

local form = {}

--- Reads the fields. Those beyond the most that a page sends are an error.
---@param encoded string?
---@return watchbot.ConsoleForm?
---@return string? err
function form.read(encoded)
  local self, count = setmetatable({ fields = {} }, Form), 0
  for pair in (encoded or ""):gmatch "[^&]+" do
    count = count + 1
    if count > MOST then return nil, ("the form has more than %d fields"):format(MOST) end
    local name, value = pair:match "^([^=]*)=?(.*)$"
    name = percent.decode_form(name)
    local values = self.fields[name]
    if not values then
      values = {}
      self.fields[name] = values
    end
    values[#values + 1] = percent.decode_form(value)
  end
  return self
end

--- The first value of a field; nil if it was not sent or is empty.
---@param name string
---@return string?
function Form:one(name)
  local value = (self.fields[name] or {})[1]
  return value ~= "" and value or nil
end

--- All values of a field.
---@param name string
---@return string[]
function Form:all(name)
  return self.fields[name] or {}
end

--- A field as a whole number of at least 0.
---@param name string
---@return integer?
function Form:number(name)
  local value = self:one(name)
  return value and value:find "^%d+$" and math.tointeger(tonumber(value)) or nil
end

return form
