local aws = require "watchbot.aws"
local http = require "watchbot.http"
local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"
local server = require "support.server"

local SECRET, TOKEN = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  "FwoGZXIvYXdz//token+with/all=the=signs=="
local QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"

describe("an AWS call", function()
  local scripted

  setup(function() scripted = server.start("python3", "spec/support/scripted.py") end)
  teardown(function() scripted:close() end)

  local function told(...)
    local script = json.encode(json.list { ... })
    assert(assert(http.request { method = "PUT", url = scripted.url .. "/script",
      body = script }).status == 200)
  end

  local function log()
    return json.decode(assert(http.request { url = scripted.url .. "/log" }).body)
  end

  local function client(name, options)
    local all = {
      region = "eu-west-1", endpoint = scripted.url, getenv = function() end,
      credentials = { access_key = "AKIDEXAMPLE", secret_key = SECRET, token = TOKEN },
      retry = { base = 0.001, throttled_base = 0.002, cap = 0.01 },
    }
    for key, value in pairs(options or {}) do all[key] = value end
    return assert(aws(name, all))
  end

  local function task(body)
    return function() scheduler.run(body) end
  end

  it("sends what the protocol wants, signed", task(function()
    told()
    assert.are.same({}, client("sqs"):DeleteMessage { QueueUrl = QUEUE, ReceiptHandle = "r" })
    local request = log()[1]
    assert.are.same({ QueueUrl = QUEUE, ReceiptHandle = "r" }, json.decode(request.body))
    assert.are.equal("application/x-amz-json-1.0", request.headers["content-type"])
    assert.are.equal("AmazonSQS.DeleteMessage", request.headers["x-amz-target"])
    assert.are.equal(TOKEN, request.headers["x-amz-security-token"])
    assert.matches("^AWS4%-HMAC%-SHA256 Credential=AKIDEXAMPLE/%d+/eu%-west%-1/sqs/aws4_request, "
      .. "SignedHeaders=content%-type;host;x%-amz%-date;x%-amz%-security%-token;x%-amz%-target, "
      .. "Signature=%x+$",
      request.headers.authorization)
    assert.is_nil(request.headers["expect"])
  end))

  -- CloudTrail showed calls without a user agent.
  it("says who is calling, which is not signed", task(function()
    told({}, {})
    client "sqs":DeleteMessage()
    local function getenv(name) return name == "AWS_SDK_UA_APP_ID" and "my app/1" or nil end
    client("sqs", { getenv = getenv }):DeleteMessage()
    local agent = ("watchbot/%s os/linux lang/lua#5.4"):format(require "watchbot.version")
    assert.are.equal(agent, log()[1].headers["user-agent"])
    assert.are.equal(agent .. " app/my-app-1", log()[2].headers["user-agent"])
    assert.is_nil(log()[1].headers.authorization:find("user-agent", 1, true))
  end))

  it("sends no signature where none is wanted", task(function()
    told {
      body = "<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>",
    }
    client("sts", { credentials = false }):GetCallerIdentity()
    local request = log()[1]
    assert.are.equal("Action=GetCallerIdentity&Version=2011-06-15", request.body)
    assert.is_nil(request.headers.authorization)
  end))

  describe("says what a body of the wrong kind was, with the status and the request's id:",
    function()
    local cases = {
      { "an HTML page", "Http502", { status = 502, body = "<html>secret</html>" } },
      { "an empty body", "Http500", { status = 500 } },
      { "broken JSON", "Http400", { status = 400, body = '{"__type":"Que' } },
      { "broken XML", "Http400", { status = 400, body = "<ErrorResponse><Err" } },
      { "a body that is neither JSON nor XML", "Http403", { status = 403, body = "secret" } },
      { "XML that is not an error of AWS", "Http301", { status = 301, body = "<a/>" } },
    }
    for _, case in ipairs(cases) do
      it(case[1], task(function()
        local step = case[3]
        step.headers = { ["x-amzn-RequestId"] = "r-17" }
        told(step, step, step)
        local result, err, code = client("sqs"):ListQueues()
        assert.is_nil(result)
        assert.are.equal(case[2], code)
        assert.are.equal(("sqs:ListQueues: the server answered with %s (%s, HTTP %d, request "
          .. "r-17)%s"):format(case[1], code,
          step.status, step.status >= 500 and " after 3 attempts" or ""), err)
      end))
    end

    it("XML from a JSON service", task(function()
      told { status = 403,
        body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>no</Message>"
          .. "</Error>"
        .. "<RequestId>r-18</RequestId></ErrorResponse>" }
      assert.are.same({
        nil, "sqs:ListQueues: no (SignatureDoesNotMatch, HTTP 403, request r-18)",
        "SignatureDoesNotMatch",
      },
        { client("sqs"):ListQueues() })
    end))

    it("JSON from a Query service", task(function()
      told { status = 403, body = '{"__type":"AccessDenied","message":"no"}' }
      local none, err, code = client "sns":ListTopics()
      assert.are.same({ "nil", "sns:ListTopics: no (AccessDenied, HTTP 403)", "AccessDenied" },
        { tostring(none), err, code })
    end))
  end)

  describe("tries again after", function()
    local good = { body = '{"QueueUrls":["a"]}' }
    local cases = {
      ["a dropped connection"] = { drop = true },
      ["a success that was cut off"] = { body = '{"QueueUrls":["a"]}', truncate = 10 },
      ["a success that is half of JSON"] = { body = '{"QueueUrls":["a' },
      ["a success that is empty"] = { body = "" },
      ["a success that is a list"] = { body = "[]" },
      ["a success that is HTML"] = { body = "<html>Log in to the guest network</html>" },
      ["a server error"] = { status = 500, body = '{"__type":"InternalFailure"}' },
      ["an unavailable gateway"] = { status = 503, body = "<html>" },
      ["throttling"] = {
        status = 400, body = '{"__type":"ThrottlingException","message":"Rate exceeded"}',
      },
      ["throttling in another error's text"] = { status = 400,
        body = '{"__type":"ClientException","message":"Rate exceeded"}' },
      ["too many requests"] = { status = 429 },
    }
    for name, step in pairs(cases) do
      it(name, task(function()
        told(step, good)
        local sqs = client "sqs"
        assert.are.same({ QueueUrls = { "a" } }, assert(sqs:ListQueues()))
        assert.are.equal(2, #log())
        assert.are.equal(500, sqs.retry.tokens)
      end))
    end

    it("a timeout", task(function()
      told({ delay = 60, body = "{}" }, good)
      local sqs = client("sqs", { timeout = 3 })
      assert.are.same({ QueueUrls = { "a" } }, assert(sqs:ListQueues()))
      assert.are.equal(2, sqs.requests)
    end))
  end)

  it("gives up after as many attempts as it may make", task(function()
    local step = { status = 500 }
    for max_attempts = 1, 4 do
      told(step, step, step, step, step)
      local sqs = client("sqs", { max_attempts = max_attempts })
      local _, _, code = sqs:ListQueues()
      assert.are.equal("Http500", code)
      assert.are.equal(max_attempts, sqs.requests)
    end
  end))

  it("takes the number of attempts from AWS_MAX_ATTEMPTS", task(function()
    local step = { status = 500 }
    told(step, step, step, step, step, step)
    local sqs = client("sqs", {
      getenv = function(name) return name == "AWS_MAX_ATTEMPTS" and "5" or nil end,
    })
    sqs:ListQueues()
    assert.are.equal(5, sqs.requests)
  end))

  it("does not try again what will not get better", task(function()
    told {
      status = 400, body = '{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"gone"}',
    }
    local sqs = client "sqs"
    local none, err, code, details = sqs:ReceiveMessage { QueueUrl = QUEUE }
    assert.are.same({
      "nil", "sqs:ReceiveMessage: gone (QueueDoesNotExist, HTTP 400)", "QueueDoesNotExist",
    },
      { tostring(none), err, code })
    assert.are.equal("gone", details.message)
    assert.are.equal(1, sqs.requests)
  end))

  it("says so when the bucket of retries is empty", task(function()
    told({ status = 500 }, { status = 500 })
    local sqs = client("sqs", { retry = { capacity = 20, base = 0.001 } })
    local _, err = sqs:ListQueues()
    assert.matches("Http500, HTTP 500%) after 2 attempts; not tried again, as too many calls fail$",
      err)
  end))

  it("waits as long as the server asks for", task(function()
    told({ status = 503, headers = { ["x-amz-retry-after"] = "300" } }, {})
    local sqs = client("sqs", { retry = { base = 0.001, cap = 5 } })
    sqs:DeleteMessage { QueueUrl = QUEUE, ReceiptHandle = "r" }
    local seen = log()
    assert.is_true(seen[2].at - seen[1].at >= 0.3)
  end))

  it("begins no attempt that would end after `within`", task(function()
    told({ status = 503, headers = { ["retry-after"] = "60" } }, {})
    local sqs = client("sqs", { retry = { base = 0.001, cap = 90 } })
    local start = scheduler.now()
    local _, _, code = sqs:ListQueues({}, { within = 0.5 })
    assert.are.equal("Http503", code)
    assert.are.equal(1, sqs.requests)
    assert.is_true(scheduler.now() - start < 30)
    told { delay = 60 }
    _, _, code = sqs:ListQueues({}, { within = 0.3 })
    assert.are.equal("Timeout", code)
    assert.is_true(scheduler.now() - start < 30)
  end))

  describe("on a clock that is wrong by 20 minutes,", function()
    for _, ahead in ipairs { 1200, -1200 } do
      for _, code in ipairs { "RequestExpired", "InvalidSignatureException", "RequestTimeTooSkewed",
        "AuthFailure" } do
        it(("%+d s, %s: is signed again by the server's, and the next call at once"):format(-ahead,
          code), task(function()
          local step = { ahead = ahead, code = code, body = "{}" }
          told(step, step, step, step)
          local sqs = client("sqs", { max_attempts = 1 })
          assert(sqs:DeleteMessage { QueueUrl = QUEUE, ReceiptHandle = "r" })
          assert.are.equal(2, sqs.requests)
          assert(sqs:DeleteMessage { QueueUrl = QUEUE, ReceiptHandle = "r" })
          assert.are.equal(3, sqs.requests)
          assert.is_true(math.abs(sqs.clock_offset - ahead) < 5)
        end))
      end
    end

    -- Of two calls under way at once, the second found the clock corrected already, and gave up.
    it("corrects every call that is under way", task(function()
      local step = { ahead = 1200, delay = 0.1, body = "{}" }
      told(step, step, step, step, step, step)
      local sqs, tasks = client("sqs", { max_attempts = 1 }), {}
      for index = 1, 3 do
        tasks[index] = scheduler.spawn(function() return assert(sqs:DeleteMessage {}) end)
      end
      for _, one in ipairs(tasks) do assert.is_true((one:join())) end
      assert.are.equal(6, sqs.requests)
    end))

    it("and right again, is corrected back", task(function()
      told({ ahead = 1200, body = "{}" }, { ahead = 1200, body = "{}" }, { ahead = 0, body = "{}" },
        { ahead = 0, body = "{}" })
      local sqs = client "sqs"
      assert(sqs:DeleteMessage {})
      assert(sqs:DeleteMessage {})
      assert.are.equal(4, sqs.requests)
      assert.is_true(math.abs(sqs.clock_offset) < 5)
    end))

    it("and a server that refuses anyway, ends after two attempts", task(function()
      local step = { status = 403, body = '{"__type":"InvalidSignatureException","message":"no"}',
        headers = { Date = "Thu, 28 Jul 2016 00:12:37 GMT" } }
      told(step, step, step)
      local sqs = client "sqs"
      local _, _, code = sqs:DeleteMessage {}
      assert.are.equal("InvalidSignatureException", code)
      assert.are.equal(2, sqs.requests)
    end))
  end)

  it("does not take a wrong key for a wrong clock", task(function()
    told { status = 403, body = '{"__type":"InvalidSignatureException","message":"no"}' }
    local sqs = client "sqs"
    sqs:DeleteMessage {}
    assert.are.equal(1, sqs.requests)
    assert.are.equal(0, sqs.clock_offset)
  end))

  describe("with credentials that have expired", function()
    local function provider(...)
      local keys, expired = { ... }, {}
      return {
        expired = expired,
        get = function() return keys[math.min(#expired + 1, #keys)] end,
        expire = function(_, used) expired[#expired + 1] = used end,
      }
    end
    local old = { access_key = "AKIDOLD", secret_key = "old secret", token = "old token" }
    local new = { access_key = "AKIDNEW", secret_key = "new secret", token = "new token" }
    local refusal = {
      status = 400, body = '{"__type":"ExpiredTokenException","message":"expired"}',
    }

    it("asks for newer ones and tries once more", task(function()
      told(refusal, {})
      local source = provider(old, new)
      local sqs = client("sqs", { credentials = source, max_attempts = 1 })
      assert(sqs:DeleteMessage {})
      assert.are.same({ old }, source.expired)
      assert.matches("Credential=AKIDNEW/", log()[2].headers.authorization)
      assert.are.equal("new token", log()[2].headers["x-amz-security-token"])
    end))

    it("ends when the newer ones have expired as well", task(function()
      told(refusal, refusal, refusal)
      local sqs = client("sqs", { credentials = provider(old, new) })
      local _, err, code = sqs:DeleteMessage {}
      assert.are.equal("ExpiredTokenException", code)
      assert.are.equal("sqs:DeleteMessage: expired (ExpiredTokenException, HTTP 400) after 2 "
        .. "attempts", err)
    end))

    -- One ExpiredToken to static keys, and no request was ever made again.
    it("goes on with keys that cannot expire, whatever AWS has said of them", task(function()
      for _, code in ipairs { "ExpiredToken", "InvalidClientTokenId",
        "UnrecognizedClientException" } do
        told({ status = 403, body = ('{"__type":"%s","message":"odd"}'):format(code) }, {}, {})
        local sqs = client("sqs", {
          credentials = { access_key = "AKIDSTATIC", secret_key = "staticsecret" },
        })
        assert.are.equal(code, select(3, sqs:DeleteMessage {}))
        assert(sqs:DeleteMessage {})
        assert.are.equal(2, #log())
      end
    end))

    -- The file had new keys for hours; the watcher kept on signing with those that had been
    -- deleted.
    it("reads the file again when AWS does not know them", task(function()
      local path = os.tmpname()
      local function write(key)
        local file <close> = assert(io.open(path, "w"))
        local profile = "[default]\naws_access_key_id = %s\naws_secret_access_key = secret-of-%s\n"
        file:write(profile:format(key, key))
      end
      local environment = { AWS_SHARED_CREDENTIALS_FILE = path, AWS_CONFIG_FILE = "/dev/null" }
      for _, code in ipairs { "InvalidClientTokenId", "UnrecognizedClientException" } do
        write "AKIDOLD"
        told({}, { status = 403, body = ('{"__type":"%s","message":"unknown"}'):format(code) }, {})
        local sqs = assert(require "watchbot.aws"("sqs",
          { region = "eu-west-1", endpoint = scripted.url, max_attempts = 1,
          getenv = function(name) return environment[name] end }))
        assert(sqs:DeleteMessage {})
        write "AKIDNEW"
        assert(sqs:DeleteMessage {})
        assert.matches("Credential=AKIDOLD/", log()[2].headers.authorization)
        assert.matches("Credential=AKIDNEW/", log()[3].headers.authorization)
      end
      os.remove(path)
    end))

    it("says why there are none", task(function()
      local none = { get = function() return nil, "no AWS credentials: none", "NoCredentials" end }
      local sqs = client("sqs", { credentials = none })
      assert.are.same({
        nil, "sqs:DeleteMessage: no AWS credentials: none (NoCredentials)", "NoCredentials",
      },
        { sqs:DeleteMessage {} })
      assert.are.equal(0, sqs.requests)
    end))
  end)

  describe("that must not be done twice", function()
    local applied = { { drop = true }, { status = 500 }, { status = 502, body = "<html>" },
      { body = "<PublishResp" },
      { body = "" } }

    it("is not made again when it may have been done", task(function()
      for _, step in ipairs(applied) do
        told(step)
        local sns = client "sns"
        local result, err = sns:Publish {
          TopicArn = "arn:aws:sns:eu-west-1:1:t", Message = "m",
        }
        assert.is_nil(result)
        assert.matches("; not made again, for it may have been applied$", err)
        assert.are.equal(1, #log())
        assert.are.equal(500, sns.retry.tokens)
      end
    end))

    it("is made again when it was refused or never sent", task(function()
      local good = {
        body = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult>"
          .. "</PublishResponse>",
      }
      told({ status = 400,
        body = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>" }, good)
      local sns = client "sns"
      assert.are.same({ MessageId = "1" },
        sns:Publish { TopicArn = "arn:aws:sns:eu-west-1:1:t", Message = "m" })
      assert.are.equal(2, sns.requests)
      local nowhere = client("sns", { endpoint = "http://127.0.0.1:1" })
      local _, err, code = nowhere:Publish {
        TopicArn = "arn:aws:sns:eu-west-1:1:t", Message = "m",
      }
      assert.are.equal("ConnectFailed", code)
      assert.matches("after 3 attempts$", err)
    end))

    it("is made again for a FIFO topic, and when the caller says so", task(function()
      local good = { body = "<PublishResponse><PublishResult/></PublishResponse>" }
      local sns = client "sns"
      told({ drop = true }, good)
      assert(sns:Publish {
        TopicArn = "arn:aws:sns:eu-west-1:1:t.fifo", Message = "m", MessageGroupId = "g",
      })
      told({ drop = true }, good)
      assert(sns:Publish({ TopicArn = "arn:aws:sns:eu-west-1:1:t", Message = "m" },
        { idempotent = true }))
      told { drop = true }
      assert.is_nil((client("sqs"):SendMessage({ QueueUrl = QUEUE, MessageBody = "m" },
        { idempotent = false })))
    end))

    it("is told from another by a token, the same in each attempt", task(function()
      told({ drop = true }, { status = 500 }, { body = '{"tasks":[]}' }, { body = '{"tasks":[]}' })
      local ecs = client "ecs"
      local parameters = { taskDefinition = "t" }
      assert(ecs:RunTask(parameters))
      assert(ecs:RunTask(parameters))
      local tokens = {}
      for index, request in ipairs(log()) do
        tokens[index] = json.decode(request.body).clientToken
      end
      assert.matches("^%x+%-%x+%-4%x+%-%x+%-%x+$", tokens[1])
      assert.are.same({ tokens[1], tokens[1], tokens[1] }, { table.unpack(tokens, 1, 3) })
      assert.are_not.equal(tokens[1], tokens[4])
      assert.are.same({ taskDefinition = "t" }, parameters)
      told { body = '{"tasks":[]}' }
      assert(ecs:RunTask { taskDefinition = "t", clientToken = "mine" })
      assert.are.equal("mine", json.decode(log()[1].body).clientToken)
    end))

    it("has its token in FIFO receives, and only there", task(function()
      told({ drop = true }, {}, {})
      local sqs = client "sqs"
      told({ drop = true }, { body = "{}" }, { body = "{}" })
      assert(sqs:ReceiveMessage { QueueUrl = QUEUE .. ".fifo" })
      assert(sqs:ReceiveMessage { QueueUrl = QUEUE })
      local seen = log()
      local first = json.decode(seen[1].body).ReceiveRequestAttemptId
      assert.is_string(first)
      assert.are.equal(first, json.decode(seen[2].body).ReceiveRequestAttemptId)
      assert.is_nil(json.decode(seen[3].body).ReceiveRequestAttemptId)
    end))
  end)

  describe("that is a long poll", function()
    it("may take longer than other calls", task(function()
      told { delay = 0.5, body = "{}" }
      local sqs = client("sqs", { timeout = 0.2 })
      assert.are.same({}, assert(sqs:ReceiveMessage { QueueUrl = QUEUE, WaitTimeSeconds = 1 }))
      assert.are.equal(1, sqs.requests)
    end))

    it("goes on sleeping when it gives up, longer from call to call", task(function()
      local steps = {}
      for index = 1, 12 do steps[index] = { status = 500 } end
      told(table.unpack(steps))
      local sqs = client("sqs", {
        max_attempts = 2, retry = { base = 0.02, cap = 0.2, random = function() return 1 end },
      })
      local start = scheduler.now()
      for _ = 1, 3 do assert.is_nil((sqs:ReceiveMessage { QueueUrl = QUEUE })) end
      local spent = scheduler.now() - start
      assert.is_true(spent >= 0.02 + 0.04 + 0.08 + 0.16 + 0.2 + 0.2)
      assert.are.equal(6, sqs.requests)
    end))

    it("can be cancelled while it waits", task(function()
      told { delay = 60 }
      local sqs = client "sqs"
      local poll = scheduler.spawn(function()
        return sqs:ReceiveMessage { QueueUrl = QUEUE, WaitTimeSeconds = 20 }
      end)
      scheduler.sleep(0.1)
      poll:cancel "enough"
      assert.are.same({ false, "enough" }, { poll:join(60) })
    end))
  end)

  it("takes nulls for absent, and keeps integers and empty lists", task(function()
    told { body = '{"NextToken":null,"n":9007199254740993,"Messages":[]}' }
    local result = assert(client("sqs"):ListQueues())
    assert.is_nil(result.NextToken)
    assert.are.equal(9007199254740993, result.n)
    assert.is_true(json.is_list(result.Messages))
  end))

  it("refuses text that JSON cannot hold, and sends nothing", task(function()
    local sqs = client "sqs"
    local result, err, code = sqs:SendMessage { QueueUrl = QUEUE, MessageBody = "\xff" }
    assert.is_nil(result)
    assert.are.equal("sqs:SendMessage: encode: JSON cannot hold text that is not UTF-8", err)
    assert.are.equal("InvalidText", code)
    assert.are.equal(0, sqs.requests)
  end))

  it("goes to the path of the endpoint, signed with it", task(function()
    told {}
    assert(client("sqs", { endpoint = scripted.url .. "/proxy/sqs" }):DeleteMessage {})
    assert.are.equal("/proxy/sqs", log()[1].path)
  end))

  it("goes to the host of the queue's URL, unless an endpoint was given", task(function()
    told {}
    local sqs = client("sqs", { place = scripted.url .. "/123456789012/jobs" })
    sqs.options.endpoint, sqs.config.options.endpoint = nil, nil
    assert(sqs:DeleteMessage {})
    assert.are.equal("/", log()[1].path)
  end))

  describe("shows no secret in an error:", function()
    -- The server repeats all that it was sent, as AWS does for a wrong signature.
    local echoes = {
      ["plain JSON"] = { status = 403, body = '{"__type":"SignatureDoesNotMatch","message":"%s"}' },
      ["XML"] = { status = 403, body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code>"
        .. "<Message><![CDATA[%s]]></Message></Error></ErrorResponse>" },
      ["HTML"] = { status = 502, body = "<html>%s</html>" },
      ["garbage"] = { status = 500, body = "%s" },
      ["broken JSON"] = { status = 400, body = '{"message":"%s' },
      ["a success that is none"] = { status = 200, body = "%s" },
      ["a success that is broken XML"] = { status = 200, body = "<a>%s" },
    }
    for name, step in pairs(echoes) do
      for _, service in ipairs { "sqs", "sns" } do
        it(name .. ", " .. service, task(function()
          local everything =
            ("%s %s AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE, Signature=%s [everything]"):format(
              SECRET, TOKEN,
            ("ab"):rep(32))
          local body = step.body:gsub("%%s", function() return everything end)
          if name == "plain JSON" then body = body:gsub("%[everything%]", "") end
          local echo = { status = step.status, body = body }
          told(echo, echo, echo)
          local one = client(service)
          local result, err, code = one[service == "sqs" and "ListQueues" or "ListTopics"](one)
          assert.is_nil(result)
          local shown = err .. code .. tostring(one)
          for _, request in ipairs(log()) do
            local sent = request.headers.authorization
            for _, secret in ipairs { SECRET, TOKEN, sent, sent:match "%x+$" } do
              assert.is_nil(shown:find(secret, 1, true))
            end
          end
          assert.is_nil(shown:find("AWS4-HMAC", 1, true))
        end))
      end
    end

    it("a web identity token that STS repeats", task(function()
      told { status = 400,
        body = "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>bad: "
          .. "eyJ.abc.def</Message>"
        .. "</Error></ErrorResponse>" }
      local sts = client("sts", { credentials = false })
      local _, err = sts:AssumeRoleWithWebIdentity {
        RoleArn = "r", WebIdentityToken = "eyJ.abc.def",
      }
      assert.are.equal("sts:AssumeRoleWithWebIdentity: bad: [hidden] (InvalidIdentityToken, HTTP "
        .. "400)", err)
    end))
  end)

  describe("raises for the caller's mistakes:", function()
    it("an unknown service", function()
      assert.error_matches(function() aws("sqss", {}) end,
        "aws: unknown service 'sqss'; did you mean 'sqs'%?")
      assert.error_matches(function() aws "kinesis" end,
        "aws: unknown service 'kinesis' %(known: cloudformation, ")
    end)

    it("an unknown option", function()
      assert.error_matches(function() aws("sqs", { regoin = "x" }) end,
        "aws: unknown option 'regoin'; did you mean 'region'%?")
    end)

    it("an unknown option of a call", task(function()
      assert.error_matches(function() client("sqs"):DeleteMessage({}, { idempotant = true }) end,
        "DeleteMessage: unknown option 'idempotant'; did you mean 'idempotent'%?")
    end))

    it("parameters that are no table, and a call without its client", task(function()
      local sqs = client "sqs"
      assert.error_matches(function() sqs:DeleteMessage "x" end,
        "DeleteMessage: the parameters must be a table")
      assert.error_matches(function() sqs.DeleteMessage {} end,
        "call it as client:DeleteMessage { %.%.%. }")
    end))

    it("values that cannot be sent", task(function()
      assert.error_matches(function() client("sqs"):SendMessage { MessageBody = print } end,
        "encode: JSON has no function")
      assert.error_matches(function() client("sns"):Publish { Message = print } end,
        "parameter 'Message' cannot be a function")
    end))
  end)
end)
