--- attributes: message attributes in the form of a job, { name = { type, value } }, and in the
-- forms of SQS and SNS. A binary value is base64 in all three: AWS sends it so, and only the task
-- knows whether it wants the bytes.

local attributes = {
  -- The deduplication id with which a message was sent first, where it was sent again with another.
  DEDUPLICATION = "watchbot_deduplication_id",
}

local function value_field(attribute)
  return attribute.type:find "^Binary" and "BinaryValue" or "StringValue"
end

--- The parameter MessageAttributes of SendMessage and Publish; nil if there are none.
--- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
--- API_MessageAttributeValue.html
---@param all table<string, { type: string, value: string }>?
---@return table<string, table>?
function attributes.encode(all)
  if not all or next(all) == nil then return nil end
  local encoded = {}
  for name, attribute in pairs(all) do
    encoded[name] = { DataType = attribute.type, [value_field(attribute)] = attribute.value }
  end
  return encoded
end

--- The reverse. Skips attributes without type or value, because the message matters more.
---@param encoded table<string, table>?
---@return table<string, { type: string, value: string }>
function attributes.decode(encoded)
  local all = {}
  for name, attribute in pairs(type(encoded) == "table" and encoded or {}) do
    local known = type(name) == "string" and type(attribute) == "table"
    local value = known and (attribute.StringValue or attribute.BinaryValue)
    if type(value) == "string" and type(attribute.DataType) == "string" then
      all[name] = { type = attribute.DataType, value = value }
    end
  end
  return all
end

--- The number of bytes that the attributes add to a message.
---@param all table<string, { type: string, value: string }>?
---@return integer
function attributes.bytes(all)
  local bytes = 0
  for name, attribute in pairs(all or {}) do
    bytes = bytes + #name + #attribute.type + #attribute.value
  end
  return bytes
end

return attributes
