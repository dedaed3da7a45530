local errors = require "watchbot.aws.errors"

local function read(status, body, headers)
  return errors.read({ status = status, headers = headers or {}, body = body }, 1000)
end

describe("errors", function()
  describe("reads", function()
    local cases = {
      ["JSON with a namespace"] = { "QueueDoesNotExist", "gone",
        400, '{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"gone"}',
        { ["x-amzn-query-error"] = "AWS.SimpleQueueService.NonExistentQueue;Sender" } },
      ["JSON with Message"] = {
        "ClientException", "no", 400, '{"__type":"ClientException","Message":"no"}',
      },
      ["JSON with the code in a header"] = { "ThrottlingException", "no", 400, '{"message":"no"}',
        { ["x-amzn-errortype"] = "ThrottlingException:http://internal.amazon.com/coral/" } },
      ["JSON with the code in the query header"] =
        { "AWS.SimpleQueueService.NonExistentQueue", "no", 400, '{"message":"no"}',
        { ["x-amzn-query-error"] = "AWS.SimpleQueueService.NonExistentQueue;Sender" } },
      ["JSON with a code and no more"] = {
        "ServerException", "ServerException", 500, '{"__type":"a.b#ServerException"}',
      },
      ["JSON with null"] = { "A", "A", 400, '{"__type":"A","message":null}' },
      ["XML"] = { "InvalidParameter", "bad <topic>", 400,
        "<ErrorResponse xmlns='http://sns/'><Error>"
        .. "<Type>Sender</Type><Code>InvalidParameter</Code><Message>bad "
        .. "&lt;topic&gt;</Message></Error>"
        .. "<RequestId>r-1</RequestId></ErrorResponse>" },
      ["XML of another family"] = { "SignatureDoesNotMatch", "no", 403,
        "<Response><Errors><Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>"
          .. "</Errors></Response>" },
      ["XML of S3's kind"] = { "SlowDown", "no", 503,
        "<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>no</Message></Error>" },
      ["HTML"] = {
        "Http502", "the server answered with an HTML page", 502,
        "\n<html><body>secret</body></html>",
      },
      ["HTML with a document type"] = {
        "Http503", "the server answered with an HTML page", 503, "<!DOCTYPE html><p>secret",
      },
      ["nothing"] = { "Http500", "the server answered with an empty body", 500, "" },
      ["blanks"] = { "Http500", "the server answered with an empty body", 500, " \r\n" },
      ["half of JSON"] = {
        "Http500", "the server answered with broken JSON", 500, '{"__type":"Thr',
      },
      ["half of XML"] = {
        "Http500", "the server answered with broken XML", 500, "<ErrorResponse><Error><Code>Thr",
      },
      ["XML of a stranger"] = {
        "Http400", "the server answered with XML that is not an error of AWS", 400, "<a><b/></a>",
      },
      ["garbage"] = {
        "Http504", "the server answered with a body that is neither JSON nor XML", 504,
        "\0\1\2secret",
      },
      ["JSON of a stranger"] = {
        "Http404", "the server answered with an error without a code", 404, '{"detail":"x"}',
      },
      ["JSON that is a list"] = {
        "Http404", "the server answered with a body that is neither JSON nor XML", 404, "[1]",
      },
      ["a broken body with a code in a header"] = {
        "SlowDown", "SlowDown", 503, "x", { ["x-amzn-errortype"] = "SlowDown" },
      },
      ["fields of wrong types"] =
        { "Http400", "the server answered with an error without a code", 400,
        '{"__type":{"a":1},"message":[1]}' },
      ["a code that is none"] = { "Http400", "m", 400, '{"__type":"a b\\nc","message":"m"}' },
    }
    for name, case in pairs(cases) do
      it(name, function()
        local failure = read(table.unpack(case, 3))
        assert.are.equal(case[1], failure.code)
        assert.are.equal(case[2], failure.message)
        assert.are.equal(case[3], failure.status)
      end)
    end
  end)

  it("finds the request's id in the body or in a header", function()
    local body = "<ErrorResponse><Error><Code>A</Code></Error><RequestId>r-1</RequestId>"
      .. "</ErrorResponse>"
    assert.are.equal("r-1", read(400, body).request_id)
    assert.are.equal("r-2", read(400, "{}", { ["x-amzn-requestid"] = "r-2" }).request_id)
    assert.are.equal("r-3", read(502, "", { ["x-amz-request-id"] = "r-3" }).request_id)
    assert.is_nil(read(502, "", { ["x-amz-request-id"] = "not an id" }).request_id)
  end)

  it("reads how long the server asks us to wait", function()
    local date = "Thu, 28 Jul 2016 00:12:37 GMT"
    assert.are.equal(2.5,
      read(503, "", { ["x-amz-retry-after"] = "2500", ["retry-after"] = "7" }).aws_retry_after)
    for _, text in ipairs { "-1", "soon", "1.5", "" } do
      assert.is_nil(read(503, "", { ["x-amz-retry-after"] = text }).aws_retry_after)
    end
    assert.are.equal(7, read(503, "", { ["retry-after"] = "7" }).retry_after)
    assert.are.equal(30,
      read(503, "", { ["retry-after"] = "Thu, 28 Jul 2016 00:13:07 GMT", date = date }).retry_after)
    assert.is_nil(read(503, "", { ["retry-after"] = "soon" }).retry_after)
    assert.is_nil(read(503, "").retry_after)
  end)

  it("describes a failure in one line that is bounded and clean", function()
    local failure = {
      code = "A", message = "gone\r\n for\tgood\n", status = 400, request_id = "r-1",
    }
    assert.are.equal("sqs:SendMessage: gone for good (A, HTTP 400, request r-1)",
      errors.describe("sqs:SendMessage", failure, {}))
    assert.are.equal("sqs:SendMessage: no answer (Timeout)",
      errors.describe("sqs:SendMessage", { code = "Timeout", message = "no answer" }, {}))
    local long = errors.describe("a", { code = "A", message = ("é\xff"):rep(9999) }, {})
    assert.is_true(#long < 1100 and utf8.len(long) ~= nil)
  end)

  -- 80,000 blanks took 377 seconds in one pattern, without a heartbeat.
  it("looks at no more of a long message than at a page of it", function()
    for _, text in ipairs { " ", "\t\n", "x ", "=", "%", "&#", "\\u", '"', "\0" } do
      local message = "a" .. text:rep(1024 * 1024 // #text) .. "b"
      local before = os.clock()
      local shown = errors.describe("a", { code = "A", message = message },
        { ("secret/"):rep(200) })
      assert.is_true(#shown < 1100)
      assert.is_true(os.clock() - before < 5)
    end
    assert.are.equal("a: a b (A)",
      errors.describe("a", { code = "A", message = "a" .. (" "):rep(100000) .. "b" }, {}))
  end)

  it("says that it is the proxy that wants a password", function()
    local failure = read(407, "<html>", { ["x-amzn-errortype"] = "X" })
    assert.are.equal("Http407", failure.code)
    assert.are.equal("the proxy asks for a user name and a password", failure.message)
  end)

  -- A gateway's answer may quote the URL that it was reached by, with the password in it.
  it("hides passwords of URLs", function()
    assert.are.equal("a: no route to http://[hidden]@h/?sig=[hidden] (A)", errors.describe("a",
      { code = "A", message = "no route to http://bob:pw@h/?sig=123" }, {}))
  end)

  it("hides the secrets that a server repeats", function()
    local secrets = { "se/cr+et=", "to%ken//x==" }
    local text = errors.describe("a",
      { code = "A", message = "got se/cr+et= and se%2Fcr%2Bet%3D and to%ken//x== and "
      .. "AWS4-HMAC-SHA256 Credential=AKID, Signature=0123" }, secrets)
    assert.are.equal("a: got [hidden] and [hidden] and [hidden] and [hidden] (A)", text)
    text = errors.describe("a",
      { code = "A", message = "The request signature does not match. Check your key.\n\n"
      .. "The Canonical String for this request should have "
      .. "been\n'POST\nx-amz-security-token:to%ken//x==" }, secrets)
    assert.are.equal("a: The request signature does not match. Check your key. (A)", text)
  end)
end)
