-- Faults of deleting, returning and extending: what was decided about a message reaches the queue,
-- or the log reports that it did not; and a message being processed stays invisible. A part of
-- spec/aws/faults_spec.lua.

local busted = require "busted"
local ground = require "support.ground"
local workshop = require "support.workshop"

local describe, it, assert = busted.describe, busted.it, busted.assert
local eventually = workshop.eventually

local DELETE, DELAY = "DeleteMessageBatch", "ChangeMessageVisibilityBatch"

---@param task fun(body: fun(site: watchbot.spec.Site), options: table?): function
return function(task)
  describe("when settling fails:", function()
    -- Faults 3 and 4. A delete of what is deleted is a success. An error status comes four times:
    -- more often than one call is tried.
    for _, kind in ipairs { "reset", "status", "applied-reset", "applied-status", "empty" } do
      it(("a delete that went wrong (%s) is made again, and one run is all there is"):format(kind),
        task(function(site)
        site:send("one")
        site.proxy:add { kind = kind, operation = DELETE, count = kind == "status" and 4 or 1 }
        site:finish(site:watch { fields = "visibility = 30," })
        assert.is_true(#site.proxy:log(DELETE) >= 2)
        assert.are.same({ "one" }, site:begun())
        assert.are.same(ground.nothing_wrong(), site:account())
      end))
    end

    -- Fault 5. When its lease is over, a message that could not be deleted comes back and runs
    -- again: D.
    it("deletes that fail throughout are reported, and the loop goes on", task(function(site)
      site:send("one", "two")
      site.proxy:add { kind = "status", operation = DELETE }
      local child = site:watch { fields = "visibility = 2," }
      site:wait_finished(child, 2)
      eventually(function()
        for _, line in ipairs(ground.lines(child:output(), "error")) do
          if line.where == "delete" then return line.code == "InternalFailure" end
        end
      end, "it is reported")
      site:send("three")
      site:wait_finished(child, 3)
      site.proxy:clear()
      site:finish(child)
      local account = site:account()
      account.duplicates = {}
      assert.are.same(ground.nothing_wrong(), account)
    end))

    -- Fault 5, the D of it: when the watcher ends with its deletes undone, the next one runs the
    -- messages again.
    it("what could not be deleted by the end comes back", task(function(site)
      site:send("one")
      site.proxy:add { kind = "status", operation = DELETE }
      local child = site:watch { fields = "visibility = 6, drain = 0.1, kill_grace = 0.1," }
      site:wait_finished(child, 1)
      local log = site:stop(child)
      assert.is_truthy(log:find "some messages could not be returned"
        or log:find '"where":"delete"')
      site.proxy:clear()
      site:finish(site:watch { fields = "visibility = 30," })
      local account = site:account()
      assert.are.same({ "one" }, account.duplicates)
      account.duplicates = {}
      assert.are.same(ground.nothing_wrong(), account)
    end))

    -- Fault 6. All the tries of one call fail; the next heartbeat is in time.
    it("a heartbeat that fails once costs nothing", task(function(site)
      site:send("one")
      site.proxy:add { kind = "status", operation = DELAY, count = 3 }
      local child = site:watch { fields = "visibility = 9, workers = 2,", work = "sleep 9.5" }
      local log = site:finish(child)
      assert.are.equal("heartbeat", ground.lines(log, "error")[1].where)
      assert.is_nil(log:find "LeaseLapsed")
      assert.is_nil(log:find '"duplicate":true')
      assert.are.same({ "one" }, site:begun())
      assert.are.same(ground.nothing_wrong(), site:account(9))
    end))

    -- A dead connection must not use up the lease: the try is given up while
    -- there is time for another.
    it("a heartbeat that is never answered costs nothing", task(function(site)
      site:send("one")
      site.proxy:add { kind = "drop", operation = DELAY, count = 1 }
      local log = site:finish(site:watch {
        fields = "visibility = 9, workers = 2,", work = "sleep 9.5",
      })
      assert.is_nil(log:find "LeaseLapsed")
      assert.is_nil(log:find '"duplicate":true')
      assert.are.same({ "one" }, site:begun())
      assert.are.same(ground.nothing_wrong(), site:account(9))
    end))

    -- Fault 7.
    it("heartbeats that fail until the lease has lapsed are said to, and the newest receipt is "
      .. "what counts", task(function(site)
      site:send("one")
      site.proxy:add { kind = "status", operation = DELAY }
      -- A receive in time would be a new lease.
      site.proxy:add { kind = "status", operation = "ReceiveMessage", skip = 1 }
      local child = site:watch {
        fields = "visibility = 6, workers = 2,", work = "while [ ! -e go ]; do sleep 0.05; done",
      }
      eventually(function() return child:output():find "LeaseLapsed" end, "the lease has lapsed")
      site.proxy:clear()
      site.proxy:add { kind = "status", operation = DELAY }
      local newest =
        eventually(function() return site:receipts()[2] end, "the message is received again")
      eventually(function() return ground.lines(child:output(), "duplicate")[1] end,
        "the watcher has seen it")
      site.proxy:clear()
      site.folder:write("go", "")
      site:finish(child)
      newest = site:receipts()[1] or newest
      local delete = site.proxy:log(DELETE)
      assert.is_truthy(delete[#delete].request:find(newest, 1, true))
      assert.are.same({ "one" }, site:begun())
      assert.are.same(ground.nothing_wrong(), site:account(9))
    end))

    -- Fault 8. The answer of a heartbeat is late; the task ends meanwhile.
    it("a delete waits for the heartbeat that is under way, and nothing is revived",
      task(function(site)
      site:send("one")
      site.proxy:add { kind = "delay", operation = DELAY, delay = 0.5, count = 1 }
      local child = site:watch {
        fields = "visibility = 12,", work = "while [ ! -e go ]; do sleep 0.05; done",
      }
      local beat = eventually(function() return site.proxy:log(DELAY)[1] end,
        "a heartbeat is under way")
      site.folder:write("go", "")
      local log = site:finish(child)
      assert.is_true(site.proxy:log(DELETE)[1].time >= beat.time + 0.5)
      assert.are.same({}, ground.lines(log, "error"))
      assert.are.same(ground.nothing_wrong(), site:account())
    end))
  end)
end
