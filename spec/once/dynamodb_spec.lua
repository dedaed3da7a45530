-- Keys in a DynamoDB table: two watchers, lost answers, leases that lapse, items whose time is over
-- and that DynamoDB has not deleted.

local cloud = require "support.cloud"
local open = require("watchbot.once.dynamodb").open
local values = require "watchbot.progress.dynamodb.values"

local QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"

local account, proxy

cloud.around(function(...) account, proxy = ... end, "proxy")

local function item_in(arn, id)
  local item = assert(account:client "dynamodb":GetItem {
    TableName = arn:match "[^/]+$", Key = { id = { S = id } },
  }).Item
  return item and values.item(item)
end

-- Two watchers' views of one table, with a clock that the spec moves.
local function with_table(body)
  return cloud.task(function()
    local arn, ahead = account:table(), 0
    local function view(options)
      local store = assert(open(arn, QUEUE, account:client("dynamodb", options)))
      local now = store.now
      function store:now() return now(self) + ahead * 1000 end
      return store
    end
    body(view, arn, function(seconds) ahead = ahead + seconds end)
  end)
end

local function claim_of(id, more)
  local claim = {
    key = "k", id = id, receipt = "r", seconds = 3000, keeps = 10000, rests = 6000, lasting = false,
  }
  for name, value in pairs(more or {}) do claim[name] = value end
  return claim
end

local function claimed(store, id, more)
  local claim = claim_of(id, more)
  local state, doubt = store:claim(claim)
  assert.are.equal("claimed", state)
  return claim, doubt
end

local function settled(store, claim, state)
  claim.state = state
  assert.is_true(store:settle(claim))
end

local function state_of(store, id, more) return (store:claim(claim_of(id, more))) end

describe("keys in a DynamoDB table", function()
  it("are of one message at a time", with_table(function(view)
    local one, two = view(), view()
    local claim, doubt = claimed(one, "m1")
    assert.is_false(doubt)
    local state, seconds = two:claim(claim_of "m2")
    assert.are.equal("busy", state)
    assert.is_true(seconds > 2000 and seconds <= 3000)
    settled(one, claim, "free")
    assert.is_false((select(2, claimed(two, "m2"))))
  end))

  -- DynamoDB deletes an item up to days after its time: nothing here deletes it at all.
  it("are done for their time, whether or not the item is there", with_table(
    function(view, arn, advance)
      local one, two = view(), view()
      settled(one, claimed(one, "m1"), "done")
      assert.are.equal("done", state_of(two, "m2"))
      local item = item_in(arn, "123456789012/jobs#k")
      assert.are.equal("COMPLETED", item.status)
      assert.is_nil(item.in_progress_expiration)
      advance(9000)
      assert.are.equal("done", state_of(two, "m2"))
      advance(2000)
      assert.is_false((select(2, claimed(two, "m2"))))
    end))

  it("are kept apart by queue", with_table(function(view)
    local one, two = view(), view()
    two.prefix = "123456789012/others#"
    claimed(one, "m1")
    claimed(two, "m2")
  end))

  it("last as long as they are extended, and are in doubt afterwards", with_table(
    function(view, _, advance)
      local one, two = view(), view()
      local claim = claimed(one, "m1")
      advance(2000)
      assert.is_true(one:extend(claim))
      advance(2000)
      assert.are.equal("busy", state_of(two, "m2"))
      advance(2000)
      assert.is_true((select(2, claimed(two, "m2"))))
      local ok, err, code = one:extend(claim)
      assert.is_nil(ok)
      assert.are.equal("LeaseLapsed", code)
      assert.matches("another watcher has it", err)
    end))

  -- It has completed, whatever the other one does: that one runs already, a third must not.
  it("are done when the one that had lost them completes", with_table(
    function(view, arn, advance)
      local one, two, three = view(), view(), view()
      local claim = claimed(one, "m1")
      advance(3100)
      local other = claimed(two, "m2")
      claim.state = "done"
      local ok, err = one:settle(claim)
      assert.is_nil(ok)
      assert.matches("may have run too", err)
      settled(two, other, "free")
      assert.are.equal("COMPLETED", item_in(arn, "123456789012/jobs#k").status)
      assert.are.equal("done", state_of(three, "m3"))
    end))

  it("are not freed by the one that had lost them", with_table(function(view, _, advance)
    local one, two = view(), view()
    local claim = claimed(one, "m1")
    advance(3100)
    claimed(two, "m2")
    settled(one, claim, "free")
    assert.are.equal("busy", state_of(view(), "m3"))
  end))

  -- An ECS task runs on: the next receive of its message finds it, and others wait for that.
  it("stay with the message of a task that outlives its watcher", with_table(
    function(view, _, advance)
      local one, two = view(), view()
      local claim = claimed(one, "m1", { lasting = true })
      settled(one, claim, "left")
      advance(10000)
      assert.are.equal("busy", state_of(two, "m2", { lasting = true }))
      local again, doubt = claimed(two, "m1", { lasting = true })
      assert.is_false(doubt)
      settled(two, again, "done")
      assert.are.equal("done", state_of(two, "m2"))
    end))

  for _, operation in ipairs { "PutItem", "UpdateItem", "DeleteItem" } do
    it(("are right when the answer of %s is lost"):format(operation), with_table(
      function(view)
        local store = view {
          endpoint = proxy.url, max_attempts = 5, retry = { base = 0.001 },
        }
        for _, state in ipairs { "done", "free" } do
          proxy:clear()
          proxy:add { kind = "applied-reset", operation = operation, count = 1 }
          local claim, doubt = claimed(store, "m1", { key = state })
          assert.is_false(doubt)
          settled(store, claim, state)
          local expected = state == "done" and "done" or "claimed"
          assert.are.equal(expected, state_of(store, "m2", { key = state }))
        end
      end))
  end

  -- Found against AWS's own rules: a key has at most 2048 bytes, and unused names are refused.
  it("may be as long as any", with_table(function(view)
    local stored = require("watchbot.once").stored
    local store = view()
    claimed(store, "m1", { key = stored(("x"):rep(512)) })
    claimed(store, "m2", { key = stored(("x"):rep(5000)) })
  end))

  it("of many watchers at once are of one", with_table(function(view)
    local scheduler = require "watchbot.scheduler"
    local states, tasks = {}, {}
    for index = 1, 12 do
      tasks[index] = scheduler.spawn(function()
        local state = state_of(view(), "m" .. index)
        states[state] = (states[state] or 0) + 1
      end)
    end
    for _, one in ipairs(tasks) do one:join() end
    assert.are.same({ claimed = 1, busy = 11 }, states)
  end))

  it("need the ARN of a table", function()
    local store, err, code = open("keys", QUEUE)
    assert.is_nil(store)
    assert.are.equal("Usage", code)
    assert.matches("once_table: 'keys' is not a table", err, 1, true)
  end)
end)
