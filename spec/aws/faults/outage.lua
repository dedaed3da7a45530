-- Faults of everything at once: throttling, a server that hangs, a network that is gone, dead
-- connections, wrong clocks, credentials that end. The watcher comes through unaided, and does not
-- hammer on the door meanwhile. The outages are shorter here than real ones: what is waited for
-- (the timeout of a poll, the growing pauses) is the same. A part of spec/aws/faults_spec.lua.

local busted = require "busted"
local ground = require "support.ground"
local metadata = require "support.metadata"
local workshop = require "support.workshop"

local describe, it, assert, pending = busted.describe, busted.it, busted.assert, busted.pending
local eventually = workshop.eventually

local function line_of(command)
  local pipe <close> = io.popen(command)
  return pipe:read "l"
end

local FAKETIME = line_of "ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null"

-- Why time cannot be made to pass quickly here.
local function no_faketime()
  if workshop.build:find "sanitize" then
    return "a program that was built with sanitizers starts with nothing preloaded"
  end
  return not FAKETIME and "faketime is not installed" or nil
end

---@param task fun(body: fun(site: watchbot.spec.Site), options: table?): function
return function(task)
  describe("in an outage:", function()
    -- Calls of the log that a fault was applied to, by operation.
    local function struck(site)
      local counts = {}
      for _, call in ipairs(site.proxy:log()) do
        if call.kind then counts[call.operation] = (counts[call.operation] or 0) + 1 end
      end
      return counts
    end

    -- Fault 22, for 6 seconds instead of 60. Without pauses there would be hundreds of calls; the
    -- bound is a generous one. That the pauses are random is for spec/aws/retry_spec.lua to show.
    it("throttling is answered with fewer calls, and work goes on after it", task(function(site)
      local child = site:watch { fields = "workers = 5, visibility = 60,", work = "sleep 0.5" }
      site:send("1", "2", "3")
      eventually(function() return #site:begun() == 3 end, "three tasks run")
      site.proxy:add { kind = "status", status = 400, code = "ThrottlingException", seconds = 6 }
      site:send("4", "5", "6")
      site:finish(child)
      local counts = struck(site)
      assert.is_true(counts.ReceiveMessage >= 3 and counts.ReceiveMessage <= 20,
        counts.ReceiveMessage)
      assert.is_true(counts.DeleteMessageBatch >= 3 and counts.DeleteMessageBatch <= 60,
        counts.DeleteMessageBatch)
      assert.are.equal(6, #site:begun())
      assert.are.same(ground.nothing_wrong(), site:account())
    end))

    -- Fault 23, for 9 seconds instead of 30: a delete is given up after 10, a poll of 1 second
    -- after 11.
    it("a server that hangs is given up, and asked again", task(function(site)
      local child = site:watch {
        fields = "workers = 2, visibility = 60,", work = "while [ ! -e go ]; do sleep 0.05; done",
      }
      site:send("1", "2")
      eventually(function() return #site:begun() == 2 end, "two tasks run")
      site.proxy:add { kind = "drop", seconds = 9 }
      site.folder:write("go", "")
      site:send("3")
      site:finish(child)
      assert.is_true(struck(site).DeleteMessageBatch >= 1)
      assert.are.equal(3, #site:begun())
      assert.are.same(ground.nothing_wrong(), site:account())
    end))

    -- Fault 23: as long as nothing gets through, nothing happens to what runs.
    it("a network that is gone for longer than some leases is survived", task(function(site)
      local child = site:watch { fields = "workers = 3, visibility = 3,", work = "sleep 1" }
      site:send("1", "2", "3", "4", "5", "6")
      eventually(function() return #site:begun() >= 1 end, "tasks run")
      site.proxy:add { kind = "reset", seconds = 6 }
      site:finish(child)
      local account = site:account()
      account.duplicates = {} -- D: leases lapsed
      assert.are.same(ground.nothing_wrong(), account)
    end))

    -- Fault 24. Each connection is closed after an answer that did not say so.
    it("connections that have died silently are opened again, and nobody hears of it",
      task(function(site)
      site.proxy:add { kind = "close" }
      local child = site:watch { fields = "workers = 2, visibility = 60," }
      for index = 1, 5 do
        site:send(tostring(index))
        site:wait_finished(child, index)
      end
      local log = site:finish(child)
      assert.are.same({}, ground.lines(log, "error"))
      assert.are.equal(5, #site:begun())
      assert.are.same(ground.nothing_wrong(), site:account())
    end))

    -- Fault 25. The server's clock is off, which is what our own being off looks like; it refuses
    -- what is signed by another.
    for name, shift in pairs { ahead = 1200, behind = -1200 } do
      it(("a clock that is 20 minutes %s costs one call"):format(name), task(function(site)
        site:send("1", "2", "3")
        site.ground.server:knobs { clock_ahead = shift }
        local log = site:finish(site:watch { fields = "workers = 2, visibility = 60," })
        local refused = 0
        for _, call in ipairs(site.proxy:log()) do
          if call.status == 403 then refused = refused + 1 end
        end
        assert.are.equal(1, refused)
        assert.are.same({}, ground.lines(log, "error"))
        assert.are.same(ground.nothing_wrong(), site:account())
      end))
    end

    describe("credentials", function()
      local server

      local function keys(id, seconds)
        return {
          AccessKeyId = id, SecretAccessKey = "secret-of-" .. id, Token = "token-of-" .. id,
          Expiration = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + seconds),
        }
      end

      local function known(id) return { secret = "secret-of-" .. id, token = "token-of-" .. id } end

      local function with_keys(body)
        return task(function(site)
          server = metadata.start()
          site.ground.server:knobs { keys = { FIRST = known "FIRST", SECOND = known "SECOND" } }
          body(site, {
            AWS_ACCESS_KEY_ID = false, AWS_SECRET_ACCESS_KEY = false,
            AWS_CONTAINER_CREDENTIALS_FULL_URI = server.url .. "/keys",
          })
          server:close()
        end)
      end

      -- Fault 26: AWS refuses them, and the source is down.
      it("that AWS calls expired are replaced when their source is back",
        with_keys(function(site, environment)
        server:set { credentials = keys("FIRST", 3600) }
        local child = site:watch { fields = "visibility = 60,", environment = environment }
        site:send("1")
        site:wait_finished(child, 1)
        server:set { status = 500 }
        site.proxy:add { kind = "status", status = 400, code = "ExpiredTokenException" }
        eventually(function()
          return child:output():find "CredentialsUnavailable"
        end, "there are none")
        site:send("2")
        site.proxy:clear()
        server:set { credentials = keys("SECOND", 3600) }
        site:wait_finished(child, 2)
        local log = site:finish(child)
        for _, secret in ipairs { "secret%-of", "token%-of" } do assert.is_nil(log:find(secret)) end
        assert.are.same(ground.nothing_wrong(), site:account())
      end))

      -- Fault 26: time passes quickly here, by faketime.
      local early = "are refreshed early, and the old ones used while they are valid"
      if no_faketime() then return pending(("%s: %s"):format(early, no_faketime())) end
      it(early, with_keys(function(site, environment)
        server:set { credentials = keys("FIRST", 3600) }
        site.folder:write("clock", "+0")
        environment.LD_PRELOAD, environment.FAKETIME_TIMESTAMP_FILE = FAKETIME,
          site.folder:file "clock"
        environment.FAKETIME_NO_CACHE, environment.FAKETIME_DONT_FAKE_MONOTONIC = "1", "1"
        site.ground.server:knobs { skew = 7200 } -- the server's clock stays
        local child = site:watch { fields = "visibility = 60,", environment = environment }
        site:send("1")
        site:wait_finished(child, 1)
        server:set { status = 500 }
        -- 150 seconds before the end: time for new ones, but the source is down
        site.folder:write("clock", "+3450")
        eventually(function() return #server:calls() >= 2 end, "new ones are asked for")
        site:send("2")
        site:wait_finished(child, 2)
        server:set { credentials = keys("SECOND", 7200) }
        eventually(function() return site.proxy:log("ReceiveMessage")[1]
          and #server:calls() >= 1 end, "they are there")
        site.folder:write("clock", "+3700") -- the first ones have ended
        site:send("3")
        local log = site:finish(child)
        assert.is_nil(log:find "no AWS credentials")
        assert.are.same(ground.nothing_wrong(), site:account())
      end))
    end)
  end)
end
