-- What progress does, whatever it is kept in: the contract of the seam.
-- `contract(open)` describes it; `open()` returns a place with no jobs in it, within a task.

local aws = require "watchbot.aws"
local busted = require "busted"
local scheduler = require "watchbot.scheduler"

-- A module has none of the globals that busted gives to a spec.
local describe, it, assert = busted.describe, busted.it, busted.assert

local function task(open, body)
  return function()
    scheduler.run(function()
      local progress <close> = assert(open())
      body(progress)
    end)
  end
end

-- What is refused: its code, and a message that has these words.
local function refused(code, words, result, message, actual)
  assert.is_nil(result)
  assert.are.equal(code, actual, message)
  assert.is_truthy(message:find(words, 1, true), message)
end

local function complete(progress, job, ...)
  local answers = {}
  for index, part in ipairs { ... } do
    local last, err = progress:complete(job, part)
    assert.is_not_nil(last, err)
    answers[index] = last
  end
  return answers
end

local function contract(open)
  describe("the seam of progress:", function()
    it("one part is the last, and is told so again, however often any is repeated",
      task(open, function(progress)
      assert.is_true(progress:set_total("job", 3))
      assert.are.same({ false, false, false, false, true },
        complete(progress, "job", 2, 2, 3, 2, 1))
      assert.are.same({ false, true, false, true }, complete(progress, "job", 3, 1, 2, 1))
    end))

    it("jobs do not know each other", task(open, function(progress)
      assert.is_true(progress:set_total("a", 1))
      assert.is_true(progress:set_total("b", 2))
      assert.are.same({ false }, complete(progress, "b", 2))
      assert.are.same({ true }, complete(progress, "a", 1))
      assert.are.same({ true }, complete(progress, "b", 1))
    end))

    it("a job's ends and the borders of its chunks are in the right chunk",
      task(open, function(progress)
      assert.is_true(progress:set_total("job", 16001))
      for _, part in ipairs { 1, 250, 251, 500, 8000, 8001, 16000, 16001 } do
        assert.are.same({ false, false }, complete(progress, "job", part, part))
        assert.is_true(progress:status("job", { part = part }).part_complete)
      end
      for _, part in ipairs { 2, 249, 252, 499, 501, 7999, 8002, 15999, 0, 16002 } do
        assert.is_false(progress:status("job", { part = part }).part_complete)
      end
      assert.are.equal(16001 - 8, progress:status("job").remaining)
    end))

    it("status tells the share that is done, rounded down", task(open, function(progress)
      assert.is_true(progress:set_total("job", 300))
      assert.are.same({ progress = 0, total = 300, remaining = 300 }, assert(progress:status "job"))
      for part = 300, 2, -1 do assert(progress:complete("job", part) == false) end
      assert.are.same({ progress = 0.99, total = 300, remaining = 1 },
        assert(progress:status "job"))
      assert.are.same({ true }, complete(progress, "job", 1))
      assert.are.same({ progress = 1, total = 300, remaining = 0 }, assert(progress:status "job"))
      assert.is_true(progress:status("job", { part = 300 }).part_complete)
    end))

    it("a brief status counts nothing", task(open, function(progress)
      assert.is_true(progress:set_total("job", 300))
      assert.is_true(progress:fail("job", "why"))
      assert.are.same({ total = 300, failed = "why" },
        assert(progress:status("job", { brief = true })))
    end))

    it("a job that nobody knows has made no progress, and takes a failure or metadata before its "
      .. "total", task(open,
      function(progress)
        assert.are.same({ progress = 0 }, assert(progress:status "early"))
        assert.is_true(progress:set_metadata("early", { name = "tiles" }))
        assert.is_true(progress:fail("early", "no source"))
        assert.are.same({ progress = 0, failed = "no source", metadata = { name = "tiles" } },
          assert(progress:status "early"))
        assert.is_true(progress:set_total("early", 1))
        assert.are.same({ true }, complete(progress, "early", 1))
        assert.are.same({
          progress = 1, total = 1, remaining = 0, failed = "no source", metadata = {
            name = "tiles",
          },
        },
          assert(progress:status "early"))
      end))

    it("metadata comes back as it was: text, numbers, lists, nothing", task(open, function(progress)
      for _, metadata in ipairs {
        {
          name = "t\u{ef}le", sizes = { 1, 2.5, -3 }, none = aws.null, empty = aws.list {},
          deep = { a = { { b = true } } },
        },
        "text", "", 12, 0.1, false, true, { 1, { 2 } }, 9007199254740993,
      } do
        assert.is_true(progress:set_metadata("job", metadata))
        assert.are.same(metadata, progress:status("job").metadata)
      end
      assert.is_true(progress:set_metadata("job", aws.null))
      assert.are.equal(aws.null, progress:status("job").metadata)
    end))

    it("the same total again is harmless, another one is refused", task(open, function(progress)
      assert.is_true(progress:set_total("job", 2))
      complete(progress, "job", 1)
      assert.is_true(progress:set_total("job", 2))
      refused("OtherTotal", "job 'job' has 2 parts already, it cannot have 3",
        progress:set_total("job", 3))
      assert.are.same({ true }, complete(progress, "job", 2))
      assert.is_true(progress:set_total("job", 2))
      assert.are.same({ false, true }, complete(progress, "job", 1, 2))
    end))

    it("a part of an unknown job, or that the job does not have, is refused",
      task(open, function(progress)
      refused("NoTotal", "job 'none': its number of parts is not set",
        progress:complete("none", 1))
      assert.are.same({ progress = 0 }, assert(progress:status "none"))
      assert.is_true(progress:fail("none", "x"))
      refused("NoTotal", "run set-total first", progress:complete("none", 1))
      assert.is_true(progress:set_total("job", 3))
      for _, part in ipairs { 0, -1, 4, math.maxinteger } do
        refused("NoSuchPart", "job 'job' has parts 1 to 3, not part " .. part,
          progress:complete("job", part))
      end
    end))

    it("the reduce is noted, of a complete job and of one that is not",
      task(open, function(progress)
      refused("NoJob", "job 'none' is not known here", progress:reduce_sent "none")
      assert.is_true(progress:set_total("job", 2))
      complete(progress, "job", 2)
      assert.is_true(progress:reduce_sent "job")
      assert.are.same({ progress = 0.5, total = 2, remaining = 1, reduce_sent = true },
        assert(progress:status "job"))
      assert.are.same({ false, true }, complete(progress, "job", 2, 1))
      for _ = 1, 2 do
        assert.is_true(progress:reduce_sent "job")
        assert.are.same({ progress = 1, total = 2, remaining = 0, reduce_sent = true },
          assert(progress:status "job"))
        assert.are.same({ false, true }, complete(progress, "job", 2, 1))
      end
    end))

    it("a job of more parts than any can have, or with the name of a chunk, is refused",
      task(open, function(progress)
      refused("TooManyParts", "a job can have 100000000 parts, not 100000001",
        progress:set_total("job", 100000001))
      refused("BadJob", "choose another id", progress:set_total("job#chunk:1", 1))
    end))

    it("what is no job, part or total raises", task(open, function(progress)
      for _, call in ipairs {
        { "set_total", "", 1 }, { "set_total", "job", 0 }, { "set_total", "job", 1.5 },
        { "complete", nil, 1 },
        { "complete", "job", "1" }, { "status", 1 }, { "fail", "job" },
        { "set_metadata", "job", nil }, { "reduce_sent" },
      } do
        assert.has_error(function() progress[call[1]](progress, call[2], call[3]) end)
      end
    end))

    it("of many that complete parts at the same time, each twice, one is told that it was the last",
    task(open,
      function(progress)
        local total, workers = 60, {}
        assert.is_true(progress:set_total("job", total))
        local told = {}
        for worker = 1, 8 do
          workers[worker] = scheduler.spawn(function()
            -- Each part falls to two of them, in another order.
            for index = worker, 2 * total, 8 do
              local part = index <= total and index or 2 * total + 1 - index
              local last, err = progress:complete("job", part)
              assert(last ~= nil, err)
              if last then told[part] = (told[part] or 0) + 1 end
            end
          end)
        end
        for _, worker in ipairs(workers) do assert(worker:join()) end
        local last, times = next(told)
        assert.is_nil(next(told, last))
        assert.is_true(times == 1 or times == 2)
        for part = 1, total do assert.are.equal(part == last, progress:complete("job", part)) end
      end))
  end)
end

return contract
