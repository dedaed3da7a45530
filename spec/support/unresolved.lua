-- Run by hung_resolver.py: looks up names without any response, and prints the effect on the loop:
-- the code of the failure, the longest time that the loop was blocked, and how long a cancelled
-- look-up took. Then exits during one.
package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = (os.getenv "WATCHBOT_BUILD" or "build") .. "/lib/?.so;" .. package.cpath

local http = require "watchbot.http"
local scheduler = require "watchbot.scheduler"

scheduler.run(function()
  local worst, last = 0, scheduler.now()
  scheduler.every(0.01, function()
    worst, last = math.max(worst, scheduler.now() - last), scheduler.now()
  end)
  local _, _, code = http.request { url = "http://one.example/", connect_timeout = 0.5 }
  local cancelled = scheduler.spawn(http.request, { url = "http://two.example/" })
  scheduler.sleep(0.1)
  local before = scheduler.now()
  cancelled:cancel "enough"
  cancelled:join()
  print(code, worst, scheduler.now() - before)
  scheduler.spawn(http.request, { url = "http://three.example/" })
  scheduler.sleep(0.1)
end)
