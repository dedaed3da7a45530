--- attributes: message attributes as a job has them, { name = { type, value } }, and as SQS and SNS
-- write them. A binary value is base64 in all three: so it comes from AWS, and only the task knows
-- whether it wants the bytes.

local attributes = {}

local function value_field(attribute)
  return attribute.type:find "^Binary" and "BinaryValue" or "StringValue"
end

--- The parameter MessageAttributes of SendMessage and Publish; nil without any.
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

--- The other way round. What has no type and value is left out: the message counts for more.
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

--- What the attributes add to the size of a message.
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
