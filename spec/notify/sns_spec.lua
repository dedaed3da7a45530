-- What a policy publishes to its topic: SNS on moto, with the fault proxy between, and a queue that
-- is subscribed.

local cjson = require "cjson"
local cloud = require "support.cloud"
local sns = require "watchbot.notify.sns"
local scheduler = require "watchbot.scheduler"

local task = cloud.task

describe("a notifier", function()
  local account, proxy

  cloud.around(function(...) account, proxy = ... end, "proxy")

  -- A notifier, and what arrives.
  local function open(limit, keys)
    local inbox = account:queue()
    local topic = account:topic { { url = inbox } }
    proxy:clear()
    local one = assert(sns.new(topic, {
      limit = limit or 10, stack = "tiles", client = account:client("sns", {
        endpoint = proxy.url, credentials = keys,
      }),
    }))
    return one, function()
      local all = {}
      for index, message in ipairs(account:messages(inbox)) do
        all[index] = cjson.decode(message.Body)
      end
      return all
    end
  end

  local function compose(subject, body)
    return function() return subject, body end
  end

  it("publishes subject and body", task(function()
    local one, arrived = open()
    assert(one:send(compose("failed", "line 1\nline 2"), "about"))
    local mails = arrived()
    assert.are.same({ 1, "failed", "line 1\nline 2" },
      { #mails, mails[1].Subject, mails[1].Message })
  end))

  -- A hook may compose anything; a notification is not lost for its subject.
  it("makes the subject one that SNS takes, and the body no longer than it takes", task(function()
    local one, arrived = open()
    assert(one:send(compose("  gr\u{fc}n\n" .. ("s"):rep(200), ("\u{fc}"):rep(200 * 1024)),
      "about"))
    assert(one:send(compose("", "x"), "about"))
    local mails = arrived()
    table.sort(mails, function(a, b) return #a.Message > #b.Message end)
    assert.are.equal("gr?n " .. ("s"):rep(94), mails[1].Subject)
    assert.are.equal(256 * 1024, #mails[1].Message)
    assert.are.equal("watchbot", mails[2].Subject)
  end))

  it("holds back what is over the limit, composes none of it, and sums it up when it is flushed",
    task(function()
    local one, arrived = open(2)
    local composed = 0
    for index = 1, 30 do
      assert(one:send(function()
        composed = composed + 1
        return "failed", "body"
      end, "failure " .. index))
    end
    assert.are.equal(2, composed)
    assert(one:flush())
    assert(one:flush()) -- there is nothing any more
    local mails, summary = arrived(), nil
    assert.are.equal(3, #mails)
    for _, mail in ipairs(mails) do
      if mail.Subject ~= "failed" then summary = mail end
    end
    assert.are.equal("tiles: 28 more failures", summary.Subject)
    assert.matches("^28 more failures on tiles in the last minute:\n\nfailure 3\n.*\nfailure "
      .. "22\nand 8 more$", summary.Message)
  end))

  it("publishes again where nothing was published, and says why when it cannot", task(function()
    local one, arrived = open()
    proxy:add {
      kind = "status", operation = "Publish", count = 2, status = 400, code = "Throttling",
    }
    assert(one:send(compose("failed", "body"), "about"))
    assert.are.equal(1, #arrived())
    proxy:add { kind = "status", operation = "Publish", status = 400, code = "KMSDisabled" }
    local ok, err, code = one:send(compose("failed", "body"), "about")
    assert.are.same({ "nil", "KMSDisabled" }, { tostring(ok), code })
    assert.matches("^sns:Publish: ", err)
  end))

  it("tells its listener of a summary that could not be published", task(function()
    local one = open(1)
    local heard = {}
    one.on_failure = function(err, code) heard = { err, code } end
    assert(one:send(compose("failed", "body"), "about"))
    proxy:add { kind = "status", operation = "Publish", status = 400, code = "Refused" }
    one.window = scheduler.now() - 60 + 0.1 -- the minute is nearly over
    assert(one:send(compose("failed", "body"), "about"))
    scheduler.sleep(0.1)
    local until_time = scheduler.now() + 60
    while not heard[1] and scheduler.now() < until_time do scheduler.sleep(0.02) end
    assert.are.equal("Refused", heard[2])
  end))

  describe("checks its topic", function()
    it("without publishing anything", task(function()
      local one, arrived = open()
      assert.is_true(one:check())
      assert.are.equal(0, #arrived())
    end))

    it("and tells one that is not there from one that it may not publish to", task(function()
      local one = open()
      one.topic = one.topic .. "-gone"
      assert.are.same({ ("topic %s does not exist"):format(one.topic), "NotFound" },
        { select(2, one:check()) })
      one = open(10, account:user "sns:Publish")
      local ok, err, code, passing = one:check()
      assert.are.same({ "nil", "NotAllowed", "nil" },
        { tostring(ok), code, tostring(passing or nil) })
      assert.matches("'sns:Publish'", err)
    end))

    it("and needs no other permission for that", task(function()
      assert.is_true((open(10, account:user "sns:GetTopicAttributes"):check()))
    end))

    -- The ARN of a subscription, or one with a newline behind it, passed as a topic's: SNS refused
    -- both the check and each notification as an invalid parameter.
    it("and that it is the ARN of one", task(function()
      local arn = account:topic()
      for _, wrong in ipairs {
        arn .. ":9f5c1b5e-0000-4000-8000-000000000000", arn .. "\n", arn .. " ", " " .. arn,
        (arn:gsub(":sns:", ":sqs:")), (arn:gsub("eu%-west%-1", "")), (arn:gsub(":%d+:", "::")),
        arn .. "/x", arn .. ".fif", "alerts", "", (arn:gsub("eu%-west%-1", "EU-WEST-1")),
      } do
        local made, err, code = require "watchbot.notify.sns".new(wrong, { limit = 1 })
        assert.are.same({ nil, "Usage" }, { made, code }, wrong)
        assert.matches("expected arn:aws:sns:REGION:ACCOUNT:NAME", err)
      end
      local refused = { GetTopicAttributes = function()
        return nil, "Invalid parameter: TopicArn", "InvalidParameter"
      end }
      local one = assert(require "watchbot.notify.sns".new(arn, { limit = 1, client = refused }))
      assert.are.same({ nil, "Invalid parameter: TopicArn", "InvalidParameter" },
        { one:check() })
    end))

    it("and says when the failure may be temporary", task(function()
      local one = open()
      proxy:add {
        kind = "status", operation = "Publish", status = 503, code = "ServiceUnavailable",
      }
      local ok, _, code, passing = one:check()
      assert.are.same({ "nil", "ServiceUnavailable", true }, { tostring(ok), code, passing })
    end))
  end)
end)
