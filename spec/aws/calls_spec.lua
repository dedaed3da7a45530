-- How many calls of SQS a message costs: counted, not timed, against a queue in memory that answers
-- at once.

local cjson = require "cjson"
local http = require "watchbot.http"
local scheduler = require "watchbot.scheduler"
local server = require "support.server"
local workshop = require "support.workshop"

local JOBS = 1000

describe("API calls a message on a standard queue, with 20 workers", function()
  local stub, stopped

  before_each(function() stub = server.start("python3", "spec/support/sqs_stub.py") end)
  after_each(function() stub:close() end)

  local function told(method, path)
    local response = assert(http.request {
      method = method, url = stub.url .. path, body = method == "POST" and "x" or nil,
    })
    return cjson.decode(response.body)
  end

  local function environment()
    return {
      AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "secret", AWS_REGION = "eu-west-1",
      AWS_ENDPOINT_URL = stub.url,
      QueueUrl = "https://sqs.eu-west-1.amazonaws.com/1/jobs", NotificationTopic = false,
    }
  end

  local function drain(fields)
    return workshop.task(function(folder)
      told("POST", "/fill?" .. JOBS)
      folder:write("policy.lua",
        "return require 'watchbot'.policy { workers = 20, " .. fields .. "}")
      local exit, log, problem =
        workshop.run(folder, { "run", "--drain", "policy.lua" }, environment())
      assert.are.equal(0, exit.code, problem)
      stopped = cjson.decode(log:match '({"event":"stopped".-})\n')
      assert.are.equal(JOBS, stopped.complete)
      local after = told("GET", "/told")
      assert.are.same({ 0, 0 }, { after.visible, after.held })
      local calls = 0
      for _, count in pairs(after.calls) do calls = calls + count end
      assert.are.equal(calls, stopped.api_calls)
      assert.is_true(stopped.api_calls_per_job <= 0.3,
      ("%g calls a message: %s"):format(stopped.api_calls_per_job,
        cjson.encode(after.calls)))
    end)
  end

  it("are at most 0.3 where a job takes nothing", drain "handler = function() end")

  it("are at most 0.3 where a job takes up to 100 ms",
    drain "handler = function() require 'watchbot.scheduler'.sleep(math.random() / 10) end")

  it("are one long poll while the queue is empty, however many workers there are",
    workshop.task(function(folder)
    folder:write("policy.lua",
      "return require 'watchbot'.policy { workers = 200, handler = function() end }")
    local child = workshop.start(folder, { "run", "policy.lua" }, environment())
    workshop.eventually(function() return told("GET", "/told").calls.ReceiveMessage end, "it polls")
    scheduler.sleep(0.3)
    assert.are.equal(1, told("GET", "/told").most_polls)
    told("POST", "/fill?" .. JOBS)
    workshop.eventually(function()
      local now = told("GET", "/told")
      return now.visible + now.held == 0
    end, "all are done")
    scheduler.sleep(0.5)
    local polls = told("GET", "/told").calls.ReceiveMessage
    scheduler.sleep(0.5)
    local after = told("GET", "/told")
    assert.are.equal(polls, after.calls.ReceiveMessage)
    child:kill "TERM"
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end))
end)
