-- Run by hung_resolver.py: looks up names that nobody answers for, and prints what the loop felt of
-- it: the code of the failure, the longest that it stood still, and how long a cancelled look-up
-- took. Then ends in the middle of one.
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
