--- errors: the failure in a server's response, whatever its form. A service may respond in the
-- wrong format: XML instead of JSON, a proxy's HTML, a truncated body, nothing. Such a body is
-- never quoted, because it may repeat the request.

local date = require "watchbot.lib.date"
local json = require "watchbot.lib.json"
local redact = require "watchbot.aws.redact"
local text = require "watchbot.lib.text"
local urls = require "watchbot.lib.urls"
local xml = require "watchbot.aws.xml"

-- Bytes of a server's text to look at, and to show.
local LOOKED_AT, LONGEST = 16 * 1024, 1000

---@class watchbot.aws.Failure
---@field code string AWS's, otherwise "Http502", or the code of watchbot.http
---@field message string
---@field status integer? HTTP status
---@field request_id string?
---@field details table? all members of a JSON service's error
---@field unsent boolean? it cannot have been applied
---@field date string? the server's, an HTTP date
---@field retry_after number? seconds that the server or a proxy asks to wait
---@field aws_retry_after number? the same, in the header that only AWS sends
---@field region string? the region of the bucket that was asked for elsewhere

local errors = {}

-- Codes and ids appear in errors and control decisions, so only valid ones are used.
local function word(value)
  return type(value) == "string" and #value <= 200 and value:match "^[%w%-._=+/:]+$" or nil
end

-- "com.amazonaws.sqs#QueueDoesNotExist", "Code:http://documentation",
-- "AWS.SimpleQueueService.NonExistentQueue;Sender"
local function bare_code(value)
  if type(value) ~= "string" then return nil end
  return word((value:gsub("^.*#", ""):gsub("[:;].*$", "")))
end

local function string_of(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function read_json(body)
  local value = json.decode(body, true)
  if type(value) ~= "table" then return nil, "with broken JSON" end
  return {
    code = bare_code(value.__type) or bare_code(value.code) or bare_code(value.Code),
    message = string_of(value.message) or string_of(value.Message) or string_of(value.errorMessage),
    details = value,
  }
end

-- <ErrorResponse><Error>, <Response><Errors><Error>, or <Error> alone.
local function find_error(root, value)
  if root == "Error" then return value end
  if type(value) ~= "table" then return nil end
  local errors_list = type(value.Errors) == "table" and value.Errors or value
  return errors_list.Error
end

local function read_xml(body)
  local root, value = xml.decode(body)
  if not root then return nil, "with broken XML" end
  local found = find_error(root, value)
  if type(found) ~= "table" then return nil, "with XML that is not an error of AWS" end
  return {
    code = bare_code(found.Code),
    message = string_of(found.Message),
    request_id = word(value.RequestId) or word(value.RequestID) or word(found.RequestId),
    region = word(found.Region),
  }
end

local function read_body(body)
  local start = body:match "^%s*(.?.?.?.?.?.?.?.?.?.?.?.?.?.?)":lower()
  if start == "" then return nil, "with an empty body" end
  if start:find "^{" then return read_json(body) end
  if start:find "^<!doctype html" or start:find "^<html" then return nil, "with an HTML page" end
  if start:find "^<" then return read_xml(body) end
  return nil, "with a body that is neither JSON nor XML"
end

-- Seconds, from AWS's own header in whole milliseconds.
local function aws_retry_after(headers)
  local milliseconds = (headers["x-amz-retry-after"] or ""):match "^%d+$"
  return milliseconds and tonumber(milliseconds) / 1000
end

-- Seconds, from the header of HTTP, in seconds or with a date.
local function retry_after(headers, now)
  local asked = headers["retry-after"]
  if not asked then return nil end
  local at = date.http(asked)
  return tonumber(asked) or at and at - (date.http(headers.date) or now)
end

--- The request id that AWS assigned, which AWS support asks for.
---@param headers table<string, string>
---@return string?
function errors.request_id(headers)
  return word(headers["x-amzn-requestid"]) or word(headers["x-amz-request-id"])
    or word(headers["x-amzn-request-id"])
end

--- The error in a response with a status other than 200.
---@param response watchbot.Response
---@param now number seconds since the epoch
---@return watchbot.aws.Failure
function errors.read(response, now)
  local headers, status = response.headers, response.status
  local found, problem = read_body(response.body)
  found = found or {}
  local code = found.code or bare_code(headers["x-amzn-errortype"])
    or bare_code(headers["x-amzn-query-error"])
  if status == 407 then
    code, found.message = nil, "the proxy asks for a user name and a password"
  end
  return {
    code = code or "Http" .. status,
    message = found.message
    or (code and code or "the server answered " .. (problem or "with an error without a code")),
    status = status,
    request_id = found.request_id or errors.request_id(headers),
    details = found.details,
    date = headers.date,
    retry_after = retry_after(headers, now),
    aws_retry_after = aws_retry_after(headers),
    unsent = status >= 300 and status < 500,
    region = word(headers["x-amz-bucket-region"]) or found.region,
  }
end

--- A successful response that cannot be read: the operation has been applied.
---@param response watchbot.Response
---@param problem string
---@return watchbot.aws.Failure
function errors.bad_answer(response, problem)
  return {
    code = "BadAnswer",
    message = "the server's answer cannot be read: " .. problem,
    status = response.status,
    request_id = errors.request_id(response.headers),
    date = response.headers.date,
  }
end

--- The error for people: one line of bounded length, without secrets.
---@param what string "sqs:ReceiveMessage"
---@param failure watchbot.aws.Failure
---@param secrets string[] as they may have been sent
---@return string
function errors.describe(what, failure, secrets)
  -- Blanks first, so that many of them do not push the rest out.
  local err = text.cut(failure.message:gsub("[%c%s]+", " "), LOOKED_AT)
  err = urls.hide(redact.hide(err, secrets)):gsub(" $", "")
  local details = { failure.code }
  if failure.status then details[#details + 1] = "HTTP " .. failure.status end
  if failure.request_id then details[#details + 1] = "request " .. failure.request_id end
  return ("%s: %s (%s)"):format(what, text.cut(text.clean(err), LONGEST),
    table.concat(details, ", "))
end

return errors
