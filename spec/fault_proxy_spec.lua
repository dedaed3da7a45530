-- What the fault proxy does to a call, as watchbot.http sees it: the specs of faults build on this.
local cjson = require "cjson"
local fault_proxy = require "support.fault_proxy"
local http = require "watchbot.http"
local scheduler = require "watchbot.scheduler"
local server = require "support.server"

describe("the fault proxy", function()
  local upstream, proxy

  local function in_task(body)
    return function() scheduler.run(body) end
  end

  setup(function()
    upstream = server.start("python3", "spec/support/http_server.py", "127.0.0.1")
    proxy = fault_proxy.start(upstream.url)
  end)

  teardown(function()
    proxy:close()
    upstream:close()
  end)

  before_each(in_task(function()
    proxy:clear()
    assert(http.request { url = upstream.url .. "/count/reset" })
  end))

  local function call(operation, more)
    local request = {
      method = "POST",
      url = proxy.url .. "/",
      headers = {
        ["X-Amz-Target"] = "AmazonSQS."
        .. operation, ["Content-Type"] = "application/x-amz-json-1.0",
      },
      body = cjson.encode { of = operation },
      timeout = 60,
    }
    for name, value in pairs(more or {}) do request[name] = value end
    return http.request(request)
  end

  -- How often the server behind the proxy was asked.
  local function applied()
    return #cjson.decode(assert(http.request { url = upstream.url .. "/count" }).body).requests
  end

  local function fails(rule, expected_code, expected_applied)
    proxy:add(rule)
    local response, _, code = call("Send", { timeout = 2 })
    assert.is_nil(response)
    assert.are.equal(expected_code, code)
    assert.are.equal(expected_applied, applied())
    local log = proxy:log()
    assert.are.equal(1, #log)
    assert.are.equal(rule.kind, log[1].kind)
    assert.are.equal(expected_applied, log[1].applied)
    assert.are.equal(expected_applied, #log[1].answers)
  end

  it("passes a call on as it is, and logs it", in_task(function()
    local response = assert(call "Send")
    local line, body = response.body:match "^([^\n]*)\n(.*)$"
    local asked = cjson.decode(line)
    table.sort(asked.headers)
    assert.are.same({
      "Connection: close", "Content-Length: 13", "Content-Type: application/x-amz-json-1.0",
      "Host: 127.0.0.1:" .. proxy.port, "X-Amz-Target: AmazonSQS.Send",
    }, asked.headers)
    assert.are.equal('{"of":"Send"}', body)
    local log = proxy:log()
    assert.are.equal(1, #log)
    assert.are.equal("Send", log[1].operation)
    assert.are.equal('{"of":"Send"}', log[1].request)
    assert.are.equal(1, log[1].applied)
    assert.are.same({ { status = 200, body = response.body } }, log[1].answers)
    assert.are.equal(200, log[1].status)
    assert.is_nil(log[1].kind)
  end))

  it("hands out once the calls that are over, where they failed or received", in_task(function()
    proxy:add { kind = "delay", delay = 60, operation = "Slow" }
    proxy:add { kind = "reset", operation = "Broken" }
    scheduler.spawn(call, "Slow", { timeout = 0.3 })
    assert(call "Send")
    assert(call "ReceiveMessage")
    call "Broken"
    local taken = proxy:take()
    assert.are.equal(2, #taken)
    assert.are.same({ "ReceiveMessage", "Broken" }, { taken[1].operation, taken[2].operation })
    assert.are.equal("reset", taken[2].kind)
    assert.are.same({}, proxy:take())
    proxy:remove_rules()
    assert(call "ReceiveMessage")
    assert.is_nil(proxy:take()[1].kind)
  end))

  it("knows the operation of Query calls and of other requests", in_task(function()
    local form = { ["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8" }
    assert(http.request {
      method = "POST", url = proxy.url .. "/", headers = form,
      body = "Action=Publish&Message=a%26b",
    })
    assert(http.request { url = proxy.url .. "/?Action=GetCallerIdentity" })
    assert(http.request { url = proxy.url .. "/latest/meta-data?x" })
    local operations = {}
    for index, logged in ipairs(proxy:log()) do operations[index] = logged.operation end
    assert.are.same({ "Publish", "GetCallerIdentity", "GET /latest/meta-data" }, operations)
    assert.are.equal(1, #proxy:log "Publish")
  end))

  it("passes on answers of any length", in_task(function()
    assert.are.equal("one\0two", assert(http.request { url = proxy.url .. "/chunked" }).body)
    assert.are.equal("to the end", assert(http.request { url = proxy.url .. "/until-closed" }).body)
  end))

  describe("before the call is applied", function()
    it("drops it", in_task(function() fails({ kind = "drop" }, "Timeout", 0) end))
    it("resets the connection",
      in_task(function() fails({ kind = "reset" }, "ConnectionLost", 0) end))

    it("answers with an error in the words of the service", in_task(function()
      proxy:add { kind = "status", status = 400, code = "ThrottlingException" }
      local response = assert(call "Send")
      assert.are.equal(400, response.status)
      assert.are.equal("com.amazonaws.fault#ThrottlingException",
        cjson.decode(response.body).__type)
      local query = assert(http.request { url = proxy.url .. "/?Action=Publish" })
      assert.matches("<Code>ThrottlingException</Code>", query.body)
      assert.are.equal(0, applied())
      assert.are.equal(400, proxy:log()[1].status)
    end))

    it("waits", in_task(function()
      proxy:add { kind = "delay", delay = 0.2 }
      local before = scheduler.now()
      assert(call "Send")
      assert.is_true(scheduler.now() - before >= 0.2)
      assert.are.equal(1, applied())
    end))
  end)

  describe("after the call was applied", function()
    it("hangs", in_task(function() fails({ kind = "applied-drop" }, "Timeout", 1) end))
    it("resets the connection",
      in_task(function() fails({ kind = "applied-reset" }, "ConnectionLost", 1) end))
    it("cuts the answer", in_task(function() fails({ kind = "truncate" }, "Truncated", 1) end))
    it("answers what is no HTTP",
      in_task(function() fails({ kind = "noise" }, "BadResponse", 1) end))
    it("answers too late",
      in_task(function() fails({ kind = "delay-answer", delay = 60 }, "Timeout", 1) end))
    it("answers too slowly",
      in_task(function() fails({ kind = "slow", delay = 60 }, "Timeout", 1) end))

    it("answers slowly, but whole", in_task(function()
      proxy:add { kind = "slow", delay = 0.1 }
      assert.matches('{"of":"Send"}$', assert(call "Send").body)
    end))

    it("answers with an error", in_task(function()
      proxy:add { kind = "applied-status", status = 503, code = "ServiceUnavailable" }
      assert.are.equal(503, assert(call "Send").status)
      assert.are.equal(1, applied())
      assert.are.equal(200, proxy:log()[1].answers[1].status)
    end))

    it("answers with garbage, or with nothing", in_task(function()
      for kind, expected in pairs { garbage = "\0\xFF<{garbage", empty = "" } do
        proxy:clear()
        proxy:add { kind = kind }
        local response = assert(call "Send")
        assert.are.equal(200, response.status)
        assert.are.equal(expected, response.body)
      end
      assert.are.equal(2, applied())
    end))

    it("answers something else than the server did", in_task(function()
      proxy:add { kind = "replace", replace = { { "Send", "\u{ff}\u{0}" }, { "of", "of what" } } }
      local response = assert(call "Send")
      assert.are.equal('{"of what":"\xff\0"}', response.body:match "\n(.*)$")
      assert.has_error(function() proxy:add { kind = "replace" } end)
      assert.are.equal(1, #proxy:log())
      proxy:forget()
      assert.are.equal(0, #proxy:log())
    end))

    it("closes the connection, which the next call does not notice", in_task(function()
      proxy:add { kind = "close" }
      for _ = 1, 3 do assert(call("Send", { idempotent = true })) end
      assert.are.equal(3, applied())
    end))
  end)

  it("applies a call twice", in_task(function()
    proxy:add { kind = "duplicate" }
    assert.are.equal(200, assert(call "Send").status)
    assert.are.equal(2, applied())
    assert.are.equal(2, proxy:log()[1].applied)
  end))

  describe("rules", function()
    local function statuses(count, operation)
      local found = {}
      for index = 1, count do found[index] = assert(call(operation or "Send")).status end
      return found
    end

    it("are for an operation, after some calls, for so many", in_task(function()
      proxy:add { kind = "status", operation = "Send", skip = 1, count = 2 }
      assert.are.same({ 200 }, statuses(1, "Receive"))
      assert.are.same({ 200, 500, 500, 200 }, statuses(4))
    end))

    it("end after their time", in_task(function()
      proxy:add { kind = "status", seconds = 3 }
      assert.are.same({ 500 }, statuses(1))
      scheduler.sleep(3.1)
      assert.are.same({ 200 }, statuses(1))
    end))

    it("take a share of the calls, the same with the same seed", in_task(function()
      local runs = {}
      for index, seed in ipairs { 1, 1, 2 } do
        proxy:clear()
        proxy:add { kind = "status", probability = 0.5, seed = seed }
        runs[index] = table.concat(statuses(30), " ")
      end
      assert.are.equal(runs[1], runs[2])
      assert.are_not.equal(runs[1], runs[3])
      assert.matches("200", runs[1])
      assert.matches("500", runs[1])
    end))

    it("apply one after the other, the first that matches", in_task(function()
      proxy:add { kind = "status", status = 503, count = 1 }
      proxy:add { kind = "status", status = 400, count = 1 }
      assert.are.same({ 503, 400, 200 }, statuses(3))
    end))

    it("that make no sense are refused", in_task(function()
      assert.has_error(function() proxy:add { kind = "dorp" } end)
      assert.has_error(function() proxy:add { kind = "drop", cuont = 1 } end)
    end))
  end)
end)
