--- query: encodes parameters as a form, for AWS's Query services ("Action=Publish&Message=...").
-- Lists become Name.member.1, maps Name.entry.1.key and Name.entry.1.value; the service's data
-- lists the parameters that are maps, because in Lua a structure looks the same.

local json = require "watchbot.lib.json"
local list = require "watchbot.lib.list"
local percent = require "watchbot.lib.percent"

local query = {}

-- A space is "+", as in forms: AWS accepts %20, too, but servers that rebuild the form to check its
-- signature do not.
local function escape(text)
  return (percent.encode(text, "[^%w%-._~ ]"):gsub(" ", "+"))
end

local function scalar(name, value)
  if math.type(value) == "float" then return json.encode(value) end
  local kind = type(value)
  if kind == "string" or kind == "number" or kind == "boolean" then return tostring(value) end
  error(("parameter '%s' cannot be a %s"):format(name, kind), 0)
end

local function mixed(name)
  error(("parameter '%s' has names and numbers for keys, or gaps"):format(name), 0)
end

local function sorted_keys(value, name)
  local keys = {}
  for key in pairs(value) do
    if type(key) ~= "string" then mixed(name) end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local flatten

local function flatten_list(out, maps, name, items)
  if not list.is(items) then mixed(name) end
  if #items == 0 then out[#out + 1] = escape(name) .. "=" end
  for index, value in ipairs(items) do
    flatten(out, maps, ("%s.member.%d"):format(name, index), nil, value)
  end
end

local function flatten_map(out, maps, name, map, names)
  for index, key in ipairs(sorted_keys(map, name)) do
    local entry = ("%s.entry.%d."):format(name, index)
    flatten(out, maps, entry .. names[1], nil, key)
    flatten(out, maps, entry .. names[2], nil, map[key])
  end
end

-- `field` is the last part of the name, which decides whether it is a map.
function flatten(out, maps, name, field, value)
  if value == json.null then return end
  if type(value) ~= "table" then
    out[#out + 1] = escape(name) .. "=" .. escape(scalar(name, value))
  elseif list.written(value) then
    flatten_list(out, maps, name, value)
  elseif maps[field] then
    flatten_map(out, maps, name, value, maps[field])
  else
    for _, key in ipairs(sorted_keys(value, name)) do
      flatten(out, maps, name .. "." .. key, key, value[key])
    end
  end
end

--- Raises an error for values that cannot be encoded: functions, tables with both names and numbers
--- as keys.
---@param action string
---@param version string
---@param parameters table
---@param maps table<string, string[]>?
---@return string form
function query.encode(action, version, parameters, maps)
  local out = { "Action=" .. escape(action), "Version=" .. escape(version) }
  for _, key in ipairs(sorted_keys(parameters, action)) do
    flatten(out, maps or {}, key, key, parameters[key])
  end
  return table.concat(out, "&")
end

return query
