--- A body of any bytes is a job, whose variables are strings without a NUL, and which can be shown,
--- saved and read back; a line that is a saved message is the same message again.

local attributes = require "watchbot.message.attributes"
local envelope = require "watchbot.message.envelope"
local job = require "watchbot.message.job"
local json = require "watchbot.lib.json"
local text = require "watchbot.notify.text"
local resend = require "watchbot.message.resend"
local saved = require "watchbot.message.saved"
local view = require "watchbot.cli.dead_letter.view"

local function check_attributes(all)
  for name, attribute in pairs(all) do
    assert(type(name) == "string")
    assert(type(attribute.type) == "string" and type(attribute.value) == "string")
  end
  attributes.bytes(all)
  attributes.encode(all)
end

local function same(one, other)
  if type(one) ~= "table" or type(other) ~= "table" then return one == other end
  for key, value in pairs(one) do
    if not same(value, other[key]) then return false end
  end
  for key in pairs(other) do
    if one[key] == nil then return false end
  end
  return true
end

local function check_job(bytes)
  local letter = { id = "i", body = bytes, receives = 3, sent = 1469664757000, attributes = {} }
  local one = job.new(letter, 3)
  assert(type(one.message) == "string" and (one.subject == nil or type(one.subject) == "string"))
  check_attributes(one.attributes)
  for _, value in pairs(one:variables "iso") do
    assert(type(value) == "string" and not value:find("\0", 1, true))
  end
  assert(utf8.len(text.body("stack", one, "retry", { code = 1 })))
  assert(#text.subject("stack", one) < 100)
  assert(json.decode(view.json(letter)) and utf8.len(view.line(letter)))
  assert(same(resend(letter).body, bytes))
end

local function check_saved(bytes)
  local message, err = saved.decode(bytes)
  if not message then return assert(type(err) == "string") end
  check_attributes(message.attributes)
  assert(same(saved.decode(saved.encode(message)), message))
end

return function(bytes)
  check_job(bytes)
  check_job('{"Type":"Notification","TopicArn":"t","Message":"m","MessageAttributes":' .. bytes
    .. "}")
  check_saved(bytes)
  local opened = envelope.open(assert(envelope.wrap(bytes, bytes)))
  assert(opened and opened.subject == bytes and opened.message == bytes)
end
