--- overflow.pointer: the text of a message whose body is in S3, as AWS's Extended Client Libraries
-- for SQS and SNS write it, in Java, Python and other languages:
--
--     ["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"k"}]
--
-- A message attribute with the number of bytes makes it a pointer: the text alone is a message.
-- https://github.com/awslabs/payload-offloading-java-common-lib-for-aws and
-- https://github.com/awslabs/amazon-sqs-python-extended-client-lib

local buckets = require "watchbot.lib.buckets"
local json = require "watchbot.lib.json"

-- The class that Java's serialization names; version 1 of the library had another one.
local CLASS = "software.amazon.payloadoffloading.PayloadS3Pointer"
local CLASSES = { [CLASS] = true, ["com.amazon.sqs.javamessaging.MessageS3Pointer"] = true }

-- The attributes, of now and of version 1.
local ATTRIBUTE, OLD_ATTRIBUTE = "ExtendedPayloadSize", "SQSLargePayloadSize"

---@class watchbot.Pointer
---@field bucket string
---@field key string

local pointer = {}

--- Whether the attributes are those of a pointer.
---@param attributes table<string, { type: string, value: string }>
---@return boolean
function pointer.is_marked(attributes)
  return attributes[ATTRIBUTE] ~= nil or attributes[OLD_ATTRIBUTE] ~= nil
end

--- Where the body of a message is; nil if the message is not a pointer.
---@param text string
---@param attributes table<string, { type: string, value: string }>
---@return watchbot.Pointer?
function pointer.read(text, attributes)
  if not pointer.is_marked(attributes) or not text:find "^%s*%[" then return nil end
  local decoded = json.decode(text, true)
  if type(decoded) ~= "table" or not CLASSES[decoded[1]] then return nil end
  local place = decoded[2]
  if type(place) ~= "table" then return nil end
  local bucket, key = place.s3BucketName, place.s3Key
  if not buckets.is_bucket(bucket) or not buckets.is_key(key) then return nil end
  return { bucket = bucket, key = key }
end

--- The text of a pointer.
---@param at watchbot.Pointer
---@return string
function pointer.write(at)
  return ('["%s",{"s3BucketName":%s,"s3Key":%s}]'):format(CLASS, json.encode(at.bucket),
    json.encode(at.key))
end

--- The attributes of a pointer: those of its message, and the number of bytes.
---@param attributes table<string, { type: string, value: string }>?
---@param bytes integer
---@return table<string, { type: string, value: string }>
function pointer.mark(attributes, bytes)
  local all = {}
  for name, attribute in pairs(attributes or {}) do all[name] = attribute end
  all[ATTRIBUTE] = { type = "Number", value = ("%d"):format(bytes) }
  return all
end

--- The number of bytes that the body had when it was stored.
---@param attributes table<string, { type: string, value: string }>
---@return integer? bytes nil: the attribute is not such a number
function pointer.bytes(attributes)
  local attribute = attributes[ATTRIBUTE] or attributes[OLD_ATTRIBUTE]
  return attribute and math.tointeger(tonumber(attribute.value))
end

--- Removes the attributes that make a message a pointer.
---@param attributes table<string, { type: string, value: string }>
function pointer.strip(attributes)
  attributes[ATTRIBUTE], attributes[OLD_ATTRIBUTE] = nil, nil
end

return pointer
