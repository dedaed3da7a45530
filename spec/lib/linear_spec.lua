-- 80,000 blanks from an endpoint took 377 seconds in one pattern, without a heartbeat and without
-- an ear for signals. Whatever reads text that others have written takes four times as long for
-- four times as much of it, whatever it is.

local attributes = require "watchbot.message.attributes"
local base64 = require "watchbot.lib.base64"
local body = require "watchbot.notify.text".body
local date = require "watchbot.lib.date"
local denied = require "watchbot.aws.denied"
local envelope = require "watchbot.message.envelope"
local errors = require "watchbot.aws.errors"
local fit = require "watchbot.notify.text".fit
local job = require "watchbot.message.job"
local json = require "watchbot.lib.json"
local keys = require "watchbot.aws.keys"
local place = require "watchbot.aws.place"
local profiles = require "watchbot.aws.profiles"
local protocol = require "watchbot.aws.protocol"
local query = require "watchbot.aws.query"
local redact = require "watchbot.aws.redact"
local saved = require "watchbot.message.saved"
local services = require "watchbot.aws.services"
local text = require "watchbot.lib.text"
local urls = require "watchbot.lib.urls"
local xml = require "watchbot.aws.xml"

local SECRETS = { "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ("token/"):rep(300), "short" }

local function letter(bytes)
  return { id = "i", body = bytes, receives = 1, sent = 0, attributes = {} }
end

local READERS = {
  ["an error's body"] =
    function(bytes) errors.read({ status = 400, headers = {}, body = bytes }, 0) end,
  ["an error's headers"] = function(bytes)
    errors.read({ status = 400, body = "",
    headers = { ["x-amzn-errortype"] = bytes, ["retry-after"] = bytes, date = bytes,
      ["x-amzn-requestid"] = bytes, ["x-amz-retry-after"] = bytes } }, 0)
  end,
  ["an error's words"] = function(bytes)
    errors.describe("a", { code = "A", message = bytes }, SECRETS)
    denied.message("sqs:X", "q", bytes)
  end,
  -- As much as errors.lua lets it see.
  ["redaction"] = function(bytes) redact.hide(bytes:sub(1, #bytes // 64), SECRETS) end,
  ["an answer in JSON"] = function(bytes)
    json.decode(bytes, true)
    json.decode('{"a":"' .. bytes .. '"}')
    json.encode(bytes, "replace")
  end,
  ["an answer in XML"] = function(bytes)
    xml.decode(bytes)
    xml.decode("<a>" .. bytes .. "</a>")
    xml.decode("<a xmlns='" .. bytes .. "'><b/></a>")
    protocol.read(services.find "sns", "ListTopics", { body = bytes })
  end,
  ["credentials"] = function(bytes)
    keys.from_json(bytes, "s")
    keys.from_json('{"AccessKeyId":"a","SecretAccessKey":"' .. bytes .. '","Code":"' .. bytes
      .. '"}', "s")
  end,
  ["profiles"] = function(bytes)
    profiles.parse(bytes)
    profiles.parse("[a]\nb = " .. bytes, "[" .. bytes .. "]\n" .. bytes .. " = " .. bytes)
    profiles.nested("\n" .. bytes)
  end,
  ["URLs, ARNs and dates"] = function(bytes)
    for _, before in ipairs { "", "https://", "https://host/", "arn:aws:sqs:",
      "2016-07-28T00:12:37" } do
      place.named(before .. bytes)
      place.split(before .. bytes)
      date.iso(before .. bytes)
      date.http(before .. bytes)
    end
  end,
  ["URLs in text"] = function(bytes)
    for _, before in ipairs { "", "http://", "http://a:b" } do urls.hide(before .. bytes) end
    urls.hide(bytes .. "://x")
    urls.without_user(bytes)
  end,
  ["a form"] = function(bytes) query.encode("A", "1", { a = bytes }) end,
  ["a message"] = function(bytes)
    envelope.open(bytes)
    envelope.open('{"Type":"Notification","TopicArn":"' .. bytes)
    local one = job.new(letter(bytes))
    one:variables "iso"
    body("stack", one, "retry", { code = 1, logs = bytes, reason = bytes })
    fit(bytes)
  end,
  ["a message's attributes"] = function(bytes)
    local one = job.new(letter "x")
    one.attributes = { [bytes] = { type = "String", value = bytes } }
    one:variables "iso"
    attributes.bytes(one.attributes)
  end,
  ["a saved message"] = function(bytes)
    saved.decode(bytes)
    saved.decode(saved.encode(letter(bytes)))
  end,
  ["text for people"] = function(bytes)
    text.clean(bytes)
    text.plain(bytes)
    text.cut(bytes, 1000)
  end,
  ["base64"] = function(bytes)
    base64.decode(bytes)
    base64.encode(bytes)
  end,
}

local UNITS = {
  " ", "\n", "\t \r\n", "\r", '"', "'", "{", "}", "[", "]", "<", ">", "&", "&#", "=", "%", "\\",
  "\\u", "/", ":", ";", ",",
  "-", ".", "#", "@", "|", "a", "0", "\0", "\255", "\u{e9}", "\27[", "\27[1;", '{"', '"a":', "<a>",
  "<a/>", "</a>", "[a]\n",
  "a = \n b = \n", "\n[", " ;", " #", "a=", "ab ", "<!--", "<![CDATA[", "xmlns:a=",
  "AWS4-HMAC-SHA256",
  "explicit deny in a ",
}

-- Those also stand before a letter, where a pattern that looks for an end fails.
local BEFORE_LETTERS =
  { [" "] = true, ["\n"] = true, ["\t \r\n"] = true, ["\r"] = true, ["/"] = true, ["="] = true,
  ["-"] = true, ["\0"] = true, ["a = \n b = \n"] = true }

local KIB = 1024

-- Seconds below which a time is noise, not a figure.
local NOISE = 0.02

-- What was left over from before is collected first, so that it is not counted here.
local function time(reader, bytes)
  collectgarbage()
  local before = os.clock()
  reader(bytes)
  return os.clock() - before
end

-- 256 KiB and 1 MiB; a quarter of both where each byte costs a step of Lua, so that this spec ends.
local function sizes(reader, bytes)
  local first = time(reader, bytes(64 * KIB))
  assert(first < 5, "64 KiB took five seconds")
  if first * 16 > 0.08 then return 64 * KIB, 256 * KIB end
  return 256 * KIB, 1024 * KIB
end

-- Four times the bytes: four times as long where a reader is linear, sixteen times where each byte
-- costs a look at all others. One good measurement in ten is enough: other work on the machine
-- makes times longer, never shorter.
local function check(reader, unit, ending)
  local function bytes(size) return unit:rep(size // #unit) .. ending end
  local few, many = sizes(reader, bytes)
  local small, large = math.huge, math.huge
  for _ = 1, 10 do
    large = math.min(large, time(reader, bytes(many)))
    if large < NOISE then return end
    small = math.min(small, time(reader, bytes(few)))
    if large <= 8 * small then return end
  end
  error(("%q: %.3f s for %d KiB, %.3f s for %d KiB"):format(unit, small, few // KIB, large,
    many // KIB), 0)
end

describe("a reader of foreign text takes no more than its share of time:", function()
  if (os.getenv "WATCHBOT_BUILD" or ""):find "sanitize" then
    pending "the sanitizers change what takes long"
    return
  end
  for name, reader in pairs(READERS) do
    it(name, function()
      for _, unit in ipairs(UNITS) do
        check(reader, unit, "")
        if BEFORE_LETTERS[unit] then check(reader, unit, "x") end
      end
    end)
  end
end)
