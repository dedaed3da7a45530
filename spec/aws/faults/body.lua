-- Fault 31: bodies that are hard to hand over. A task gets all of one, or none of it.
-- A part of spec/aws/faults_spec.lua.

local busted = require "busted"
local ground = require "support.ground"
local aws = require "watchbot.core".aws
local workshop = require "support.workshop"

local describe, it, assert = busted.describe, busted.it, busted.assert
local eventually = workshop.eventually

-- The largest body that SQS accepts.
local LARGEST = 1024 * 1024

---@param task fun(body: fun(site: watchbot.spec.Site), options: table?): function
return function(task)
  describe("a body that is hard to hand over:", function()
    local KEEP = [[if [ "$MessageFile" ]; then
      cp "$MessageFile" body; else printf %s "$Message" > body; fi]]

    local function arrives(site, body)
      site:send(body)
      local log = site:stop_when_empty(site:watch { fields = "visibility = 60,", work = KEEP })
      assert.is_true(site.folder:read "body" == body, log:sub(1, 3000))
      assert.are.same({}, ground.lines(log, "error"))
    end

    -- SQS takes no NUL. moto does, and the spec said that such a message arrives.
    it("one with a NUL is refused by SQS, and said so", task(function(site)
      local exit, _, problem =
        site:run({ "send", "--queue", site.queue }, { stdin = "before\0after\n" })
      assert.are.equal(1, exit.code)
      assert.matches("characters", problem)
      assert.are.equal(0, site.checker:counts().visible)
    end))

    it("one of 1 MiB arrives whole, in a file", task(function(site)
      arrives(site, ("0123456789abcde\n"):rep(LARGEST / 16))
    end, { largest = LARGEST }))

    -- The environment takes 128 KiB a string, its name and NUL included.
    it("the largest that the environment takes and the smallest that it does not arrive whole",
      task(function(site)
      local fits = 131072 - #"Message=" - 1
      arrives(site, ("x"):rep(fits))
      arrives(site, ("x"):rep(fits + 1))
    end))

    it("one that is not UTF-8 is refused by whoever sends it, for JSON cannot hold it",
      task(function(site)
      local exit, _, problem =
        site:run({ "send", "--queue", site.queue }, { stdin = "body\xff1\n" })
      assert.are.equal(1, exit.code)
      assert.matches("UTF%-8", problem)
      assert.are.equal(0, site.checker:counts().visible)
    end))

    -- No SQS that works hands out such a thing, since JSON is UTF-8.
    it("one that is not UTF-8 is run whole or not at all", task(function(site)
      site:send "body-1"
      local body = "body\xff1"
      site.proxy:add {
        kind = "replace", operation = "ReceiveMessage", count = 1,
        replace = { { "body-1", "body\u{ff}1" }, { aws.md5 "body-1", aws.md5(body) } },
      }
      site:stop_when_empty(site:watch { fields = "visibility = 1,", work = KEEP })
      local got = site.folder:read "body"
      assert.is_true(got == body or got == "body-1", got)
    end))

    it("one that was changed on its way is not run, and comes back", task(function(site)
      site:send "body-1"
      site.proxy:add {
        kind = "replace", operation = "ReceiveMessage", count = 1, replace = {
          { "body-1", "body" },
        },
      }
      local child = site:watch { fields = "visibility = 4,", work = KEEP }
      eventually(function() return child:output():find "does not match its MD5" end, "it is seen")
      site:stop_when_empty(child)
      assert.are.same({ "body-1" }, site:begun())
      assert.are.equal("body-1", site.folder:read "body")
    end))
  end)
end
