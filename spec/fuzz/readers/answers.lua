--- An answer of any bytes is a result, or an error in one line of UTF-8 that shows no secret.

local denied = require "watchbot.aws.denied"
local errors = require "watchbot.aws.errors"
local keys = require "watchbot.aws.keys"
local protocol = require "watchbot.aws.protocol"
local retry = require "watchbot.aws.retry"
local services = require "watchbot.aws.services"
local xml = require "watchbot.aws.xml"

local SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

local function check_text(text)
  assert(utf8.len(text) and #text < 1200 and not text:find "%c", text)
  assert(not text:lower():find(SECRET:sub(1, 12):lower(), 1, true))
end

local function check_error(status, headers, bytes)
  local failure = errors.read({ status = status, headers = headers, body = bytes }, 0)
  assert(type(failure.code) == "string" and type(failure.message) == "string")
  assert(failure.request_id == nil or type(failure.request_id) == "string")
  local text = errors.describe("sqs:X", failure, { SECRET, "short" })
  check_text(text)
  check_text((denied.message("sqs:X", "queue", text)))
  retry.kind(failure)
end

local function check_result(service, operation, bytes)
  local result, err = protocol.read(services.find(service), operation, { body = bytes })
  assert(type(result) == "table" or type(err) == "string")
end

return function(bytes)
  check_error(400, {}, bytes)
  check_error(503, {
    ["x-amzn-errortype"] = bytes, ["retry-after"] = bytes, ["x-amz-retry-after"] = bytes,
    date = bytes, ["x-amzn-requestid"] = bytes,
  }, "")
  check_error(403, {}, '{"__type":"AccessDenied","message":"' .. bytes .. SECRET .. '"}')
  check_result("sqs", "ReceiveMessage", bytes)
  check_result("sns", "ListTopics", bytes)
  check_result("sns", "ListTopics", "<ListTopicsResponse>" .. bytes .. "</ListTopicsResponse>")
  local root, err, code = xml.decode(bytes)
  assert(root or type(err) == "string" and code == "InvalidXml")
  local found
  found, err, code = keys.from_json(bytes, "spec")
  assert(found or type(err) == "string" and code == "BadCredentials")
end
