-- What the webhook's mapping templates make of requests: the request that SNS gets. They had only
-- been looked at as text.

local cjson = require "cjson"
local form = require "support.form"
local templates = require "support.templates"
local velocity = require "support.velocity"

local JSON, TEXT = "application/json", "text/plain"

-- What Fn::Sub makes of the text: ${!x} is ${x}.
local function substituted(value)
  local text, values = table.unpack(value["Fn::Sub"])
  return (text:gsub("%${([^!}]+)}", function(name)
    return assert(values[name], name).Ref and "arn:aws:sns:eu-west-1:123456789012:tiles"
  end):gsub("%${!", "${"))
end

-- A header that the request lacks is empty, or null.
local function variables(request, absent)
  local function decoded() return cjson.decode(request.body) end
  local input = {
    body = request.body, path = function(path)
      assert(path == "$")
      return decoded()
    end,
    json = function(path)
      local found = decoded()[path:match "^%$%.(%a+)$"]
      return found == nil and '""' or cjson.encode(found)
    end,
    params = function(name) return (request.headers or {})[name] or absent end,
  }
  return { input = input, util = { urlEncode = form.encode },
    context = { requestId = "request-1" } }
end

local function sent(options, request, absent)
  local made = templates.make("task", options)
  local all = made.Resources.WatchbotWebhookMethod.Properties.Integration.RequestTemplates
  local text = substituted(all[request.type or JSON])
  return form.decode(velocity.evaluate(text, variables(request, absent)))
end

describe("what the webhook sends to SNS", function()
  for _, absent in ipairs { "", false } do
    local function of(options, request)
      options.webhook = options.webhook or true
      return sent(options, request, absent or nil)
    end

    it("is the body, with the subject 'webhook'", function()
      for _, body in ipairs { '{"a":"ä & b=c %"}', "[1,2]", '"text"', "7", '{"Subject":""}' } do
        local got = of({}, { body = body })
        assert.are.same({ "Publish", "webhook", body }, { got.Action, got.Subject, got.Message })
        assert.are.equal("arn:aws:sns:eu-west-1:123456789012:tiles", got.TopicArn)
      end
      local text = '{"Message":"stays"} $x #if'
      assert.are.equal(text, of({}, { type = TEXT, body = text }).Message)
      text = '{"Message":"stays"}'
      assert.are.equal(text, of({ webhook = { raw = true } }, { body = text }).Message)
    end)

    -- As ecs-watchbot v3 did. A Message that is an object went out in Java's form, as {a=1}.
    it("is Subject and Message of an object, the latter as JSON where it is no text", function()
      local got = of({}, { body = '{"Subject":"s & t","Message":"m\\n$x"}' })
      assert.are.same({ "s & t", "m\n$x" }, { got.Subject, got.Message })
      got = of({}, { body = '{"Message":{"a":[1]}}' })
      assert.are.same({ "webhook", '{"a":[1]}' }, { got.Subject, got.Message })
      assert.are.equal("[1,2]", of({}, { body = '{"Message":[1,2]}' }).Message)
      assert.are.equal("true", of({}, { body = '{"Message":true}' }).Message)
      assert.are.equal('{"Subject":"s"}', of({}, { body = '{"Subject":"s"}' }).Message)
    end)

    -- SNS refuses both, and the sender would send such a request again and again.
    it("has no subject that SNS refuses", function()
      local got = of({}, { body = cjson.encode { Subject = ("s"):rep(150), Message = "m" } })
      assert.are.equal(("s"):rep(99), got.Subject)
      got = of({}, { body = cjson.encode { Subject = "a\nb\tc", Message = "m" } })
      assert.are.equal("a?b?c", got.Subject)
    end)

    it("has the chosen headers as attributes, numbered without gaps", function()
      local options = { webhook = { headers = { "X-Event", "X-Gone", "X-Signature" } } }
      local got = of(options, { type = TEXT, body = "b", headers = {
        ["X-Event"] = "push & pull", ["x-signature"] = "sha256=1" } })
      assert.are.same({ "X-Event", "push & pull", "X-Signature", "sha256=1", "String" }, {
        got["MessageAttributes.entry.1.Name"],
        got["MessageAttributes.entry.1.Value.StringValue"],
        got["MessageAttributes.entry.2.Name"],
        got["MessageAttributes.entry.2.Value.StringValue"],
        got["MessageAttributes.entry.2.Value.DataType"] })
      assert.is_nil(got["MessageAttributes.entry.3.Name"])
    end)

    -- A second request with the same body was taken, answered with 200 and dropped: the topic had
    -- only the body to go by.
    it("has group and deduplication id on a FIFO queue, each request its own", function()
      local got = of({ fifo = true }, { body = "{}" })
      assert.are.same({ "request-1", "request-1" },
        { got.MessageGroupId, got.MessageDeduplicationId })
      got = of({ fifo = true }, { body = "{}", headers = { ["x-message-group-id"] = "g" } })
      assert.are.same({ "g", "request-1" }, { got.MessageGroupId, got.MessageDeduplicationId })
    end)
  end
end)
