-- Progress in a DynamoDB table, moto's: the contract, and what is its own: lost answers, processes
-- that died between two calls, a million parts, the items of watchbot-progress.

local cloud = require "support.cloud"
local completers = require "support.completers"
local contract = require "progress.contract"
local open_progress = require("watchbot.progress").open
local scheduler = require "watchbot.scheduler"
local values = require "watchbot.progress.dynamodb.values"

local account, proxy

cloud.around(function(...) account, proxy = ... end, "proxy")

-- Progress in a table, through the proxy.
local function open(arn, attempts, keys)
  local client = account:client("dynamodb", {
    endpoint = proxy.url, max_attempts = attempts, retry = { base = 0.001 }, credentials = keys,
  })
  return open_progress(arn, { client = client })
end

contract(function()
  proxy:clear()
  return open(account:table())
end)

-- A table behind the seam's back.
local Raw = {}
Raw.__index = Raw

local function raw(arn)
  return setmetatable({ arn = arn, name = arn:match "[^/]+$", client = account:client "dynamodb" },
    Raw)
end

function Raw:put(item)
  local encoded = {}
  for name, value in pairs(item) do
    local set = name == "chunks" or name == "done" or name == "parts" and #value > 0
    encoded[name] = set and values.set(value) or values.encode(value)
  end
  assert(self.client:PutItem { TableName = self.name, Item = encoded })
end

function Raw:get(id)
  local item = assert(self.client:GetItem { TableName = self.name, Key = { id = { S = id } } }).Item
  return item and values.item(item)
end

function Raw:count()
  return assert(self.client:Scan { TableName = self.name, Select = "COUNT" }).Count
end

-- What watchbot-progress does to complete a part.
function Raw:complete_as_before(id, part)
  local result, err, code = self.client:UpdateItem {
    TableName = self.name, Key = { id = { S = id } }, UpdateExpression = "delete #p :p",
    ExpressionAttributeNames = { ["#p"] = "parts" },
    ExpressionAttributeValues = { [":p"] = values.set { part } },
    ReturnValues = "ALL_NEW",
  }
  if not result then return nil, err, code end
  return not result.Attributes.parts
end

local function task(body)
  return function()
    scheduler.run(function()
      proxy:clear()
      local arn = account:table()
      local progress <close> = assert(open(arn))
      body(progress, raw(arn))
    end)
  end
end

