-- RunTask for a message that does not fit into its overrides. The store is scripted: S3 itself, and
-- tasks that fetch such a message, are in spec/overflow/init_spec.lua.

local job = require "watchbot.message.job"
local stored = require "watchbot.runner.ecs.stored"

local URL = "s3://bucket/folder"
local BIG = ("x"):rep(20000)

-- A store whose put and presign return what `answers` has, and its calls.
local function store_of(answers)
  local calls = {}
  return {
    calls = calls,
    covers = function(_, at) return at.bucket == "bucket" end,
    put_task = function(_, id, body)
      calls[#calls + 1] = ("put %s %d"):format(id, #body)
      if answers.put then return nil, table.unpack(answers.put) end
      return { bucket = "bucket", key = "folder/tasks/" .. id }
    end,
    presign = function(_, at, seconds)
      calls[#calls + 1] = ("presign %s %d"):format(at.key, seconds)
      if answers.presign then return nil, table.unpack(answers.presign) end
      return "https://bucket.example/signed"
    end,
  }
end

local function built(one, answers, policy)
  local fixture = stored.new({}, "https://sqs.eu-west-1.amazonaws.com/123456789012/tiles")
  local store = store_of(answers or {})
  fixture.stores[URL] = store
  policy = policy or { overflow = URL, timeout = 60, pending_timeout = 30 }
  local task = { cluster = "main", definition = "tiles", container = "main" }
  local variables = { Message = one.message, MessageId = one.id, Other = "kept" }
  local parameters, err, code =
    fixture:build(task, one, variables, { stack = "tiles", container = "main" }, policy)
  return parameters, err, code, store.calls
end

local function variables_of(parameters)
  local found = {}
  for _, one in ipairs(parameters.overrides.containerOverrides[1].environment) do
    found[one.name] = one.value
  end
  return found
end

local function job_of(body) return job.new { id = "m-1", body = body, receives = 1 } end

describe("a message for an ECS task", function()
  it("is in the overrides if it fits, and nothing is stored", function()
    local parameters, _, _, calls = built(job_of "hello")
    assert.are.same({}, calls)
    assert.are.equal("hello", variables_of(parameters).Message)
  end)

  it("is refused if it does not fit and the policy has no 'overflow'", function()
    local parameters, err, code, calls = built(job_of(BIG), nil, { timeout = 60,
      pending_timeout = 30 })
    assert.is_nil(parameters)
    assert.are.equal("TooBig", code)
    assert.is_string(err)
    assert.are.same({}, calls)
  end)

  it("is stored if it does not fit, and the task gets its place and a URL", function()
    local parameters, err, _, calls = built(job_of(BIG))
    assert.is_nil(err)
    assert.are.same({ "put m-1 20000", "presign folder/tasks/m-1 90" }, calls)
    local variables = variables_of(parameters)
    assert.is_nil(variables.Message)
    assert.are.equal("bucket", variables.MessageBucket)
    assert.are.equal("folder/tasks/m-1", variables.MessageKey)
    assert.are.equal("https://bucket.example/signed", variables.MessageUrl)
    assert.are.equal("kept", variables.Other)
  end)

  -- A task that is tried every minute for lack of capacity would have stored the message each time.
  it("is stored once, however often its task is tried; the URL is new each time", function()
    local one = job_of(BIG)
    local _, _, _, first = built(one)
    local parameters, _, _, second = built(one)
    assert.are.equal(2, #first)
    assert.are.same({ "presign folder/tasks/m-1 90" }, second)
    assert.are.equal("folder/tasks/m-1", variables_of(parameters).MessageKey)
  end)

  it("has S3's longest URL if its task has no time limit", function()
    local _, _, _, calls = built(job_of(BIG), nil, { overflow = URL, timeout = 0,
      pending_timeout = 30 })
    assert.are.equal("presign folder/tasks/m-1 604800", calls[2])
  end)

  it("waits if S3 is busy; any other failure is the policy's", function()
    for _, step in ipairs { "put", "presign" } do
      local parameters, err, code = built(job_of(BIG), { [step] = { "slow down", "SlowDown" } })
      assert.is_nil(parameters)
      assert.are.equal("slow down", err)
      assert.are.equal("NoRoom", code)
      parameters, err, code = built(job_of(BIG), { [step] = { "no such bucket", "NoSuchBucket" } })
      assert.is_nil(parameters)
      assert.are.equal("no such bucket", err)
      assert.are.equal("NoSuchBucket", code)
    end
  end)

  it("is not started if the folder is not one", function()
    local parameters, err, code = built(job_of(BIG), nil, { overflow = "s3://x", timeout = 1,
      pending_timeout = 1 })
    assert.is_nil(parameters)
    assert.are.equal("expected s3://BUCKET or s3://BUCKET/FOLDER, got 's3://x'", err)
    assert.are.equal("Usage", code)
  end)
end)
