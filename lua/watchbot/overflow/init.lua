--- overflow: the bodies of messages that are too big for their way, in a folder of a bucket of S3.
-- Sits on watchbot.aws. The text of a message may name any bucket: only objects in the folder are
-- read, and only objects that watchbot itself has written for one message are deleted. Whose they
-- are is in the key: what a topic hands on to several queues is `shared`, and no queue deletes it.

local aws = require "watchbot.aws"
local buckets = require "watchbot.lib.buckets"
local carriers = require "watchbot.message.carriers"
local date = require "watchbot.lib.date"
local denied = require "watchbot.aws.denied"
local limits = require "watchbot.lib.limits"
local pointer = require "watchbot.overflow.pointer"
local scheduler = require "watchbot.scheduler"
local uuid = require("watchbot.core").aws.uuid

-- Folders of objects: for the task of a message in the queue; the body of one message; the body of
-- a message to a topic.
local TASK, MESSAGE, SHARED = "task/", "message/", "shared/"

-- Timeout in seconds of a delete that no task waits for.
local DELETE = { timeout = 10, within = 20 }

---@class watchbot.Overflow
---@field url string
---@field bucket string
---@field prefix string
local Overflow = {}
Overflow.__index = Overflow

local overflow = {}

--- Opens a folder. Makes no request.
---@param url string "s3://bucket/folder"
---@param options { near: string?, warn: fun(text: string)? }? a queue's URL: its region is used if
--- none is set
---@return watchbot.Overflow?
---@return string? err
---@return string? code "Usage"
function overflow.open(url, options)
  local bucket, prefix = buckets.parse(url)
  if not bucket then
    return nil, ("expected s3://BUCKET or s3://BUCKET/FOLDER, got '%s'"):format(url), "Usage"
  end
  options = options or {}
  local client, err, code = aws("s3", { near = options.near, warn = options.warn })
  if not client then return nil, err, code end
  return setmetatable({ url = url, bucket = bucket, prefix = prefix, client = client }, Overflow)
end

-- Errors name the object; a missing permission names its action.
local function explain(action, at, err, code)
  local object = ("s3://%s/%s"):format(at.bucket, at.key)
  if denied.is(code) then return denied.message("s3:" .. action, object, err) end
  return ("%s: %s"):format(object, err), code
end

--- Writes an object, which is new from then on.
---@param at watchbot.Pointer in the folder
---@param body string
---@return watchbot.Pointer?
---@return string? err
---@return string? code
function Overflow:put(at, body)
  local done, err, code = self.client:PutObject { Bucket = at.bucket, Key = at.key, Body = body }
  if not done then return nil, explain("PutObject", at, err, code) end
  return at
end

--- Stores the body of a message for its task. A second call with the id replaces the object.
---@param id string of the message
---@param body string
---@return watchbot.Pointer?
---@return string? err
---@return string? code
function Overflow:put_task(id, body)
  return self:put(self:task_at(id), body)
end

function Overflow:at(key)
  return { bucket = self.bucket, key = self.prefix .. key }
end

--- Where the body of a message is stored for its task.
---@param id string of the message
---@return watchbot.Pointer
function Overflow:task_at(id)
  return self:at(TASK .. id:gsub("[^%w_-]", "-"))
end

--- Stores the body of a message that is sent as a pointer.
---@param body string
---@param to_many boolean? a topic delivers it to several queues
---@return watchbot.Pointer?
---@return string? err
---@return string? code
function Overflow:put_message(body, to_many)
  return self:put(self:at((to_many and SHARED or MESSAGE) .. uuid()), body)
end

--- Whether an object is in the folder.
---@param at watchbot.Pointer
---@return boolean
function Overflow:covers(at)
  return at.bucket == self.bucket and at.key:sub(1, #self.prefix) == self.prefix
end

--- Whether an object is that of one message, and ends with it.
---@param at watchbot.Pointer
---@return boolean
function Overflow:owns(at)
  local start = self.prefix .. MESSAGE
  return self:covers(at) and at.key:sub(1, #start) == start
end

--- Whether watchbot has written an object as the body of a message, for one queue or for several.
---@param at { bucket: string, key: string }
---@return boolean
function Overflow:wrote(at)
  local start = self.prefix .. SHARED
  return self:owns(at) or self:covers(at) and at.key:sub(1, #start) == start
end

--- The body that a pointer names.
---@param at watchbot.Pointer in the folder
---@return string? body
---@return string? err
---@return string? code "NoSuchKey", "NotAllowed", "TooLarge"
---@return number? age seconds since it was written
function Overflow:get(at)
  assert(self:covers(at), "the object is not in the folder")
  local done, err, code = self.client:GetObject { Bucket = at.bucket, Key = at.key }
  if not done then return nil, explain("GetObject", at, err, code) end
  local written = date.http(done.LastModified)
  return done.Body, nil, nil, written and scheduler.time() / 1000 - written
end

--- Deletes an object; one that is gone already is no error.
---@param at watchbot.Pointer in the folder
---@return true? ok
---@return string? err
---@return string? code
function Overflow:delete(at)
  assert(self:covers(at), "the object is not in the folder")
  local done, err, code = self.client:DeleteObject({ Bucket = at.bucket, Key = at.key }, DELETE)
  if not done then return nil, explain("DeleteObject", at, err, code) end
  return true
end

--- A URL with which a task can get an object without credentials.
---@param at watchbot.Pointer in the folder
---@param seconds number
---@return string? url
---@return string? err
---@return string? code
function Overflow:presign(at, seconds)
  return self.client:presign({ Bucket = at.bucket, Key = at.key }, seconds)
end

-- The size of the body is an attribute more: baggage makes room for it.
local function with_room(attributes)
  local count = 0
  for _ in pairs(attributes) do count = count + 1 end
  if count > limits.sqs.attributes and carriers.is_baggage(attributes.baggage) then
    attributes.baggage = nil
  end
  return attributes
end

--- A message whose body is stored, for a service that does not take the body itself.
---@param message watchbot.Outgoing is not changed
---@param to_many boolean? a topic delivers it to several queues
---@return watchbot.Outgoing? pointing
---@return string? err
---@return string? code
function Overflow:offload(message, to_many)
  local at, err, code = self:put_message(message.body, to_many)
  if not at then return nil, err, code end
  local pointing = {}
  for name, value in pairs(message) do pointing[name] = value end
  pointing.body = pointer.write(at)
  pointing.attributes = with_room(pointer.mark(message.attributes, #message.body))
  return pointing
end

return overflow
