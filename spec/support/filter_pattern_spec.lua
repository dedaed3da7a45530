-- The examples of AWS's page on the syntax, and what it says of them:
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html

local filter_pattern = require "support.filter_pattern"

local function matches(pattern, line)
  return filter_pattern.new(pattern):matches(line)
end

describe("a filter pattern of terms", function()
  it("wants all of them, anywhere in the line, in their case", function()
    assert.is_true(matches("ERROR", "[ERROR] A fatal exception has occurred"))
    assert.is_true(matches("ERROR", "Exiting with ERRORCODE: -1"))
    assert.is_true(matches("ERROR Exception", "[ERROR] Caught IllegalArgumentException"))
    assert.is_false(matches("ERROR Exception", "[ERROR] Nothing was caught"))
    assert.is_false(matches("ERROR", "[error] nothing"))
    assert.is_true(matches("", "anything"))
  end)

  it("takes quoted ones as they are", function()
    assert.is_true(matches('"Failed to process the request"',
      "[WARN] Failed to process the request"))
    assert.is_false(matches('"Failed to process the request"', "Failed to process that request"))
    assert.has_error(function() matches("[failure", "") end,
      "filter pattern '[failure': a term needs quotes at '[failure'")
  end)

  it("keeps lines away that have a term behind a minus", function()
    assert.is_false(matches("ERROR -Exiting", "Exiting with ERRORCODE: -1"))
    assert.is_true(matches('ERROR -"now exiting"', "Exiting with ERRORCODE: -1"))
  end)

  it("wants one of those behind question marks, which stand alone", function()
    assert.is_true(matches("?ERROR ?WARN", "WARN message"))
    assert.is_false(matches("?ERROR ?WARN", "INFO message"))
    assert.has_error(function() matches("?ERROR WARN", "") end)
  end)

  it("knows no regular expressions", function()
    assert.has_error(function() matches("%ERR.R%", "") end)
  end)
end)

describe("a filter pattern of words", function()
  local line = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 200 '
    .. '1534'

  it("names them all, those in brackets and quotes being one", function()
    assert.is_true(matches("[ip, user, username, timestamp, request, status_code, bytes]", line))
    assert.is_false(matches("[ip, user, username, timestamp, request, bytes]", line))
    assert.is_true(matches('[ip, user, username, timestamp = "10/Oct*", request = *gif*, ...]',
      line))
  end)

  it("skips words by an ellipsis", function()
    assert.is_true(matches("[..., status_code = 200, bytes]", line))
    assert.is_true(matches("[ip, user, ..., status_code = 2*, bytes]", line))
    assert.is_false(matches("[ip, user, ..., status_code = 4*, bytes]", line))
  end)

  it("compares text and numbers", function()
    assert.is_true(matches("[..., status_code = 2* && status_code != 203, bytes > 1000]", line))
    assert.is_false(matches("[..., status_code, bytes > 1534]", line))
    assert.is_true(matches("[w1 = ERROR || w1 = WARN, ...]", "WARN message"))
  end)

  it("gives their values", function()
    assert.are.equal(1534, filter_pattern.new("[..., bytes]"):value(line, "$bytes"))
    assert.is_nil(filter_pattern.new("[ip, ...]"):value(line, "$ip"))
  end)
end)

describe("a filter pattern of members", function()
  local event = '{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111",'
    .. '"arrayKey":["value","another value"],'
    .. '"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true}'

  it("compares text, with wildcards at its ends", function()
    assert.is_true(matches('{ $.eventType = "UpdateTrail" }', event))
    assert.is_true(matches("{ $.eventType = Update* }", event))
    assert.is_true(matches("{ $.eventType = *Trail }", event))
    assert.is_false(matches('{ $.eventType = "Up*Trail" }', event))
    assert.is_true(matches("{ $.sourceIPAddress != 123.123.* }", event))
    assert.is_true(matches("{ $.eventType = * }", event))
  end)

  it("finds those of lists and objects", function()
    assert.is_true(matches('{ $.arrayKey[0] = "value" }', event))
    assert.is_true(matches("{ $.objectList[1].id = 2 }", event))
    assert.is_false(matches("{ $.objectList[0].id = 2 }", event))
  end)

  it("tells null, true and absent members", function()
    assert.is_true(matches("{ $.SomeObject IS NULL }", event))
    assert.is_true(matches("{ $.SomeOtherObject NOT EXISTS }", event))
    assert.is_false(matches("{ $.eventType NOT EXISTS }", event))
    assert.is_true(matches("{ $.ThisFlag IS TRUE }", event))
    assert.is_false(matches("{ $.ThisFlag IS FALSE }", event))
  end)

  it("neither equals nor differs where there is no value", function()
    assert.is_false(matches("{ $.arrayKey = 1 }", event))
    assert.is_false(matches("{ $.arrayKey != 1 }", event))
    assert.is_false(matches("{ $.SomeObject = * }", event))
    assert.is_false(matches("{ $.nothing != 1 }", event))
  end)

  it("joins conditions, && before ||", function()
    local person = '{"user":{"id":1,"email":"John.Stiles@example.com"},"users":[{"id":2,'
      .. '"email":"John.Doe@example.com"}],'
      .. '"actions":["GET","PUT","DELETE"],"coordinates":[[0,1,2],[4,5,6]]}'
    assert.is_true(matches('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }',
      person))
    assert.is_false(matches('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = '
      .. '"GET" }', person))
    local one, two = '$.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch',
      "$.actions[2] = nomatch"
    assert.is_true(matches("{ " .. one .. " && " .. two .. " }", person))
    assert.is_false(matches("{ (" .. one .. ") && " .. two .. " }", person))
  end)

  it("compares numbers", function()
    assert.is_true(matches("{ $.latency >= 500 }", '{"latency":500}'))
    assert.is_true(matches("{ $.latency < 10e3 }", '{"latency":500}'))
    assert.is_false(matches("{ $.latency > +1000 }", '{"latency":500}'))
    assert.is_false(matches("{ $.errorCode = 400 }", '{"errorCode":4000}'))
    assert.is_true(matches("{ $.errorCode != 500 }", '{"errorCode":400}'))
  end)

  it("gives their values", function()
    local pattern = filter_pattern.new "{ $.latency = * }"
    assert.are.equal(50, pattern:value('{"latency":50,"requestType":"GET"}', "$.latency"))
    assert.is_nil(pattern:value('{"latency":"long"}', "$.latency"))
    assert.are.equal(1, pattern:value('{"latency":"long"}', "1"))
  end)

  it("takes the object at the end of a line of text, and no line without one", function()
    assert.is_true(matches("{ $.a = 1 }", '[Thu] [watcher] [id] {"a":1}'))
    assert.is_false(matches("{ $.a = 1 }", '{"a":1} and more'))
    assert.is_false(matches("{ $.a = 1 }", "plain text"))
  end)

  it("wants quotes around what is no word", function()
    assert.has_error(function() matches("{ $.a = a,b }", "") end)
    assert.has_error(function() matches("{ $.a = }", "") end)
    assert.has_error(function() matches("{ ($.a = 1 }", "") end)
    assert.has_error(function() matches("{ a = 1 }", "") end)
  end)
end)
