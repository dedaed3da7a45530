--- progress.dynamodb.values: converts Lua's values to DynamoDB's typed values and back, without
-- loss for values that JSON can represent.
-- https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html

local json = require "watchbot.lib.json"
local list = require "watchbot.lib.list"

local values = {}

local function encode_table(value)
  local encoded = {}
  for key, item in pairs(value) do encoded[key] = values.encode(item) end
  if list.written(value) then return { L = json.list(encoded) } end
  return { M = encoded }
end

--- A set of numbers; DynamoDB does not allow an empty one.
---@param numbers integer[]
---@return table
function values.set(numbers)
  local texts = {}
  for index, number in ipairs(numbers) do texts[index] = json.encode(number) end
  return { NS = texts }
end

---@param value any a value that JSON can represent; `watchbot.aws.null` is null
---@return table
function values.encode(value)
  if value == json.null then return { NULL = true } end
  local kind = type(value)
  if kind == "string" then return { S = value } end
  if kind == "boolean" then return { BOOL = value } end
  if kind == "number" then return { N = json.encode(value) } end
  return encode_table(value)
end

local function decode_each(items, decode)
  local decoded = {}
  for key, item in pairs(items) do decoded[key] = decode(item) end
  return decoded
end

local function number_of(text)
  return math.tointeger(text) or tonumber(text)
end

local decoders = {
  NULL = function() return json.null end,
  N = number_of,
  L = function(items) return json.list(decode_each(items, values.decode)) end,
  M = function(items) return decode_each(items, values.decode) end,
  NS = function(items) return json.list(decode_each(items, number_of)) end,
}

--- The Lua value of a typed value; bytes stay base64.
---@param typed table
---@return any
function values.decode(typed)
  local kind, value = next(typed)
  local decode = decoders[kind]
  if decode then return decode(value) end
  return value
end

--- An item with its values decoded.
---@param item table<string, table>
---@return table<string, any>
function values.item(item)
  return decode_each(item, values.decode)
end

return values
