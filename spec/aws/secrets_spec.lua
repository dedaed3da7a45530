-- AWS explains a wrong signature by repeating the request, the session token included, and a
-- proxy's error page may repeat anything. Here a server repeats all that it was sent, in each form
-- that an answer can have, and all that a watcher writes is searched for it.

local http = require "watchbot.http"
local json = require "watchbot.lib.json"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local server = require "support.server"

local SECRET, TOKEN = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  "FwoGZXIvYXdz//token+with/all=the=signs=="
local WATCHBOT = (os.getenv "WATCHBOT_BUILD" or "build") .. "/watchbot"

local ECHO = ("%s %s [everything]"):format(SECRET, TOKEN)

local BODIES = {
  ["the message of an error"] =
    { status = 403, body = ('{"__type":"SignatureDoesNotMatch","message":"%s %s"}'):format(SECRET,
    TOKEN) },
  ["an error in XML"] =
    { status = 403, body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>"
      .. "<![CDATA["
    .. ECHO .. "]]></Message></Error></ErrorResponse>" },
  ["a page of HTML"] = { status = 502, body = "<html>" .. ECHO .. "</html>" },
  ["an answer that is none"] = { status = 200, body = ECHO },
  ["an error that is throttling"] =
    { status = 400, body = ('{"__type":"ThrottlingException","message":"%s %s"}'):format(SECRET,
    TOKEN) },
}

-- Before anything can be received, the watcher asks three things.
local GOOD_START = { { body = "{}" }, { body = "{}" }, { body = "{}" } }

describe("a watcher whose AWS calls fail", function()
  local scripted

  setup(function() scripted = server.start("python3", "spec/support/scripted.py") end)
  teardown(function() scripted:close() end)

  local function told(steps)
    local script = json.encode(json.list(steps))
    assert(assert(http.request { method = "PUT", url = scripted.url .. "/script",
      body = script }).status == 200)
  end

  local function requests()
    return json.decode(assert(http.request { url = scripted.url .. "/log" }).body)
  end

  -- All that it writes, until it has ended by itself or has met the failure at least twice.
  local function output_of(format)
    local child = assert(process.start {
      argv = {
        "env", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=" .. SECRET,
        "AWS_SESSION_TOKEN=" .. TOKEN,
        "AWS_REGION=eu-west-1", "AWS_ENDPOINT_URL=" .. scripted.url, "AWS_MAX_ATTEMPTS=1",
        "structuredLogging=" .. format,
        WATCHBOT, "run", "--queue", scripted.url .. "/123456789012/jobs", "--", "true",
      },
      output = "capture",
    })
    local given_up = scheduler.now() + 60
    while child:wait(0.1) == nil and #requests() < #GOOD_START + 2
      and scheduler.now() < given_up do end
    scheduler.sleep(0.2)
    child:kill "TERM"
    child:wait(120)
    return (child:output()) .. (select(2, child:output()) or "")
  end

  local function check(text)
    local seen = requests()
    assert.is_true(#seen > 0)
    assert.matches("sqs:%u%l+", text)
    for _, request in ipairs(seen) do
      local authorization = request.headers.authorization
      for _, secret in ipairs { SECRET, TOKEN, authorization,
        authorization:match "Signature=(%x+)" } do
        assert.is_nil(text:find(secret, 1, true))
      end
    end
    assert.is_nil(text:find("AWS4-HMAC", 1, true))
  end

  for name, step in pairs(BODIES) do
    for _, structured in ipairs { "false", "true" } do
      it(("shows no secret with %s, structuredLogging=%s"):format(name, structured), function()
        scheduler.run(function()
          local failing = { status = step.status, body = step.body, for_ever = true }
          told { failing }
          check(output_of(structured))
          told { GOOD_START[1], GOOD_START[2], GOOD_START[3], failing }
          check(output_of(structured))
        end)
      end)
    end
  end
end)
