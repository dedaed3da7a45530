-- Faults of publishing notifications: the outcome of the job stands, and one failure is
-- notified once.
-- A part of spec/aws/faults_spec.lua.

local busted = require "busted"
local ground = require "support.ground"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local describe, it, assert = busted.describe, busted.it, busted.assert
local eventually = workshop.eventually

local WORK = [[case $Message$ApproximateReceiveCount in
reject*) echo "$Message" >> finished; exit 3 ;;
retry1) exit 1 ;;
esac]]

---@param task fun(body: fun(site: watchbot.spec.Site), options: table?): function
return function(task)
  describe("when a notification cannot be published:", function()
    -- A site with a topic, and a watcher that watches already, so that no rule hits its start. A
    -- message "reject" is rejected, one "retry" fails the first time.
    local function watched(fields, body)
      return task(function(site)
        local arn = site:topic()
        local child = site:watch {
          fields = fields, environment = { NotificationTopic = arn },
          work = WORK,
        }
        eventually(function() return child:output():find "watching" end, "it watches")
        body(site, child)
      end)
    end

    local function complaints(log)
      local found = {}
      for _, line in ipairs(ground.lines(log, "where")) do
        if line.where == "notify" then found[#found + 1] = line end
      end
      return found
    end

    -- Fault 28.
    it("the outcome stands, and the log says so", watched("visibility = 30,", function(site, child)
      site.proxy:add { kind = "status", operation = "Publish" }
      site:send("reject", "retry", "good")
      local log = site:finish(child)
      assert.are.equal(2, #complaints(log))
      assert.are.equal("InternalFailure", complaints(log)[1].code)
      assert.are.equal(0, #site:notifications())
      assert.are.equal(4, #site:begun())
      assert.are.same(ground.nothing_wrong(), site:account())
    end))

    it("one that is throttled is published later, once",
      watched("visibility = 30,", function(site, child)
      site.proxy:add {
        kind = "status", status = 400, code = "Throttling", operation = "Publish", count = 2,
      }
      site:send "reject"
      local log = site:finish(child)
      assert.are.same({}, complaints(log))
      assert.are.equal(1, #site:notifications())
      assert.are.same(ground.nothing_wrong(), site:account())
    end))

    -- Fault 24.
    it("one whose answer was lost is not published twice; the log says so",
      watched("visibility = 30,", function(site, child)
      site.proxy:add { kind = "applied-reset", operation = "Publish", count = 1 }
      site:send "reject"
      local log = site:finish(child)
      assert.are.equal(1, #complaints(log))
      assert.are.equal(1, #site:notifications())
      assert.are.same(ground.nothing_wrong(), site:account())
    end))

    -- Fault 24. The connection is dead, though nothing said so, when the second one is to be
    -- published on it.
    it("a connection that has died silently costs none and doubles none",
      watched("visibility = 30,", function(site, child)
      site.proxy:add { kind = "close", operation = "Publish" }
      for index = 1, 3 do
        site:send("reject" .. index)
        site:wait_finished(child, index)
        site:wait_empty() -- so it is published, and the connection closed in a moment
        scheduler.sleep(0.2)
      end
      local log = site:finish(child)
      assert.are.same({}, complaints(log))
      assert.are.equal(3, #site:notifications())
      assert.are.same(ground.nothing_wrong(), site:account())
    end))

    -- Fault 24. Here its end is noticed only when the request is sent on it, which the server may
    -- have read.
    it("a connection that breaks under the call doubles none; it is said",
      watched("visibility = 30,", function(site, child)
      site:send "reject1"
      eventually(function() return #site.proxy:log "Publish" >= 1 end, "one is published")
      site:wait_empty()
      site.proxy:add { kind = "reset", operation = "Publish", count = 1 }
      site:send "reject2"
      local log = site:finish(child)
      assert.are.equal(1, #complaints(log))
      assert.are.equal(1, #site:notifications())
      assert.are.same(ground.nothing_wrong(), site:account())
    end))

    -- Fault 28. `reject` publishes before it deletes: the message stays out of sight as long as
    -- that takes.
    it("a slow one keeps the message out of sight meanwhile",
      watched("visibility = 6, workers = 2,", function(site, child)
      site.proxy:add { kind = "delay", operation = "Publish", delay = 8, count = 1 }
      site:send "reject"
      local log = site:finish(child)
      assert.are.same({}, complaints(log))
      assert.are.equal(1, #site:notifications())
      assert.is_nil(log:find '"duplicate":true')
      assert.are.same({ "reject" }, site:begun())
      assert.are.same(ground.nothing_wrong(), site:account())
    end))
  end)
end