local function range(from, to)
  local numbers = {}
  for number = from, to do numbers[#numbers + 1] = number end
  return numbers
end

-- Completes a part as a task does whose message comes again until it has its answer; others repeat
-- theirs meanwhile.
local function insist(progress, job, part, meanwhile)
  for _ = 1, 50 do
    local last = progress:complete(job, part)
    if last ~= nil then return last end
    if meanwhile then meanwhile() end
  end
  error "it never had an answer"
end

-- Completes all parts, with one fault in it; returns which ones learned that they were the last.
local function complete_all(progress, job, total)
  local told = {}
  for part = 1, total do
    local function meanwhile()
      for other = 1, part - 1 do
        if insist(progress, job, other) then told[other] = true end
      end
    end
    if insist(progress, job, part, meanwhile) then told[part] = true end
  end
  return told
end

-- The two forms of a job of six parts: chunks of two here, so that there are three of them, and the
-- last part has a neighbour that asks again while the last one's worker is dead.
local forms = {
  chunks = function(id) return { id = id, total = 6, parts = { chunk = 2 } } end,
  set = function(id) return { id = id, total = 6, parts = range(1, 6) } end,
}

-- Completes a job while the call of this number has a fault; whether it was called that often.
local function complete_with_fault(progress, id, kind, number)
  proxy:clear()
  proxy:add { kind = kind, operation = "UpdateItem", skip = number - 1, count = 1 }
  assert.are.same({ [6] = true }, complete_all(progress, id, 6),
    ("%s of call %d"):format(kind, number))
  for part = 1, 6 do assert.are.equal(part == 6, progress:complete(id, part)) end
  assert.are.same({ progress = 1, total = 6, remaining = 0 }, assert(progress:status(id)))
  for _, call in ipairs(proxy:log "UpdateItem") do
    if call.kind == kind then return true end
  end
  return false
end

-- What goes wrong, before or after the call was applied. With one attempt it fails finally: the
-- process dies there, and the part is completed again.
local troubles = {
  ["a process that died"] = { attempts = 1, "applied-status", "status" },
  ["an answer that was lost"] = { attempts = 3, "applied-reset", "reset" },
}

for form, make in pairs(forms) do
  for what, trouble in pairs(troubles) do
    it(("a job kept as %s gets over %s at any call"):format(form, what), task(function(_, items)
      local progress = open(items.arn, trouble.attempts)
      for _, kind in ipairs(trouble) do
        local number, was_hit = 0, true
        while was_hit do
          number = number + 1
          local id = ("%s-%d"):format(kind, number)
          items:put(make(id))
          was_hit = complete_with_fault(progress, id, kind, number)
        end
        assert.is_true(number > 6)
      end
    end))
  end
end

describe("progress in a DynamoDB table", function()
  it("keeps a job of a million parts in chunks that are made when they are needed",
    task(function(progress, items)
    local total = 1000000
    assert.is_true(progress:set_total("job", total))
    assert.are.equal(1, #proxy:log())
    assert.are.equal(1, items:count())
    for _, part in ipairs { 1, 500000, total } do
      assert.is_false(progress:complete("job", part))
    end
    assert.are.equal(4, items:count())
    assert.are.same({ progress = 0, total = total, remaining = total - 3 },
      assert(progress:status "job"))
    assert.are.equal(40, #proxy:log "BatchGetItem")

    items:put {
      id = "job", total = total, parts = { chunk = 250 }, chunks = range(1, 3999), last = 1,
    }
    items:put { id = "job#chunk:4000", done = range(1, 249), last = 249 }
    assert.are.same({ progress = 0.99, total = total, remaining = 1 },
      assert(progress:status "job"))
    assert.is_false(progress:complete("job", total - 1))
    assert.is_true(progress:complete("job", total))
    assert.is_true(progress:complete("job", total))
    assert.is_false(progress:complete("job", 1))
  end))

  it("deletes the chunks when the reduce was sent, and answers as before",
    task(function(progress, items)
    items:put { id = "job", total = 60, parts = { chunk = 2 } }
    for part = 1, 59 do assert.is_false(progress:complete("job", part)) end
    assert.is_true(progress:reduce_sent "job")
    assert.are.equal(31, items:count()) -- it is not complete: nothing may be forgotten
    assert.is_true(progress:complete("job", 60))
    assert.is_true(progress:reduce_sent "job")
    assert.are.equal(1, items:count())
    assert.is_true(progress:complete("job", 60))
    assert.is_false(progress:complete("job", 59))
    assert.is_true(progress:status("job", { part = 7 }).part_complete)
    assert.are.equal(1, items:count())
  end))

  -- Moto does all that a batch asks for; this client stands for a table that is busy: it does one
  -- of a batch at a time.
  it("asks again for what a batch has left undone", task(function(_, items)
    local busy = { asked = 0 }
    for _, operation in ipairs { "GetItem", "UpdateItem" } do
      busy[operation] = function(_, ...) return items.client[operation](items.client, ...) end
    end
    function busy:BatchGetItem(parameters)
      self.asked = self.asked + 1
      local keys = parameters.RequestItems[items.name].Keys
      local one = { Keys = { table.remove(keys, 1) } }
      local result = assert(items.client:BatchGetItem { RequestItems = { [items.name] = one } })
      result.UnprocessedKeys = #keys > 0 and { [items.name] = { Keys = keys } } or {}
      return result
    end
    function busy:BatchWriteItem(parameters)
      self.asked = self.asked + 1
      local requests = parameters.RequestItems[items.name]
      assert(items.client:BatchWriteItem {
        RequestItems = { [items.name] = { table.remove(requests, 1) } },
      })
      return { UnprocessedItems = #requests > 0 and { [items.name] = requests } or {} }
    end
    items:put { id = "job", total = 6, parts = { chunk = 2 } }
    local progress = assert(open_progress(items.arn, { client = busy }))
    for _, part in ipairs { 1, 3, 5 } do assert.is_false(progress:complete("job", part)) end
    assert.are.equal(3, progress:status("job").remaining)
    assert.are.equal(3, busy.asked)
    for _, part in ipairs { 2, 4 } do assert.is_false(progress:complete("job", part)) end
    assert.is_true(progress:complete("job", 6))
    assert.is_true(progress:reduce_sent "job")
    assert.are.equal(6, busy.asked)
    assert.are.equal(1, items:count())
  end))

  it("does with the role that ecs-watchbot gave to tasks: it leaves the chunks",
    task(function(_, items)
    local keys = account:user {
      "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem",
    }
    local progress = open(items.arn, nil, keys)
    items:put { id = "job", total = 5, parts = { chunk = 2 } }
    for part = 1, 3 do assert.is_false(progress:complete("job", part)) end
    assert.are.same({ progress = 0.6, total = 5, remaining = 2 }, assert(progress:status "job"))
    assert.is_false(progress:complete("job", 4))
    assert.is_true(progress:complete("job", 5))
    assert.is_true(progress:reduce_sent "job")
    assert.are.same({ progress = 1, total = 5, remaining = 0, reduce_sent = true },
      assert(progress:status "job"))
    assert.are.equal(4, items:count())
  end))

  it("tells one of several processes that it was the last, while answers are lost",
    task(function(progress, items)
    items:put { id = "job", total = 100, parts = { chunk = 10 } }
    for seed, kind in ipairs { "applied-reset", "reset", "applied-status" } do
      proxy:add { kind = kind, operation = "UpdateItem", probability = 0.05, seed = seed }
    end
    local told = completers.run(4, 1, items.arn, "job", 100, account:environment(nil, proxy.url))
    proxy:clear()
    assert.are.equal(1, #told)
    assert.are.same({ progress = 1, total = 100, remaining = 0 }, assert(progress:status "job"))
    for part = 1, 100, 7 do assert.are.equal(part == told[1], progress:complete("job", part)) end
    assert.is_true(progress:complete("job", told[1]))
  end))

  it("costs a read and a write for a part, and another write for one that fills a chunk",
    task(function(progress)
    assert.is_true(progress:set_total("job", 250))
    proxy:clear()
    assert.is_false(progress:complete("job", 1))
    assert.are.equal(2, #proxy:log())
    for part = 2, 249 do assert.is_false(progress:complete("job", part)) end
    proxy:clear()
    assert.is_true(progress:complete("job", 250))
    assert.are.equal(3, #proxy:log())
  end))

  it("says what is wrong with a table's name, and what the table's service says", task(function()
    for _, place in ipairs { "arn:aws:dynamodb:eu-west-1:123456789012:stream/x", "table",
      "arn:aws:sqs:eu-west-1:1:x" } do
      local progress, err, code = open_progress(place)
      assert.is_nil(progress)
      assert.are.equal("Usage", code)
      assert.is_truthy(err:find("'" .. place .. "'", 1, true), err)
    end
    local progress <close> = assert(open "arn:aws:dynamodb:eu-west-1:123456789012:table/missing")
    local _, err, code = progress:complete("job", 1)
    assert.are.equal("ResourceNotFoundException", code)
    assert.matches("dynamodb:GetItem", err)
  end))
end)

describe("a job that watchbot-progress has begun", function()
  it("is read and completed in its own form", task(function(progress, items)
    items:put { id = "job", total = 4, parts = range(1, 4), metadata = { name = "tiles" } }
    assert.are.same({
      progress = 0, total = 4, remaining = 4, metadata = { name = "tiles" }, part_complete = false,
    },
      assert(progress:status("job", { part = 4 })))
    assert.is_false(progress:complete("job", 4))
    assert.is_false(progress:complete("job", 4))
    assert.are.same({
      progress = 0.25, total = 4, remaining = 3, metadata = { name = "tiles" },
      part_complete = true,
    },
      assert(progress:status("job", { part = 4 })))
    assert.is_true(progress:set_total("job", 4))
    assert.are.equal("OtherTotal", select(3, progress:set_total("job", 5)))
    assert.is_false(progress:complete("job", 1))
    assert.is_false(items:complete_as_before("job", 2))
    assert.is_true(progress:complete("job", 3))
    assert.is_true(progress:complete("job", 3))
    assert.is_false(progress:complete("job", 1))
    assert.is_true(progress:reduce_sent "job")
    local item = items:get "job"
    assert.is_nil(item.parts)
    assert.is_true(item.reduceSent)
    assert.are.equal(1, items:count())
  end))

  -- Which one it was is unknown then; watchbot-progress, too, answers all of them so.
  it("and whose last part it has taken itself, is complete for all parts",
    task(function(progress, items)
    items:put { id = "job", total = 2, parts = { 1, 2 } }
    assert.is_false(progress:complete("job", 1))
    assert.is_true(items:complete_as_before("job", 2))
    assert.is_true(progress:complete("job", 2))
    assert.is_true(progress:complete("job", 1))
    assert.are.same({ progress = 1, total = 2, remaining = 0 }, assert(progress:status "job"))
  end))

  it("may count its parts from 0, as its Python relative does", task(function(progress, items)
    items:put { id = "job", total = 3, parts = { 0, 1, 2 } }
    assert.are.same({ false, false, true }, {
      (progress:complete("job", 0)), (progress:complete("job", 1)), (progress:complete("job", 2)),
    })
    assert.are.equal("NoSuchPart", select(3, progress:complete("job", 4)))
  end))

  it("has one part that is the last, also of many at the same time", task(function(progress, items)
    items:put { id = "job", total = 40, parts = range(1, 40) }
    local told = completers.run(3, 1, items.arn, "job", 40, account:environment(nil, proxy.url))
    assert.are.equal(1, #told)
    assert.is_true(progress:complete("job", told[1]))
  end))
end)

-- A program that was forgotten in an image must not take a job that it cannot read for complete,
-- and send its reduce.
it("watchbot-progress fails on a job that watchbot has begun", task(function(progress, items)
  assert.is_true(progress:set_total("job", 3))
  local last, err, code = items:complete_as_before("job", 1)
  assert.is_nil(last)
  assert.are.equal("ValidationException", code)
  assert.matches("data type", err)
end))
